import type { Portal } from '../hit.ts';

/** A handler bound to an event (contract platform §5.1). */
export interface BindingRow {
  readonly id: number;
  readonly clientId: string;
  /** In upper case. */
  readonly event: string;
  readonly handler: string;
  /** User whose tokens the event carries; 0: whoever caused it. */
  readonly authType: number;
  readonly offline: boolean;
  readonly connectorId: string;
}

export function bindings(portal: Portal) {
  return portal.table<BindingRow>('bindings');
}

export function handlersOf(portal: Portal, event: string, clientId?: string): BindingRow[] {
  return bindings(portal)
    .values()
    .filter((row) => row.event === event && !row.offline && (clientId === undefined || row.clientId === clientId));
}

export function dropBindings(portal: Portal, clientId: string): void {
  for (const row of bindings(portal).values()) if (row.clientId === clientId) bindings(portal).delete(row.id);
}
