import type { Prisma } from '../../db/database.ts';
import { RequestError } from '../../kit/errors.ts';
import type { Administration, Page } from './deps.ts';
import { noSuch } from './refusals.ts';
import { UUID } from '../../kit/uuid.ts';

/** What happened to a conversation, and to one message. */

export interface TimelineRow {
  /** Orders entries of the same moment. */
  key: string;
  at: Date;
  type: 'webhookEvent' | 'portalEvent' | 'message' | 'job' | 'attempt';
  id: string;
  /** Type of the event, kind of the job, direction of the message. */
  what: string;
  state: string | null;
  note: string | null;
  requestId: string | null;
  /** Of an attempt: its job. */
  jobId: string | null;
}

/** $1 conversation, $2 messenger, $3 its ids there, $4 and $5 the last entry seen, $6 limit. */
const TIMELINE = `
with jobs as (
  select id, kind, state, last_code, request_id, created_at from job where conversation_id = $1::uuid
  union all
  select id, kind, 'done', null, request_id, created_at from finished_job where conversation_id = $1::uuid),
entries as (
  select received_at as at, 'webhookEvent' as type, id::text as id, type as what, state, note, request_id, null as job_id
  from webhook_event where messenger_id = $2::uuid and external_id = any($3::text[])
  union all
  select received_at, 'portalEvent', id::text, event, state, note, request_id, null
  from portal_event where conversation_id = $1::uuid
  union all
  select created_at, 'message', id::text, direction, state, last_error, null, null
  from message where conversation_id = $1::uuid
  union all
  select created_at, 'job', id::text, kind, state, last_code, request_id, null from jobs
  union all
  select a.started_at, 'attempt', a.id::text, j.kind, a.outcome, a.code, j.request_id, j.id::text
  from attempt a join jobs j on j.id = a.job_id),
keyed as (select *, type || ':' || lpad(id, 20, '0') as key from entries)
select key, at, type, id, what, state, note, request_id as "requestId", job_id as "jobId" from keyed
where $4::timestamptz is null or (date_trunc('milliseconds', at), key) < ($4::timestamptz, $5::text)
order by date_trunc('milliseconds', at) desc, key desc limit $6::int`;

export const timelineCursor = ({ at, key }: TimelineRow): string => `${at.toISOString()}|${key}`;

/** Newest first: events, messages, jobs and every attempt. */
export async function conversationTimeline(
  { db }: Administration,
  id: string,
  { limit, cursor }: Page,
): Promise<TimelineRow[]> {
  const conversation = await db.prisma.conversation.findUnique({ where: { id } });
  if (!conversation) throw noSuch('conversation');
  const { messengerId, externalId, previousIds } = conversation;
  const [at = null, key = null] = cursor === undefined ? [] : cursor.split('|', 2);
  return db.sql.rows<TimelineRow>(TIMELINE, id, messengerId, [externalId, ...previousIds], at, key, limit + 1);
}

export type PassportRow = Prisma.MessageGetPayload<object>;
export interface Stage {
  stage: string;
  at: Date;
  detail: string | null;
}
export interface Passport {
  message: PassportRow;
  stages: Stage[];
}

/**
 * By our own id, or the id either side gave it. `conversationId` tells two conversations apart that use the same one.
 * @throws RequestError not_found; conflict when several messages have the id.
 */
export async function messagePassport(
  { db }: Administration,
  id: string,
  conversationId: string | undefined,
): Promise<Passport> {
  const within = conversationId === undefined ? {} : { conversationId };
  const own = UUID.test(id) ? await db.prisma.message.findFirst({ where: { id, ...within } }) : null;
  const rows = own
    ? [own]
    : await db.prisma.message.findMany({
        where: { ...within, OR: [{ externalId: id }, { messageIds: { has: id } }] },
        orderBy: [{ part: 'asc' }, { id: 'asc' }],
        take: 50,
      });
  const [message] = rows;
  if (!message) throw noSuch('message');
  const conversations = [...new Set(rows.map((row) => row.conversationId))];
  if (conversations.length > 1) {
    const detail = 'Several conversations have a message with this id: name one by conversationId';
    throw new RequestError('conflict', detail, { conversationIds: conversations });
  }
  return { message, stages: await stagesOf(db, message) };
}

/** $1 message. Its jobs carry its id as payload. */
const ATTEMPTS = `
with jobs as (
  select id, kind, created_at from job where conversation_id = $2::uuid and payload ->> 'messageId' = $1
  union all
  select id, kind, created_at from finished_job where conversation_id = $2::uuid and payload ->> 'messageId' = $1)
select 'queued' as what, kind, null as outcome, null as code, created_at as at from jobs
union all
select 'attempted', j.kind, a.outcome, a.code, a.started_at from attempt a join jobs j on j.id = a.job_id`;

async function stagesOf({ sql, prisma }: Administration['db'], message: PassportRow): Promise<Stage[]> {
  interface Row {
    what: string;
    kind: string;
    outcome: string | null;
    code: string | null;
    at: Date;
  }
  const work = await sql.rows<Row>(ATTEMPTS, message.id, message.conversationId);
  const events = await eventsOf(prisma, message);
  const stage = (name: string, at: Date | null, detail: string | null = null): Stage[] =>
    at === null ? [] : [{ stage: name, at, detail }];
  return [
    ...stage('written', message.sentAt),
    ...events,
    ...stage('stored', message.createdAt),
    ...work.flatMap((row) =>
      stage(`${row.what}:${row.kind}`, row.at, [row.outcome, row.code].filter(Boolean).join(' ') || null),
    ),
    ...stage('edited', message.editedAt),
    ...stage('deleted', message.deletedAt),
    ...stage('delivered', message.deliveredAt),
    ...stage('confirmed', message.confirmedAt),
    ...stage('read', message.readAt),
  ].sort((a, b) => a.at.getTime() - b.at.getTime());
}

/** The webhooks that spoke of it. */
async function eventsOf(prisma: Administration['db']['prisma'], message: PassportRow): Promise<Stage[]> {
  const conversation = await prisma.conversation.findUnique({ where: { id: message.conversationId } });
  if (!conversation || message.direction !== 'toPortal') return [];
  const rows = await prisma.webhookEvent.findMany({
    where: {
      messengerId: conversation.messengerId,
      externalId: { in: [conversation.externalId, ...conversation.previousIds] },
      payload: { path: ['data', 'message', 'id'], equals: message.externalId },
    },
    orderBy: { id: 'asc' },
    take: 50,
  });
  return rows.map(({ type, state, receivedAt }) => ({ stage: `received:${type}`, at: receivedAt, detail: state }));
}
