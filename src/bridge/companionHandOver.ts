import type { Database } from '../db/database.ts';
import type { CompanionContext } from './companionSteps.ts';
import type { ConversationContext } from './conversations.ts';

/** When a companion may be handed over: afterwards the bot may change nothing of it any more. */

/** Asked again when the event is twice as old, so that trouble elsewhere does not fill the list of attempts. */
const SOONEST_MS = 100;
const LATEST_MS = 5_000;

/**
 * What was accepted and not applied yet, and may change a title: how long ago. What has been waiting for minutes has
 * trouble of its own, and holds nobody up. $1 messenger, $2 ids of the conversation there.
 */
const NAMES_ON_THEIR_WAY = `
select extract(epoch from now() - min(received_at)) * 1000 as "ageMs" from webhook_event
where messenger_id = $1::uuid and external_id = any($2::text[]) and state = 'accepted'
  and received_at > now() - interval '2 minutes'
  and (type in ('conversation.created', 'conversation.renamed', 'conversation.updated', 'conversation.migrated')
    or payload #>> '{data,conversation,name}' is not null)
having count(*) > 0`;

async function eventAgeMs(
  db: Database,
  { messengerId, externalId, previousIds }: ConversationContext,
): Promise<number | undefined> {
  const ids = [externalId, ...previousIds];
  const [row] = await db.sql.rows<{ ageMs: string }>(NAMES_ON_THEIR_WAY, messengerId, ids);
  return row && Number(row.ageMs);
}

/**
 * Asked right before the owner is set: undefined when nothing is on its way, else after how many milliseconds to look
 * again. `read`: the companion as it is now; what was applied meanwhile shows there, because the events are looked for
 * first.
 */
export async function handOverLaterBy<Wanted>(
  companion: CompanionContext,
  {
    db,
    read,
    wantedOf,
  }: {
    db: Database;
    read: () => Promise<CompanionContext | undefined>;
    wantedOf: (companion: CompanionContext) => Wanted;
  },
): Promise<number | undefined> {
  const ageMs = await eventAgeMs(db, companion.conversation);
  if (ageMs !== undefined) return Math.min(LATEST_MS, Math.max(SOONEST_MS, ageMs));
  const now = await read();
  const isSame = now !== undefined && JSON.stringify(wantedOf(now)) === JSON.stringify(wantedOf(companion));
  return isSame ? undefined : 0;
}
