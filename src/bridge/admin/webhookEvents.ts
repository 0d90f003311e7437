import type { Prisma } from '../../db/database.ts';
import { RequestError } from '../../kit/errors.ts';
import { applyWebhookEvents } from '../jobs.ts';
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
 * @throws RequestError not_found, also when its messenger was deleted; conflict when it was erased with a person.
 */
export async function replayWebhookEvent(deps: Administration, id: string): Promise<WebhookEventRow> {
  await deps.outbox.transaction(async (tx) => {
    const where = { id: BigInt(id) };
    const event = await tx.prisma.webhookEvent.findUnique({ where });
    const messenger = event && (await tx.prisma.messenger.findUnique({ where: { id: event.messengerId } }));
    if (!messenger) throw noSuch('webhook event');
    if ((event.payload as { erased?: true }).erased) throw new RequestError('conflict', 'What it said was erased');
    await tx.prisma.webhookEvent.update({ where, data: { state: 'accepted', note: null, appliedAt: null } });
    const { requestId } = event;
    await tx.enqueue([applyWebhookEvents(event, { gateId: messenger.gateId.toString(), requestId })]);
  });
  return getWebhookEvent(deps, id);
}
