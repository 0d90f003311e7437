import type { Hit, Portal } from '../hit.ts';
import { placements } from '../placements.ts';
import { connectors } from './connectors.ts';
import { raiseLineDelete } from './connectorEvents.ts';
import { lines } from './lines.ts';
import { deleteStatus, statuses } from './statuses.ts';

/** Each connector of the line hears of it, then everybody hears of the line; dialogs stay (contract imconnector §5.10). */
export function deleteLine(hit: Hit, lineId: number): boolean {
  if (!lines(hit.portal).delete(lineId)) return false;
  for (const row of statuses(hit.portal).values()) {
    if (row.line === lineId) deleteStatus(hit, row.connector, lineId);
  }
  raiseLineDelete(hit, lineId);
  return true;
}

/** All lines of the connector are cut, whoever owns it; the registration goes only if it is ours (contract imconnector §3.6). */
export function unregisterConnector(hit: Hit, id: string, clientId: string): void {
  const { portal } = hit;
  for (const row of statuses(portal).values()) if (row.connector === id) deleteStatus(hit, id, row.line);
  const connector = connectors(portal).get(id);
  if (connector?.ownerClientId !== clientId) return;
  connectors(portal).delete(id);
  placements(portal).delete(connector.placementId);
}

/** An uninstalled application takes its connectors with it; dialogs and clients stay (contract imconnector §5.11). */
export function removeApplicationData(portal: Portal, clientId: string): void {
  for (const connector of connectors(portal).values()) {
    if (connector.ownerClientId !== clientId) continue;
    for (const row of statuses(portal).values()) {
      if (row.connector === connector.id) statuses(portal).delete(`${row.connector}|${row.line}`);
    }
    connectors(portal).delete(connector.id);
  }
  for (const row of placements(portal).values()) if (row.clientId === clientId) placements(portal).delete(row.id);
}

/** Temporary lines are deleted by an agent (contract imconnector §3.14). */
export function deleteExpiredLines(hit: Hit): void {
  for (const line of lines(hit.portal).values()) {
    if ((line.expiresAt ?? Infinity) <= hit.portal.clock.now()) deleteLine(hit, line.id);
  }
}
