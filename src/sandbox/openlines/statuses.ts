import type { Hit, Portal } from '../hit.ts';
import { raiseStatusDelete } from './connectorEvents.ts';

/** A connector on a line (contract imconnector §2). */
export interface StatusRow {
  readonly connector: string;
  readonly line: number;
  readonly active: boolean;
  readonly connection: boolean;
  readonly register: boolean;
  readonly error: boolean;
  readonly data: Readonly<Record<string, unknown>>;
}

const INACTIVE = { active: false, connection: false, register: false, error: false, data: {} };

export function statuses(portal: Portal) {
  return portal.table<StatusRow>('statuses');
}

export function statusOf(portal: Portal, connector: string, line: number): StatusRow {
  const id = connector.toLowerCase();
  return statuses(portal).get(`${id}|${line}`) ?? { ...INACTIVE, connector: id, line };
}

export function putStatus(portal: Portal, row: StatusRow): void {
  statuses(portal).put(`${row.connector}|${row.line}`, row);
}

export function isConfigured(row: StatusRow): boolean {
  return row.active && row.connection && row.register;
}

/** NOT_ACTIVE_LINE is about this, not about the line's own switch (contract imconnector §0.8). */
export function isUsable(row: StatusRow): boolean {
  return isConfigured(row) && !row.error;
}

/** The data go with the row, and the event is fired even if there was none (contract imconnector §3.2). */
export function deleteStatus(hit: Hit, connector: string, line: number): void {
  statuses(hit.portal).delete(`${connector.toLowerCase()}|${line}`);
  raiseStatusDelete(hit, connector.toLowerCase(), line);
}
