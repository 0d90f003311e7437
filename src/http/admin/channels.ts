import { z } from 'zod';
import {
  changeChannel,
  type ChannelRow,
  createChannel,
  getChannel,
  listChannels,
  removeChannel,
} from '../../bridge/admin/channels.ts';
import { holdChannel } from '../../bridge/admin/locks.ts';
import type { CompanionPolicy } from '../../bridge/model.ts';
import { text } from '../../messenger/fields.ts';
import { color, flag, portalLine, time, titleTemplate, userId, userIds, uuid, wiringState } from './fields.ts';
import { pageOf, toPage, uuidPage } from './pages.ts';
import { created, ok, removal, removed, route, type Route } from './route.ts';

const tag = 'Channels';
const params = z.strictObject({ id: uuid });

const mode = z.enum(['off', 'onFirstMessage', 'onDemand']).meta({
  description: '`onFirstMessage`: every conversation gets a companion. `onDemand`: those it is asked for.',
});
const ownerPolicy = z.enum(['bot', 'handover']).meta({
  description:
    '`handover` (default): the owner gets the chat, and the bot may change little of it from then on. `bot`: the bot stays the owner, everything stays in step, and the owner becomes a manager.',
});
const policy = z
  .strictObject({
    mode,
    bot: text.min(1).max(100).optional().meta({ description: 'Id or code of a bot; the first one of the portal' }),
    ownerUserId: userId.optional(),
    ownerPolicy: ownerPolicy.optional(),
    managerUserIds: userIds.optional(),
    memberUserIds: userIds.optional(),
    color: color.optional(),
    titleTemplate: titleTemplate.optional(),
    notices: z.boolean().optional().meta({ description: 'Whether the bot tells in it what happens. Default: true' }),
  })
  .meta({ id: 'CompanionPolicy', description: 'What companions of this channel are like, unless wished otherwise' });

const shownPolicy = z
  .object({
    mode,
    bot: z.string().optional(),
    ownerUserId: z.int().optional(),
    ownerPolicy: z.string().optional(),
    managerUserIds: z.array(z.int()).optional(),
    memberUserIds: z.array(z.int()).optional(),
    color: z.string().optional(),
    titleTemplate: z.string().optional(),
    notices: z.boolean().optional(),
  })
  .meta({ id: 'ChannelCompanionPolicy' });

const channel = z
  .object({
    id: z.uuid(),
    portalId: z.uuid(),
    messenger: z.string().meta({ description: 'Slug' }),
    connector: z.string().meta({ description: 'Code' }),
    lineId: z.int(),
    autoMap: z.boolean(),
    titleTemplate: z.string().nullable(),
    companion: shownPolicy,
    notes: z.boolean(),
    finishOnClose: z.boolean(),
    recoverMaxAgeHours: z.int(),
    state: wiringState,
    lastError: z.string().nullable(),
    createdAt: time,
  })
  .meta({ id: 'Channel', description: 'The binding messenger + portal + connector + line' });

const autoMap = z
  .boolean()
  .meta({ description: 'Whether conversations nobody mapped before are mapped through this channel' });

const habits = {
  notes: z
    .boolean()
    .optional()
    .meta({ description: 'Whether the dialog is told who joins and leaves, and that the conversation was closed' }),
  finishOnClose: z.boolean().optional().meta({ description: 'Whether `conversation.closed` finishes the dialog' }),
  recoverMaxAgeHours: z
    .int()
    .min(1)
    .max(24 * 365)
    .optional()
    .meta({ description: 'Lost replies older than this are listed, and not delivered; 72 when left out' }),
};

const newChannel = z
  .strictObject({
    portalId: uuid,
    messenger: text.min(1).max(63).meta({ description: 'Slug' }),
    connector: text.min(2).max(64).toLowerCase().meta({ description: 'Code of a connector of the portal' }),
    lineId: portalLine,
    autoMap: autoMap.default(true),
    titleTemplate: titleTemplate.nullish(),
    companion: policy.default({ mode: 'off' }),
    ...habits,
  })
  .meta({ id: 'NewChannel' });

const channelChange = z
  .strictObject({
    autoMap: autoMap.optional(),
    titleTemplate: titleTemplate.nullish(),
    companion: policy.optional(),
    ...habits,
  })
  .meta({
    id: 'ChannelChange',
    description: 'What is left out stays; `companion` is replaced as a whole. A channel stays on its line.',
  });

/** Members that were left out are no members. */
const policyOf = (given: z.output<typeof policy>): CompanionPolicy =>
  Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as unknown as CompanionPolicy;

const present = (row: ChannelRow): unknown => ({
  id: row.id,
  portalId: row.portalId,
  messenger: row.messenger.slug,
  connector: row.connector.code,
  lineId: row.lineId,
  autoMap: row.autoMap,
  titleTemplate: row.titleTemplate,
  companion: row.companion,
  notes: row.notes,
  finishOnClose: row.finishOnClose,
  recoverMaxAgeHours: row.recoverMaxAgeHours,
  state: row.state,
  lastError: row.lastError,
  createdAt: row.createdAt.toISOString(),
});

export const channelRoutes: Route[] = [
  route({
    method: 'get',
    path: '/channels',
    operationId: 'listChannels',
    tag,
    summary: 'Channels',
    scope: 'read',
    query: z.strictObject({ ...uuidPage, portalId: uuid.optional(), messenger: text.optional() }),
    responses: { 200: pageOf(channel) },
    handler: async ({ deps, query }) =>
      ok(toPage(await listChannels(deps, query, query), query, ({ id }) => id, present)),
  }),
  route({
    method: 'post',
    path: '/channels',
    operationId: 'createChannel',
    tag,
    summary: 'Connect a line',
    scope: 'write',
    description: 'Activates the connector on the line. The portal is asked for the line before anything is written.',
    body: newChannel,
    example: {
      portalId: '01939c4e-7a10-7cc0-8a53-0d6f5c1b2a34',
      messenger: 'shop-chat',
      connector: 'ocg_support',
      lineId: 1,
      titleTemplate: '{name} · {messenger}',
      companion: { mode: 'onFirstMessage', ownerUserId: 1, memberUserIds: [1] },
    },
    responses: { 201: channel },
    problems: ['conflict', 'line_not_found', 'portal_unavailable', 'portal_refused'],
    async handler({ deps, body, requestId }) {
      const input = { ...body, companion: policyOf(body.companion) };
      return created(present(await createChannel(deps, input, requestId)));
    },
  }),
  route({
    method: 'get',
    path: '/channels/:id',
    operationId: 'getChannel',
    tag,
    summary: 'One channel',
    scope: 'read',
    params,
    responses: { 200: channel },
    hold: holdChannel,
    handler: async ({ deps, params: { id } }) => ok(present(await getChannel(deps, id))),
  }),
  route({
    method: 'patch',
    path: '/channels/:id',
    operationId: 'changeChannel',
    tag,
    summary: 'Change a channel',
    scope: 'write',
    params,
    description: 'Another title template retitles all its conversations; another policy counts for new companions.',
    body: channelChange,
    example: { autoMap: true, titleTemplate: '{name}', companion: { mode: 'onDemand', memberUserIds: [1] } },
    responses: { 200: channel },
    async handler({ deps, params: { id }, body: { companion, ...rest }, requestId }) {
      const change = { ...rest, ...(companion ? { companion: policyOf(companion) } : {}) };
      return ok(present(await changeChannel(deps, id, change, requestId)));
    },
  }),
  route({
    method: 'delete',
    path: '/channels/:id',
    operationId: 'removeChannel',
    tag,
    summary: 'Disconnect a line',
    scope: 'write',
    params,
    description:
      'Refused while conversations are mapped through it. `force` forgets them too; their dialogs and companion chats stay on the portal.',
    query: z.strictObject({ force: flag.optional() }),
    responses: removal,
    problems: ['in_use'],
    handler: async ({ deps, params: { id }, query: { force = false }, requestId }) =>
      removed(await removeChannel(deps, id, { force }, requestId)),
  }),
];
