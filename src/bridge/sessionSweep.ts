import type { Call } from '../bitrix24/portalApi.ts';
import type { Database, Tx } from '../db/database.ts';
import type { Clock } from '../kit/clock.ts';
import type { Sweep } from './model.ts';
import { createSessionReader } from './sessions.ts';

/**
 * Sessions of a whole portal, found by their numbers, which grow by one: those that began while nobody listened, whatever
 * dialog they are of. A dialog that is closed again names none of them.
 */

/** Sessions asked for in one request; when none of so many can be seen, there are no more. */
const CHUNK = 50;
/** Of a long silence on a busy portal only the first ones; dialogs name their last session besides. */
const MOST = 1_000;

/** $1 portals. */
const LAST_KNOWN = `
select ch.portal_id::text as portal, max(c.session_id::bigint)::text as last
from conversation c join channel ch on ch.id = c.channel_id
where ch.portal_id = any($1::uuid[]) and c.session_id ~ '^[0-9]{1,18}$' group by 1`;

/** The greatest number of a session we know of, by portal. */
export async function lastKnownSessions({ sql }: Pick<Tx, 'sql'>, portalIds: readonly string[]) {
  const rows = await sql.rows<{ portal: string; last: string }>(LAST_KNOWN, portalIds);
  return new Map(rows.map(({ portal, last }) => [portal, Number(last)]));
}

/** What was looked through is not looked through again. $1 portal. */
const SWEPT_TO = `
select max((options #>> '{sweep,to}')::bigint)::text as last
from run where portal_id = $1::uuid and kind = 'recoverReplies' and state = 'done'`;

/** Looks through the sessions after number `after`. */
export async function sweepSessions(
  call: Call,
  { portalId, after }: { portalId: string; after: number },
  deps: { db: Database; clock: Clock },
): Promise<Sweep> {
  const [swept] = await deps.db.sql.rows<{ last: string | null }>(SWEPT_TO, portalId);
  const first = Math.max(after, Number(swept?.last ?? 0)) + 1;
  const byChat = new Map<string, number[]>();
  let to = first - 1;
  for (let from = first; from < first + MOST; from += CHUNK) {
    const ids = Array.from({ length: CHUNK }, (_, index) => from + index);
    const seen = await createSessionReader(call, deps).seen(ids);
    if (seen.length === 0) break;
    for (const { chatId, sessionId } of seen) byChat.set(chatId, [...(byChat.get(chatId) ?? []), Number(sessionId)]);
    to = Math.max(...seen.map(({ sessionId }) => Number(sessionId)));
  }
  const ours = await deps.db.prisma.conversation.findMany({
    where: { channel: { portalId }, chatId: { in: [...byChat.keys()] } },
    select: { id: true, chatId: true },
  });
  return { to, begun: Object.fromEntries(ours.map(({ id, chatId }) => [id, byChat.get(chatId ?? '') ?? []])) };
}
