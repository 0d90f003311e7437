import { z } from 'zod';
import {
  type BotRow,
  changeBot,
  createBot,
  getBot,
  listBots,
  removeBot,
  rotateBotToken,
} from '../../bridge/admin/bots.ts';
import { holdBot } from '../../bridge/admin/locks.ts';
import { forgottenRepair, type PortalBots, presenceRepair } from '../../bridge/portalBots.ts';
import { avatar, color, flag, int4, line, time, timeOf, uuid, wiringState } from './fields.ts';
import { pageOf, toPage, uuidPage } from './pages.ts';
import { created, ok, removal, removed, route, type Route } from './route.ts';

const tag = 'Bots';
const CODE = /^[a-z0-9_]{1,20}$/;

const portalParams = z.strictObject({ id: uuid });
const params = z.strictObject({
  id: uuid,
  botId: z.union([uuid, int4]).meta({ description: '`id`, or `botId`: the number of its user on the portal' }),
});
const gender = z.enum(['M', 'F']);
const name = line(100);

const bot = z
  .object({
    id: z.uuid(),
    portalId: z.uuid(),
    code: z.string(),
    botId: z.int().nullable().meta({ description: 'Its user on the portal; null until it is registered' }),
    name: z.string(),
    lastName: z.string().nullable(),
    workPosition: z.string().nullable(),
    color: z.string().nullable(),
    gender: gender.nullable(),
    avatar: z.string().nullable(),
    state: wiringState,
    lastError: z.string().nullable().meta({
      description: 'A code, such as `bot_deleted`, `bot_not_ours` or `BOT_CODE_ALREADY_TAKEN`',
    }),
    lastErrorDetail: z.string().nullable().meta({ description: 'What to do about it' }),
    registeredAt: time.nullable(),
    createdAt: time,
  })
  .meta({ id: 'Bot', description: 'A companion bot: the owner of companion chats' });

const liveBot = z
  .object({
    presence: z.enum(['present', 'missing', 'taken', 'replaced']).meta({
      description:
        '`taken`: its number or code belongs to a bot of another application; `replaced`: the portal has it under another number.',
    }),
    repair: z.string().nullable().meta({ description: 'What to do about it' }),
  })
  .meta({ id: 'LiveBot', description: 'What the portal says of it now' });

const forgottenBot = z
  .object({ botId: z.int(), code: z.string(), portalCode: z.string(), repair: z.string() })
  .meta({ id: 'ForgottenBot', description: 'A bot of this installation on the portal that the gateway does not know' });

const botList = pageOf(bot.extend({ live: liveBot.optional() })).extend({
  live: z
    .object({ generation: z.enum(['v2', 'legacy']), forgotten: z.array(forgottenBot) })
    .optional()
    .meta({ description: 'Only with `?live=true`' }),
});

const newBot = z
  .strictObject({
    code: z
      .string()
      .toLowerCase()
      .regex(CODE, 'Invalid input: expected 1 to 20 of a-z, 0-9 and _')
      .meta({ examples: ['companion'] }),
    name,
    lastName: name.optional(),
    workPosition: name.optional(),
    color: color.optional(),
    gender: gender.optional(),
    avatar: avatar.optional(),
  })
  .meta({ id: 'NewBot' });

const botChange = z
  .strictObject({
    name: name.optional(),
    lastName: name.nullish(),
    workPosition: name.nullish(),
    color: color.nullish(),
    gender: gender.nullish(),
    avatar: avatar.nullish(),
  })
  .meta({ id: 'BotChange', description: 'What is left out stays; null clears.' });

function liveOf(onPortal: PortalBots | undefined, { id }: BotRow): object {
  if (!onPortal) return {};
  const presence = onPortal.presence.get(id) ?? 'missing';
  return { live: { presence, repair: presenceRepair[presence] } };
}

const presentLive = ({ generation, forgotten }: PortalBots): object => ({
  generation,
  forgotten: forgotten.map(({ botId, code, portalCode }) => ({
    botId: Number(botId),
    code,
    portalCode,
    repair: forgottenRepair(code),
  })),
});

const present = (row: BotRow): object => ({
  id: row.id,
  portalId: row.portalId,
  code: row.code,
  botId: row.botId,
  name: row.name,
  lastName: row.lastName,
  workPosition: row.workPosition,
  color: row.color,
  gender: row.gender,
  avatar: row.avatar,
  state: row.state,
  lastError: row.lastError,
  lastErrorDetail: row.lastErrorDetail,
  registeredAt: timeOf(row.registeredAt),
  createdAt: row.createdAt.toISOString(),
});

export const botRoutes: Route[] = [
  route({
    method: 'get',
    path: '/portals/:id/bots',
    operationId: 'listBots',
    tag,
    summary: 'Companion bots of a portal',
    scope: 'read',
    params: portalParams,
    query: z.strictObject({
      ...uuidPage,
      live: flag.optional().meta({ description: 'Asks the portal too, and names bots of ours that only it knows' }),
    }),
    responses: { 200: botList },
    problems: ['portal_unavailable', 'portal_refused'],
    async handler({ deps, params: { id }, query }) {
      const rows = await listBots(deps, id, query);
      const onPortal = query.live ? await deps.doctor.portalBots(id) : undefined;
      const page = toPage(
        rows,
        query,
        (row) => row.id,
        (row) => ({ ...present(row), ...liveOf(onPortal, row) }),
      );
      return ok({ ...page, ...(onPortal ? { live: presentLive(onPortal) } : {}) });
    },
  }),
  route({
    method: 'post',
    path: '/portals/:id/bots',
    operationId: 'createBot',
    tag,
    summary: 'Register a companion bot',
    scope: 'write',
    params: portalParams,
    body: newBot,
    example: { code: 'companion', name: 'Companion', workPosition: 'Keeps the staff chats', color: 'azure' },
    responses: { 201: bot },
    problems: ['conflict'],
    handler: async ({ deps, params: { id }, body, requestId }) =>
      created(present(await createBot(deps, id, body, requestId))),
  }),
  route({
    method: 'get',
    path: '/portals/:id/bots/:botId',
    operationId: 'getBot',
    tag,
    summary: 'One bot',
    scope: 'read',
    params,
    responses: { 200: bot },
    hold: holdBot,
    handler: async ({ deps, params: { id, botId } }) => ok(present(await getBot(deps, id, botId))),
  }),
  route({
    method: 'patch',
    path: '/portals/:id/bots/:botId',
    operationId: 'changeBot',
    tag,
    summary: 'Change the profile of a bot',
    scope: 'write',
    params,
    body: botChange,
    example: { name: 'Companion', workPosition: null, color: 'mint' },
    responses: { 200: bot },
    problems: ['conflict'],
    handler: async ({ deps, params: { id, botId }, body, requestId }) =>
      ok(present(await changeBot(deps, id, botId, body, requestId))),
  }),
  route({
    method: 'post',
    path: '/portals/:id/bots/:botId/token',
    operationId: 'rotateBotToken',
    tag,
    summary: 'Give a bot another token',
    scope: 'write',
    params,
    description: 'The old one stops working with the answer of the portal; a lost answer is found out and settled.',
    responses: { 200: bot },
    problems: ['conflict'],
    handler: async ({ deps, params: { id, botId }, requestId }) =>
      ok(present(await rotateBotToken(deps, id, botId, requestId))),
  }),
  route({
    method: 'delete',
    path: '/portals/:id/bots/:botId',
    operationId: 'removeBot',
    tag,
    summary: 'Unregister a bot',
    scope: 'write',
    params,
    description: 'Refused while companions belong to it. Archived ones are forgotten; their chats stay.',
    responses: removal,
    problems: ['in_use'],
    handler: async ({ deps, params: { id, botId }, requestId }) => removed(await removeBot(deps, id, botId, requestId)),
  }),
];
