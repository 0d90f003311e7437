import { DeliveryError } from '../../kit/errors.ts';
import type { Call } from '../portalApi.ts';
import { asFields, asIds, asList, asText, hasCode, needId, type Fields } from '../wire.ts';
import type { Bots, ChatRef } from './bots.ts';
import { findChat, ignoring } from './shared.ts';
import { botOf, botParams, changeFields, chatOf, eventMode, newChatParams, properties } from './v2Wire.ts';

/**
 * Bots by `imbot.v2.*` (contract imbot §5-8). Every error is HTTP 400, so only codes decide; `fields` are camelCase and
 * ids numbers, because the portal checks types (§1.5, 1.9, 1.14).
 */
export function createV2Bots(call: Call): Bots {
  const run = (action: string, params: Fields, repeatable = true): Promise<unknown> =>
    call(`imbot.v2.${action}`, params, { repeatable });
  const inChat = (action: string, chat: ChatRef, params: Fields = {}): Promise<unknown> =>
    run(action, { ...botParams(chat), dialogId: `chat${chat.chatId}`, ...params });

  const bots: Bots = {
    generation: 'v2',

    async register({ code, token, profile, webhook }) {
      const fields = { code, type: 'supervisor', properties: properties(profile), ...eventMode(webhook) };
      return botOf(await run('Bot.register', { botToken: token, fields }), 'Bot.register');
    },
    async update({ profile, webhook, ...bot }) {
      const fields = { properties: properties(profile), ...eventMode(webhook) };
      await run('Bot.update', { ...botParams(bot), fields });
    },
    async unregister(bot) {
      await ignoring(['BOT_NOT_FOUND'], run('Bot.unregister', botParams(bot)));
    },
    async get(bot) {
      const answer = await ignoring(['BOT_NOT_FOUND'], run('Bot.get', botParams(bot)));
      return answer === undefined ? undefined : botOf(answer, 'Bot.get');
    },

    findChat: ({ key }) => findChat(call, key),
    async addChat(chat) {
      const created = asFields(asFields(await run('Chat.add', newChatParams(chat), false)).chat);
      const chatId = needId(created.id, 'imbot.v2.Chat.add', { repeatable: false });
      // Undocumented in v2: a portal that ignores the key makes a chat nobody can look up (§19.2).
      return { chatId, keyEchoed: asText(created.entityId) === chat.key };
    },
    async getChat(chat) {
      try {
        return chatOf(await inChat('Chat.get', chat));
      } catch (error) {
        if (hasCode(error, 'CHAT_NOT_FOUND')) return 'gone';
        if (hasCode(error, 'ACCESS_DENIED') && error.verdict === 'refused') return 'notMember';
        throw error;
      }
    },
    async updateChat({ botId, token, chatId, ...change }) {
      await inChat('Chat.update', { botId, token, chatId }, { fields: changeFields(change) });
    },

    async listMembers(chat) {
      const users = asList(await inChat('Chat.User.list', chat, { limit: 200, order: { userId: 'ASC' } }));
      return asIds(users.map((user) => asFields(user).id));
    },
    async addMembers({ userIds, ...chat }) {
      if (userIds.length > 0) await inChat('Chat.User.add', chat, { userIds: userIds.map(Number) });
    },
    async removeMember({ userId, ...chat }) {
      await inChat('Chat.User.delete', chat, { userId: Number(userId) });
    },
    async addManagers({ userIds, ...chat }) {
      if (userIds.length > 0) await inChat('Chat.Manager.add', chat, { userIds: userIds.map(Number) });
    },
    async removeManagers({ userIds, ...chat }) {
      if (userIds.length > 0) await inChat('Chat.Manager.delete', chat, { userIds: userIds.map(Number) });
    },
    async setOwner({ userId, ...chat }) {
      await inChat('Chat.setOwner', chat, { userId: Number(userId) });
    },
    async setTextField({ enabled, ...chat }) {
      await inChat('Chat.TextField.enabled', chat, { enabled });
    },
    async leave(chat) {
      try {
        await inChat('Chat.leave', chat);
      } catch (error) {
        // A repetition is refused like a missing right; only a look tells that the bot is out already (§6.5).
        const refused = hasCode(error, 'ACCESS_DENIED', 'CHAT_NOT_FOUND');
        if (!refused || typeof (await bots.getChat(chat)) !== 'string') throw error;
      }
    },

    async sendMessage({ text, templateId, ...chat }) {
      const options = { repeatable: templateId !== undefined };
      const fields = { message: text, ...(templateId === undefined ? {} : { templateId }) };
      const params = { ...botParams(chat), dialogId: `chat${chat.chatId}`, fields };
      const answer = await laterIfInFlight(run('Chat.Message.send', params, options.repeatable));
      return { messageId: needId(asFields(answer).id, 'imbot.v2.Chat.Message.send', options) };
    },
  };
  return bots;
}

/** The same message is being posted by another call right now: its id is known when that one has ended (§8.1). */
async function laterIfInFlight<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (!hasCode(error, 'MESSAGE_DUPLICATED_BY_UUID')) throw error;
    const { code } = error;
    throw new DeliveryError({ verdict: 'retry', code, detail: 'the message is still being posted', cause: error });
  }
}
