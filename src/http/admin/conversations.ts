import { z } from 'zod';
import {
  changeConversation,
  getConversation,
  listConversations,
  mapConversation,
  removeConversation,
  resyncConversation,
} from '../../bridge/admin/conversations.ts';
import { holdConversation } from '../../bridge/admin/locks.ts';
import { id as externalId, text } from '../../messenger/fields.ts';
import { companionState, conversation, kind, nameState, presentConversation as present } from './conversationView.ts';
import { line, uuid } from './fields.ts';
import { pageOf, toPage, uuidPage } from './pages.ts';
import { accepted, created, gone, ok, route, type Route } from './route.ts';

const tag = 'Conversations';
const params = z.strictObject({ id: uuid });
const name = line(1000).meta({ description: 'One line; cut to 255 characters where the portal shows it.' });

const mapping = z
  .strictObject({
    channelId: uuid,
    externalId: externalId.meta({ description: 'Id in the messenger' }),
    name: name.optional(),
    kind: kind.optional().meta({ description: "The connector's, when left out" }),
    externalUserId: externalId.optional().meta({ description: 'The person a direct dialog belongs to' }),
  })
  .meta({ id: 'NewConversation' });

const change = z
  .strictObject({
    name: name.optional(),
    nameLocked: z
      .boolean()
      .optional()
      .meta({ description: 'True: names from the messenger are kept aside. False: the newest of them counts.' }),
    channelId: uuid.optional().meta({ description: 'Moves it to another channel of the same messenger' }),
  })
  .meta({ id: 'ConversationChange', description: 'What is left out stays.' });

const filters = z.strictObject({
  ...uuidPage,
  channelId: uuid.optional(),
  externalId: text.optional(),
  nameState: nameState.optional(),
  companionState: companionState.optional(),
  q: text.min(1).optional().meta({ description: 'Part of the name, in any case' }),
  order: z
    .enum(['oldest', 'newest'])
    .default('oldest')
    .meta({ description: 'What was mapped first, or last, comes first' }),
});

export const conversationRoutes: Route[] = [
  route({
    method: 'get',
    path: '/conversations',
    operationId: 'listConversations',
    tag,
    summary: 'Conversations',
    scope: 'read',
    query: filters,
    responses: { 200: pageOf(conversation) },
    handler: async ({ deps, query }) =>
      ok(toPage(await listConversations(deps, query, query), query, ({ id }) => id, present)),
  }),
  route({
    method: 'post',
    path: '/conversations',
    operationId: 'mapConversation',
    tag,
    summary: 'Map a conversation',
    scope: 'write',
    description: 'A dialog a group conversation already has is found and adopted.',
    body: mapping,
    example: {
      channelId: '01939c4e-7a10-7cc0-8a53-0d6f5c1b2a34',
      externalId: 'c-1042',
      name: 'Order 1042, Anna',
    },
    responses: { 201: conversation },
    problems: ['conflict'],
    handler: async ({ deps, body, requestId }) => created(present(await mapConversation(deps, body, requestId))),
  }),
  route({
    method: 'get',
    path: '/conversations/:id',
    operationId: 'getConversation',
    tag,
    summary: 'One conversation',
    scope: 'read',
    params,
    responses: { 200: conversation },
    hold: holdConversation,
    handler: async ({ deps, params: { id } }) => ok(present(await getConversation(deps, id))),
  }),
  route({
    method: 'patch',
    path: '/conversations/:id',
    operationId: 'changeConversation',
    tag,
    summary: 'Name, lock or move a conversation',
    scope: 'write',
    params,
    description: 'The answer shows the wanted name at once; `name.state` tells when the dialog has it.',
    body: change,
    example: { name: 'Order 1042, Anna Berg', nameLocked: true },
    responses: { 200: conversation },
    problems: ['conflict'],
    handler: async ({ deps, params: { id }, body, requestId }) =>
      ok(present(await changeConversation(deps, id, body, requestId))),
  }),
  route({
    method: 'delete',
    path: '/conversations/:id',
    operationId: 'removeConversation',
    tag,
    summary: 'Forget a mapping',
    scope: 'write',
    params,
    description:
      'With its messages. The dialog stays on the portal, the companion chat is archived. A channel that maps by itself maps it again with its next event.',
    responses: { 204: null },
    async handler({ deps, params: { id }, requestId }) {
      await removeConversation(deps, id, requestId);
      return gone;
    },
  }),
  route({
    method: 'post',
    path: '/conversations/:id/resync',
    operationId: 'resyncConversation',
    tag,
    summary: 'Compare with the portal now, and repair',
    scope: 'write',
    params,
    responses: { 202: conversation },
    handler: async ({ deps, params: { id }, requestId }) =>
      accepted(present(await resyncConversation(deps, id, requestId))),
  }),
];
