import type { Call } from '../bitrix24/portalApi.ts';
import type { Database, Tx } from '../db/database.ts';
import type { Clock } from '../kit/clock.ts';
import type { Sweep } from './model.ts';
import { createSessionReader, spokenSessions } from './sessions.ts';

/**
 * Sessions of a whole portal, found by their numbers, which grow: those that began while nobody listened, whatever dialog
 * they are of. A dialog that is closed again names none of them. With its number a session is shown to everybody
 * (documentation of imopenlines.session.history.get).
 */

/** Sessions asked for in one request. */
const CHUNK = 50;
/** Where so many requests in a row show nothing there are no more: numbers may be missing, or hidden from us. */
const EMPTY_CHUNKS = 2;
/** Of a silence in which a portal began more than these the first ones are found, and what open dialogs tell. */
const MOST = 1_000;
/** Numbers before the last known one: events come in any order. */
const OVERLAP = 10;

/**
 * The greatest number of a session that was known at a moment. What was said since then may have told of sessions that are
 * younger than those nobody told us of. $1 portal, $2 moment.
 */
const LAST_KNOWN = `
with recent as materialized (select distinct conversation_id as id from message where created_at >= $2),
known as (
  select c.session_id from conversation c join channel ch on ch.id = c.channel_id
  where ch.portal_id = $1::uuid and not exists (select 1 from recent r where r.id = c.id)
  union all
  select m.session_id from recent r join conversation c on c.id = r.id join channel ch on ch.id = c.channel_id
    join message m on m.conversation_id = c.id
  where ch.portal_id = $1::uuid and m.created_at < $2)
select max(session_id::bigint)::text as last from known where session_id ~ '^[0-9]{1,15}$'`;

/** After which number a run has to look; undefined where no session is known yet. */
export async function sessionsKnownAt(
  { sql }: Pick<Tx, 'sql'>,
  portalId: string,
  at: Date,
): Promise<number | undefined> {
  const [row] = await sql.rows<{ last: string | null }>(LAST_KNOWN, portalId, at);
  return row?.last ? Math.max(0, Number(row.last) - OVERLAP) : undefined;
}

export const beginSweep = (after: number): Sweep => ({ next: after + 1, end: after + MOST, empty: 0, begun: {} });

/** Pure: there is nothing more to look at. */
export const isSwept = ({ next, end, empty }: Sweep): boolean => next > end || empty >= EMPTY_CHUNKS;

/** Looks at the next sessions, with one request. */
export async function sweepOn(
  call: Call,
  { portalId, sweep }: { portalId: string; sweep: Sweep },
  deps: { db: Database; clock: Clock },
): Promise<Sweep> {
  const { next, empty, begun } = sweep;
  const seen = await createSessionReader(call, deps).seen(Array.from({ length: CHUNK }, (_, index) => next + index));
  const ours = await deps.db.prisma.conversation.findMany({
    where: { channel: { portalId }, chatId: { in: seen.map(({ chatId }) => chatId) } },
    select: { id: true, chatId: true },
  });
  const spoken = await spokenSessions(
    deps.db,
    ours.map(({ id }) => id),
  );
  const found = ours.flatMap(({ id, chatId }) => {
    const known = new Set(spoken.get(id)?.map((session) => String(session.id)));
    const news = seen.filter((session) => session.chatId === chatId && !known.has(session.sessionId));
    const numbers = [...(begun[id] ?? []), ...news.map((one) => Number(one.sessionId))];
    return news.length === 0 ? [] : [{ [id]: numbers }];
  });
  return {
    ...sweep,
    next: next + CHUNK,
    empty: seen.length === 0 ? empty + 1 : 0,
    begun: Object.assign({}, begun, ...found) as Record<string, number[]>,
  };
}
