import type { Prisma } from '../../db/database.ts';
import type { OutboxTx } from '../../outbox/job.ts';
import { applyWebhookEvent } from '../jobs.ts';
import type { EventState } from '../model.ts';
import type { Administration, Page } from './deps.ts';
import { newestFirst } from './listing.ts';
import { noSuch } from './refusals.ts';

export interface WebhookEventRow extends Prisma.WebhookEventGetPayload<object> {
  /** Slug; null when the messenger was deleted. */
  messenger: string | null;
}

export interface WebhookEventFilter {
  state?: EventState | undefined;
  type?: string | undefined;
  messenger?: string | undefined;
  externalId?: string | undefined;
}

export async function listWebhookEvents(
  deps: Administration,
  { state, type, messenger: slug, externalId }: WebhookEventFilter,
  page: Page,
): Promise<WebhookEventRow[]> {
  const { prisma } = deps.db;
  const messenger = slug === undefined ? undefined : await prisma.messenger.findUnique({ where: { slug } });
  if (messenger === null) return [];
  const where = {
    ...(state === undefined ? {} : { state }),
    ...(type === undefined ? {} : { type }),
    ...(messenger === undefined ? {} : { messengerId: messenger.id }),
    ...(externalId === undefined ? {} : { externalId }),
  };
  return withSlugs(deps, await prisma.webhookEvent.findMany(newestFirst(page, where)));
}

export async function getWebhookEvent(deps: Administration, id: string): Promise<WebhookEventRow> {
  const row = await deps.db.prisma.webhookEvent.findUnique({ where: { id: BigInt(id) } });
  const [event] = row ? await withSlugs(deps, [row]) : [];
  if (!event) throw noSuch('webhook event');
  return event;
}

async function withSlugs(
  { db }: Administration,
  rows: readonly Prisma.WebhookEventGetPayload<object>[],
): Promise<WebhookEventRow[]> {
  const ids = [...new Set(rows.map((row) => row.messengerId))];
  const messengers = await db.prisma.messenger.findMany({
    where: { id: { in: ids } },
    select: { id: true, slug: true },
  });
  const slugs = new Map(messengers.map(({ id, slug }) => [id, slug]));
  return rows.map((row) => ({ ...row, messenger: slugs.get(row.messengerId) ?? null }));
}

/**
 * Applies an event again. What it already did is recognised: a message by its id, a name by when it was decided.
 * @throws RequestError not_found, also when its messenger was deleted.
 */
export async function replayWebhookEvent(deps: Administration, id: string): Promise<WebhookEventRow> {
  const stuck = await deps.outbox.transaction(async (tx) => {
    await tx.sql.rows('select 1 as locked from webhook_event where id = $1::bigint for update', id);
    const event = await tx.prisma.webhookEvent.findUnique({ where: { id: BigInt(id) } });
    const messenger = event && (await tx.prisma.messenger.findUnique({ where: { id: event.messengerId } }));
    if (!messenger) throw noSuch('webhook event');
    const data = { state: 'accepted', note: null, appliedAt: null };
    await tx.prisma.webhookEvent.update({ where: { id: event.id }, data });
    const gateId = messenger.gateId.toString();
    const { requestId } = event;
    const job = applyWebhookEvent(event.externalId ?? undefined, event.eventId, {
      gateId,
      requestId,
      payload: { eventId: id },
    });
    const known = await jobsOf(tx, gateId, job.lane, id);
    if (known.length === 0) await tx.enqueue([job]);
    return known;
  });
  // Those that wait or run will do it anyway.
  if (stuck.length > 0) await deps.outbox.replay(stuck);
  return getWebhookEvent(deps, id);
}

/** $1 gate, $2 key of the lane, $3 event. Jobs that are done are in another table. */
const JOBS_OF_EVENT = `
select j.id::text as id from lane l join job j on j.lane_id = l.id
where l.gate_id = $1::bigint and l.key = $2 and j.kind = 'applyWebhookEvent' and j.payload->>'eventId' = $3`;

async function jobsOf({ sql }: OutboxTx, gateId: string, lane: string, eventId: string): Promise<string[]> {
  return (await sql.rows<{ id: string }>(JOBS_OF_EVENT, gateId, lane, eventId)).map(({ id }) => id);
}
