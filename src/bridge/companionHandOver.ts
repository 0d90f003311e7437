import type { Database } from '../db/database.ts';
import type { CompanionContext } from './companionSteps.ts';
import type { ConversationContext } from './conversations.ts';

/** Whether a companion is as it shall be for good: once it is handed over, the bot may change nothing of it any more. */

/**
 * What was accepted and not applied yet, and may change a title. What has been waiting for minutes has trouble of its
 * own, and holds nobody up. $1 messenger, $2 ids of the conversation there.
 */
const NAMES_ON_THEIR_WAY = `
select 1 as found from webhook_event
where messenger_id = $1::uuid and external_id = any($2::text[]) and state = 'accepted'
  and received_at > now() - interval '2 minutes'
  and (type in ('conversation.created', 'conversation.renamed', 'conversation.updated', 'conversation.migrated')
    or payload #>> '{data,conversation,name}' is not null)
limit 1`;

const namesAreOnTheirWay = async (
  db: Database,
  { messengerId, externalId, previousIds }: ConversationContext,
): Promise<boolean> => (await db.sql.rows(NAMES_ON_THEIR_WAY, messengerId, [externalId, ...previousIds])).length > 0;

/**
 * Looked at right before the owner is set. `read`: the companion as it is now; what was applied meanwhile shows there,
 * because the events are looked for first.
 */
export async function isFinal<Wanted>(
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
): Promise<boolean> {
  if (await namesAreOnTheirWay(db, companion.conversation)) return false;
  const now = await read();
  return now !== undefined && JSON.stringify(wantedOf(now)) === JSON.stringify(wantedOf(companion));
}
