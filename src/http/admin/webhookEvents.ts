import { z } from 'zod';
import {
  getWebhookEvent,
  listWebhookEvents,
  replayWebhookEvent,
  type WebhookEventRow,
} from '../../bridge/admin/webhookEvents.ts';
import { text } from '../../messenger/fields.ts';
import { digits, time, timeOf } from './fields.ts';
import { digitsPage, pageOf, toPage } from './pages.ts';
import { accepted, ok, route, type Route } from './route.ts';

const tag = 'Webhook events';
const params = z.strictObject({ id: digits });
const state = z.enum(['accepted', 'applied', 'ignored', 'unhandled', 'failed']).meta({
  description: '`accepted`: not applied yet. `ignored`, `unhandled`, `failed`: without effect, `note` says why.',
});

const event = z
  .object({
    id: z.string(),
    messenger: z.string().nullable().meta({ description: 'Slug; null when it was removed' }),
    eventId: z.string().meta({ description: 'What repetitions are recognised by' }),
    type: z.string(),
    externalId: z.string().nullable().meta({ description: 'The conversation, as the messenger knows it' }),
    state,
    note: z.string().nullable(),
    requestId: z.string(),
    receivedAt: time,
    appliedAt: time.nullable(),
  })
  .meta({ id: 'WebhookEvent', description: 'What a webhook carried' });

const eventWithPayload = event
  .extend({ payload: z.record(z.string(), z.unknown()) })
  .meta({ id: 'WebhookEventWithPayload' });

const present = (row: WebhookEventRow): object => ({
  id: row.id.toString(),
  messenger: row.messenger,
  eventId: row.eventId,
  type: row.type,
  externalId: row.externalId,
  state: row.state,
  note: row.note,
  requestId: row.requestId,
  receivedAt: row.receivedAt.toISOString(),
  appliedAt: timeOf(row.appliedAt),
});
const inFull = (row: WebhookEventRow): object => ({ ...present(row), payload: row.payload });

export const webhookEventRoutes: Route[] = [
  route({
    method: 'get',
    path: '/webhook-events',
    operationId: 'listWebhookEvents',
    tag,
    summary: 'Received events, newest first',
    scope: 'read',
    query: z.strictObject({
      ...digitsPage,
      state: state.optional(),
      type: text.optional(),
      messenger: text.optional().meta({ description: 'Slug' }),
      externalId: text.optional().meta({ description: 'The conversation, as the messenger knows it' }),
    }),
    responses: { 200: pageOf(event) },
    handler: async ({ deps, query }) =>
      ok(toPage(await listWebhookEvents(deps, query, query), query, ({ id }) => id.toString(), present)),
  }),
  route({
    method: 'get',
    path: '/webhook-events/:id',
    operationId: 'getWebhookEvent',
    tag,
    summary: 'One event with its payload',
    scope: 'read',
    params,
    responses: { 200: eventWithPayload },
    handler: async ({ deps, params: { id } }) => ok(inFull(await getWebhookEvent(deps, id))),
  }),
  route({
    method: 'post',
    path: '/webhook-events/:id/replay',
    operationId: 'replayWebhookEvent',
    tag,
    summary: 'Apply an event again',
    scope: 'write',
    params,
    description: 'What it already did is recognised: a message by its id, a name by when it was decided.',
    responses: { 202: eventWithPayload },
    problems: ['conflict'],
    handler: async ({ deps, params: { id } }) => accepted(inFull(await replayWebhookEvent(deps, id))),
  }),
];
