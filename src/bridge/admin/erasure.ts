import type { Tx } from '../../db/database.ts';
import type { OutboxTx } from '../../outbox/job.ts';
import type { Administration } from './deps.ts';
import { getMessenger } from './messengers.ts';

/**
 * Erases what is stored of one person of a messenger. Ids stay, of events and of messages: without them a repeated
 * webhook would be taken for a new one, and the person would be back. What is on the portal is erased there.
 */

/** How many rows of each sort were erased now; a repetition finds nothing. */
export interface Erased {
  profile: number;
  messages: number;
  webhookEvents: number;
  portalEvents: number;
  conversations: number;
  findings: number;
  importLines: number;
}

/** Whom it is about. `own`: conversations of this person alone; `shared`: others that they were seen in. */
interface Subject {
  messengerId: string;
  personId: string;
  own: string[];
  shared: string[];
}

/** Stored events looked through in one statement. */
const PAGE = 20_000;

/** Of this person alone: their direct dialogs, and conversations of two that they wrote in. $1 messenger, $2 person. */
const OWN = `
select c.id::text as id from conversation c where c.messenger_id = $1::uuid and (c.external_user_id = $2
  or (c.kind = 'direct' and exists (select 1 from message m
    where m.conversation_id = c.id and m.sender_id = $2 and m.author = 'person')))`;

/** $1 messenger, $2 person. */
const WRITTEN_IN = `
select distinct c.id::text as id from message m join conversation c on c.id = m.conversation_id
where m.sender_id = $2 and c.messenger_id = $1::uuid`;

/**
 * One page of the messenger's events; nothing indexes who is named in them. What was not applied yet never will be.
 * $1 messenger, $2 person, $3 ids of their own conversations, $4 after, $5 limit.
 */
const ERASE_EVENTS = `
with page as (
  select id from webhook_event where messenger_id = $1::uuid and id > $4::bigint order by id limit $5::int),
erased as (
  update webhook_event e set
    payload = jsonb_build_object('type', e.type, 'timestamp', e.payload -> 'timestamp', 'data', '{}'::jsonb, 'erased', true),
    state = case when e.state in ('accepted', 'unhandled') then 'ignored' else e.state end, note = 'erased'
  from page where e.id = page.id and not e.payload ? 'erased' and (
    e.external_id = any($3::text[])
    or e.payload -> 'data' -> 'sender' ->> 'id' = $2
    or e.payload -> 'data' -> 'participant' ->> 'id' = $2
    or e.payload -> 'data' -> 'participants' @> jsonb_build_array(jsonb_build_object('id', $2::text)))
  returning e.external_id)
select (select max(id)::text from page) as last, (select count(*)::int from page) as seen,
  (select count(*)::int from erased) as erased,
  (select coalesce(array_agg(distinct external_id), '{}') from erased where external_id is not null) as "externalIds"`;

/**
 * Of imports that are still being stored; without a name a line maps the conversation and no more. A chunk that is under
 * way holds its lines, so this waits for what it creates. $1 messenger, $2 person, $3 ids of their own conversations.
 */
const ERASE_IMPORT_LINES = `
update import_line set name = null
where name is not null and channel_id in (select id from channel where messenger_id = $1::uuid)
  and (external_user_id = $2 or external_id = any($3::text[]))
returning 1 as erased`;

/** Everything in their own conversations, what they wrote in others, and what the gateway said about it. */
const ERASE_MESSAGES = `
update message m set text = '', attachments = '[]', state = 'erased', last_error = null,
  deleted_at = coalesce(m.deleted_at, $4::timestamptz)
from conversation c
where c.id = m.conversation_id and c.messenger_id = $1::uuid and m.state <> 'erased' and (
  m.conversation_id = any($3::uuid[])
  or (m.sender_id = $2 and m.author <> 'gateway')
  or (m.conversation_id = any($5::uuid[]) and m.author = 'gateway' and (
    m.text like '% joined the conversation' or m.text like '% left the conversation'
    or m.external_id like 'note-files-%')))
returning 1 as erased`;

/** A name that was decided stays decided: an older one that comes late must not bring it back. */
const ERASE_CONVERSATIONS = `
update conversation set wanted_name = null, held_name = null, applied_name = null, applied_title = null, url = null,
  avatar_url = null, topic = null, name_error = null,
  name_state = case when chat_id is null then 'waitingForDialog' else 'applied' end
where id = any($1::uuid[]) and coalesce(wanted_name, held_name, applied_name, applied_title, url, avatar_url, topic) is not null
returning 1 as erased`;

const ERASE_COMPANIONS = `
update companion set title = null, description = null, avatar = null, applied_title = null, applied_description = null,
  applied_avatar_hash = null
where conversation_id = any($1::uuid[])`;

const ERASE_PORTAL_EVENTS = `
update portal_event set payload = '{"erased": true}' where conversation_id = any($1::uuid[])
  and not payload ? 'erased' and state <> 'accepted' returning 1 as erased`;

const ERASE_FINDINGS = `
update run_finding set detail = '{}' where conversation_id = any($1::uuid[]) and detail <> '{}' returning 1 as erased`;

/** The portal's own words about a failure may repeat a name. */
const ERASE_WORDS = [
  `update attempt set detail = null where detail is not null and job_id in (
    select id from job where conversation_id = any($1::uuid[])
    union all select id from finished_job where conversation_id = any($1::uuid[]))`,
  'update job set last_error = null where conversation_id = any($1::uuid[]) and last_error is not null',
];

/** @throws RequestError not_found: no such messenger. Somebody unknown is somebody of whom nothing is stored. */
export async function erasePerson(deps: Administration, slug: string, personId: string): Promise<Erased> {
  const { id: messengerId } = await getMessenger(deps, slug);
  const subject = await subjectOf(deps, messengerId, personId);
  const externalIds = await externalIdsOf(deps, subject.own);
  // Events first: what is still to be applied would bring back what is erased before it.
  const { webhookEvents, seenIn } = await eraseEvents(deps, subject, externalIds);
  const lines = await deps.db.sql.rows(ERASE_IMPORT_LINES, messengerId, personId, externalIds);
  // Again: an event or a line may have been applied before its turn to be erased, and have mapped another conversation.
  const found = await subjectOf(deps, messengerId, personId);
  const shared = [...new Set([...found.shared, ...seenIn.filter((id) => !found.own.includes(id))])];
  const rest = await deps.outbox.transaction((tx) => eraseState(tx, { ...found, shared }, new Date(deps.clock.now())));
  return { ...rest, webhookEvents, importLines: lines.length };
}

const idsOf = (rows: readonly { id: string }[]): string[] => rows.map(({ id }) => id);

async function subjectOf({ db }: Administration, messengerId: string, personId: string): Promise<Subject> {
  const own = idsOf(await db.sql.rows<{ id: string }>(OWN, messengerId, personId));
  const written = idsOf(await db.sql.rows<{ id: string }>(WRITTEN_IN, messengerId, personId));
  return { messengerId, personId, own, shared: written.filter((id) => !own.includes(id)) };
}

/** The messenger's ids of conversations, the present ones and earlier ones. */
async function externalIdsOf({ db }: Administration, conversationIds: readonly string[]): Promise<string[]> {
  const where = { id: { in: [...conversationIds] } };
  const conversations = await db.prisma.conversation.findMany({
    where,
    select: { externalId: true, previousIds: true },
  });
  return conversations.flatMap(({ externalId, previousIds }) => [externalId, ...previousIds]);
}

async function eraseEvents(
  { db }: Administration,
  { messengerId, personId, own }: Subject,
  ownExternalIds: readonly string[],
): Promise<{ webhookEvents: number; seenIn: string[] }> {
  interface Page {
    last: string | null;
    seen: number;
    erased: number;
    externalIds: string[];
  }
  const seenAt = new Set<string>();
  let webhookEvents = 0;
  for (let after = '0', full = true; full;) {
    const [page] = await db.sql.rows<Page>(ERASE_EVENTS, messengerId, personId, ownExternalIds, after, PAGE);
    webhookEvents += page?.erased ?? 0;
    for (const id of page?.externalIds ?? []) seenAt.add(id);
    after = page?.last ?? after;
    full = page?.seen === PAGE;
  }
  const where = { messengerId, externalId: { in: [...seenAt] }, id: { notIn: own } };
  return { webhookEvents, seenIn: idsOf(await db.prisma.conversation.findMany({ where, select: { id: true } })) };
}

async function eraseState(
  tx: OutboxTx,
  subject: Subject,
  now: Date,
): Promise<Omit<Erased, 'webhookEvents' | 'importLines'>> {
  const { messengerId, personId, own, shared } = subject;
  const count = async (...[statement, ...values]: Parameters<Tx['sql']['rows']>): Promise<number> =>
    (await tx.sql.rows(statement, ...values)).length;
  // In the order everybody locks in: conversations before what hangs on them.
  await tx.sql.rows('select 1 as locked from conversation where id = any($1::uuid[]) order by id for update', own);
  const conversations = await count(ERASE_CONVERSATIONS, own);
  await tx.sql.rows(ERASE_COMPANIONS, own);
  const messages = await count(ERASE_MESSAGES, messengerId, personId, own, now, shared);
  const portalEvents = await count(ERASE_PORTAL_EVENTS, own);
  const findings = await count(ERASE_FINDINGS, own);
  for (const statement of ERASE_WORDS) await tx.sql.rows(statement, [...own, ...shared]);
  const { count: profile } = await tx.prisma.person.deleteMany({ where: { messengerId, externalId: personId } });
  return { profile, messages, portalEvents, conversations, findings };
}
