import type { Portal } from '../hit.ts';

/** A connector an application registered, portal-wide (contract imconnector §2). */
export interface ConnectorRow {
  /** In lower case. */
  readonly id: string;
  readonly name: string;
  readonly icon: Readonly<Record<string, unknown>>;
  readonly iconDisabled: Readonly<Record<string, unknown>>;
  readonly flags: Readonly<Record<ConnectorFlag, boolean>>;
  readonly ownerClientId: string;
  readonly placementId: number;
}

/** Flags of imconnector.register with their defaults. */
export const FLAG_DEFAULTS = {
  DEL_EXTERNAL_MESSAGES: true,
  EDIT_INTERNAL_MESSAGES: true,
  DEL_INTERNAL_MESSAGES: true,
  NEWSLETTER: true,
  NEED_SYSTEM_MESSAGES: true,
  NEED_SIGNATURE: true,
  CHAT_GROUP: false,
} as const;

export type ConnectorFlag = keyof typeof FLAG_DEFAULTS;

export function connectors(portal: Portal) {
  return portal.table<ConnectorRow>('connectors');
}

/** Providers are found in any case (contract imconnector §0.10). */
export function connectorOf(portal: Portal, id: string): ConnectorRow | undefined {
  return connectors(portal).get(id.toLowerCase());
}

/** The list of group connectors is searched with the exact spelling, unlike the providers (contract imconnector §3.13). */
export function isGroupConnector(portal: Portal, exactId: string): boolean {
  return connectors(portal).get(exactId)?.flags.CHAT_GROUP ?? false;
}
