import { z } from 'zod';
import {
  archiveCompanion,
  type CompanionRow,
  getCompanion,
  liveCompanion,
  type LiveCompanion,
  postMessage,
  putCompanion,
} from '../../bridge/admin/companions.ts';
import { holdConversation } from '../../bridge/admin/locks.ts';
import { wantedCompanionTitle } from '../../bridge/conversations.ts';
import { text } from '../../messenger/fields.ts';
import { companionSummary, summarize } from './conversationView.ts';
import { avatar, chatId, chatIdOf, color, flag, line, time, timeOf, userId, userIds, uuid } from './fields.ts';
import { accepted, created, ok, route, type Route } from './route.ts';

const tag = 'Companions';
const params = z.strictObject({ id: uuid });
/** The portal cuts longer ones (contract imbot §8.1). */
const MAX_TEXT = 20_000;

const wish = z
  .strictObject({
    title: line(255).nullish().meta({ description: "Left out or null: follows the conversation's name" }),
    description: text.max(2000).nullish().meta({ description: 'Bitrix24 also posts it into the chat.' }),
    color: color.nullish(),
    avatar: avatar.nullish(),
    ownerUserId: userId.nullish().meta({ description: 'Null: the bot. Left out: as the channel says' }),
    managerUserIds: userIds.optional(),
    memberUserIds: userIds.optional(),
  })
  .meta({
    id: 'CompanionWish',
    description: "Replaces the wish before; what is left out follows the channel's policy.",
  });

const live = z
  .union([
    z.object({
      state: z.literal('present'),
      chatId,
      title: z.string(),
      description: z.string(),
      color: z.string(),
      ownerUserId: z.int().nullable().meta({ description: 'Null: nobody' }),
      managerUserIds: z.array(z.int()),
      memberUserIds: z.array(z.int()).meta({ description: 'Without the bot' }),
      textFieldEnabled: z.boolean(),
    }),
    z.object({ state: z.enum(['gone', 'notMember']) }),
  ])
  .meta({ id: 'LiveCompanion', description: 'What the portal says now. `notMember`: the bot was removed from it.' });

const companion = companionSummary
  .extend({
    description: z.string().nullable().meta({ description: 'Wanted' }),
    color: z.string().nullable().meta({ description: 'Wanted' }),
    avatar: z.string().nullable().meta({ description: 'Wanted' }),
    wantedTitle: z.string(),
    appliedOwnerUserId: z.int().nullable().meta({ description: 'Whom it was handed over to; null: the bot' }),
    bot: z.object({ id: z.uuid(), code: z.string(), botId: z.int().nullable() }),
    createdAt: time,
    readyAt: time.nullable(),
    archivedAt: time.nullable().meta({ description: 'Since when the portal has it so, while `state` is `archived`' }),
    duplicateChatIds: z.array(z.string()).meta({ description: 'Other chats of this conversation that are being left' }),
    live: live.nullish().meta({ description: 'With `?live=true`; null while there is no chat' }),
  })
  .meta({ id: 'Companion', description: "The bot's group chat of a conversation" });

const message = z
  .object({
    id: z.uuid(),
    text: z.string(),
    state: z.enum(['pending', 'delivered', 'failed', 'parked', 'erased']),
    lastError: z.string().nullable(),
    createdAt: time,
  })
  .meta({ id: 'CompanionMessage' });

function present(row: CompanionRow): object {
  const wantedTitle = wantedCompanionTitle({ ...row.conversation, companion: row });
  return {
    ...summarize(row, wantedTitle),
    description: row.description,
    color: row.color,
    avatar: row.avatar,
    wantedTitle,
    appliedOwnerUserId: row.appliedOwnerId,
    bot: { id: row.bot.id, code: row.bot.code, botId: row.bot.botId },
    createdAt: row.createdAt.toISOString(),
    readyAt: timeOf(row.readyAt),
    archivedAt: timeOf(row.archivedAt),
    duplicateChatIds: row.duplicateChatIds,
  };
}

function presentLive(found: LiveCompanion | undefined): object | null {
  if (!found) return null;
  const { chat, memberIds } = found;
  if (typeof chat === 'string') return { state: chat };
  return {
    state: 'present',
    chatId: chatIdOf(chat.chatId),
    title: chat.title,
    description: chat.description,
    color: chat.color,
    ownerUserId: Number(chat.owner) || null,
    managerUserIds: chat.managers.map(Number),
    memberUserIds: memberIds,
    textFieldEnabled: chat.textFieldEnabled,
  };
}

export const companionRoutes: Route[] = [
  route({
    method: 'get',
    path: '/conversations/:id/companion',
    operationId: 'getCompanion',
    tag,
    summary: 'The companion of a conversation',
    scope: 'read',
    params,
    query: z.strictObject({ live: flag.optional().meta({ description: 'Asks the portal too' }) }),
    responses: { 200: companion },
    hold: holdConversation,
    problems: ['portal_unavailable', 'portal_refused'],
    async handler({ deps, params: { id }, query }) {
      const row = await getCompanion(deps, id);
      if (!query.live) return ok(present(row));
      return ok({ ...present(row), live: presentLive(await liveCompanion(deps, row)) });
    },
  }),
  route({
    method: 'put',
    path: '/conversations/:id/companion',
    operationId: 'putCompanion',
    tag,
    summary: 'Say what the companion shall be',
    scope: 'write',
    params,
    description: 'Makes it where there is none, and brings an archived one back.',
    body: wish,
    example: { title: 'Staff of order 1042', color: 'lime', ownerUserId: 1, memberUserIds: [1] },
    responses: { 200: companion, 201: companion },
    problems: ['conflict'],
    async handler({ deps, params: { id }, body, requestId }) {
      const { companion: row, isNew } = await putCompanion(deps, id, body, requestId);
      return (isNew ? created : ok)(present(row));
    },
  }),
  route({
    method: 'delete',
    path: '/conversations/:id/companion',
    operationId: 'archiveCompanion',
    tag,
    summary: 'Archive the companion',
    scope: 'write',
    params,
    description:
      'The bot says so in the chat, closes its text field and removes everybody; `PUT` brings it back as it was. With `handOverTo` that employee gets the chat instead, with everybody in it.',
    query: z.strictObject({ handOverTo: userId.optional() }),
    responses: { 200: companion },
    handler: async ({ deps, params: { id }, query: { handOverTo }, requestId }) =>
      ok(present(await archiveCompanion(deps, id, handOverTo, requestId))),
  }),
  route({
    method: 'post',
    path: '/conversations/:id/companion/messages',
    operationId: 'postToCompanion',
    tag,
    summary: 'Post into the companion, as its bot',
    scope: 'write',
    params,
    body: z
      .strictObject({ text: text.regex(/\S/, 'Invalid input: must not be blank').max(MAX_TEXT) })
      .meta({ id: 'NewCompanionMessage' }),
    example: { text: 'Please call back before noon' },
    responses: { 202: message },
    problems: ['conflict'],
    async handler({ deps, params: { id }, body, requestId }) {
      const row = await postMessage(deps, id, body.text, requestId);
      const { id: messageId, text: posted, state, lastError, createdAt } = row;
      return accepted({ id: messageId, text: posted, state, lastError, createdAt: createdAt.toISOString() });
    },
  }),
];
