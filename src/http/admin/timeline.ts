import { z } from 'zod';
import {
  conversationTimeline,
  messagePassport,
  type Passport,
  timelineCursor,
  type TimelineRow,
} from '../../bridge/admin/timeline.ts';
import { identifier } from '../../messenger/fields.ts';
import { chatId, chatIdOf, time, timeOf, uuid } from './fields.ts';
import { pageOf, timelinePage, toPage } from './pages.ts';
import { ok, route, type Route } from './route.ts';

const entry = z
  .object({
    at: time,
    type: z.enum(['webhookEvent', 'portalEvent', 'message', 'job', 'attempt']),
    id: z.string(),
    what: z.string().meta({ description: 'Type of the event, kind of the job, direction of the message' }),
    state: z.string().nullable(),
    note: z.string().nullable().meta({ description: 'Why, where there is a reason; the code of a failure' }),
    requestId: z.string().nullable(),
    jobId: z.string().nullable().meta({ description: 'Of an attempt' }),
  })
  .meta({ id: 'TimelineEntry' });

const stage = z
  .object({
    stage: z.string().meta({ examples: ['received:message.created', 'attempted:deliverMessage', 'delivered'] }),
    at: time,
    detail: z.string().nullable(),
  })
  .meta({ id: 'MessageStage' });

const passport = z
  .object({
    gatewayId: z.uuid(),
    conversationId: z.uuid(),
    direction: z.enum(['toPortal', 'toMessenger', 'toCompanion']),
    externalId: z.string().meta({ description: 'Id on the side it comes from' }),
    messageIds: z.array(z.string()).meta({ description: 'Ids the messenger gave it' }),
    part: z.int(),
    author: z.string(),
    state: z.string(),
    lastError: z.string().nullable(),
    chatId: chatId.nullable(),
    deliveredAt: time.nullable(),
    confirmedAt: time.nullable(),
    stages: z.array(stage).meta({ description: 'Oldest first' }),
  })
  .meta({ id: 'MessagePassport', description: 'Every stage of a message, from the webhook to its delivery' });

const present = ({ at, type, id, what, state, note, requestId, jobId }: TimelineRow): object => ({
  at: at.toISOString(),
  ...{ type, id, what, state, note, requestId, jobId },
});

const presentPassport = ({ message, stages }: Passport): object => ({
  gatewayId: message.id,
  conversationId: message.conversationId,
  direction: message.direction,
  externalId: message.externalId,
  messageIds: message.messageIds,
  part: message.part,
  author: message.author,
  state: message.state,
  lastError: message.lastError,
  chatId: chatIdOf(message.chatId),
  deliveredAt: timeOf(message.deliveredAt),
  confirmedAt: timeOf(message.confirmedAt),
  stages: stages.map(({ stage: name, at, detail }) => ({ stage: name, at: at.toISOString(), detail })),
});

export const timelineRoutes: Route[] = [
  route({
    method: 'get',
    path: '/conversations/:id/timeline',
    operationId: 'getTimeline',
    tag: 'Conversations',
    summary: 'Every event, message, job and attempt, newest first',
    scope: 'read',
    params: z.strictObject({ id: uuid }),
    query: z.strictObject(timelinePage),
    responses: { 200: pageOf(entry) },
    handler: async ({ deps, params: { id }, query }) =>
      ok(toPage(await conversationTimeline(deps, id, query), query, timelineCursor, present)),
  }),
  route({
    method: 'get',
    path: '/messages/:id',
    operationId: 'getMessage',
    tag: 'Messages',
    summary: 'What became of a message',
    scope: 'read',
    params: z.strictObject({ id: identifier(255) }),
    query: z.strictObject({ conversationId: uuid.optional() }),
    description: 'By the id of the gateway, of the messenger or of Bitrix24.',
    responses: { 200: passport },
    problems: ['conflict'],
    handler: async ({ deps, params: { id }, query: { conversationId } }) =>
      ok(presentPassport(await messagePassport(deps, id, conversationId))),
  }),
];
