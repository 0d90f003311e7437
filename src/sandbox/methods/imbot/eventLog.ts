import type { Portal } from '../../hit.ts';
import { eventsOf, type BotEventRow, type BotRow } from './tables.ts';

/** Undocumented, and the reason why a gateway must not sleep longer (contract imbot §9.1). */
const KEPT_MS = 24 * 3600 * 1000;

/** Waiting events from `offset` on, oldest first. A positive offset forgets everything before it, for good. */
export function takeEvents(portal: Portal, bot: BotRow, offset: number, limit: number): BotEventRow[] {
  const table = eventsOf(portal, bot.id);
  const oldest = portal.clock.now() - KEPT_MS;
  for (const event of table.values()) if (event.at <= oldest || event.id < offset) table.delete(event.id);
  return table
    .values()
    .sort((left, right) => left.id - right.id)
    .slice(0, limit);
}
