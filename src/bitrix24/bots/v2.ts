import { DeliveryError } from '../../kit/errors.ts';
import type { Call } from '../portalApi.ts';
import { asFields, asId, asIds, asList, asText, hasCode, needId, type Fields } from '../wire.ts';
import type { Bots, ChatRef } from './bots.ts';
import { changeAsMember, readAsUser } from './memberRights.ts';
import { findChat, ignoring, unsupported } from './shared.ts';
import { eventOf } from './v2Events.ts';
import { botOf, botParams, changeFields, chatOf, eventMode, newChatParams, ownBots, properties } from './v2Wire.ts';

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
    async update({ profile, webhook, nextToken, ...bot }) {
      const rotation = nextToken === undefined ? {} : { botToken: nextToken };
      const fields = { properties: properties(profile), ...eventMode(webhook), ...rotation };
      await run('Bot.update', { ...botParams(bot), fields });
      // Portals before revision 35 ignore a new token without a word (§5.2, 13.2).
      if (nextToken !== undefined && !(await bots.get({ ...bot, token: nextToken }))?.ours) {
        throw unsupported('another token for a bot, of revision 35,');
      }
    },
    async unregister(bot) {
      await ignoring(['BOT_NOT_FOUND'], run('Bot.unregister', botParams(bot)));
    },
    async get(bot) {
      const answer = await ignoring(['BOT_NOT_FOUND'], run('Bot.get', botParams(bot)));
      return answer === undefined ? undefined : botOf(answer, 'Bot.get');
    },
    /** At most 100 may exist (§5.1), so one page is all of them. */
    async list({ token }) {
      return ownBots(await run('Bot.list', { botToken: token, limit: 200 }));
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
    async updateChatAsMember({ botId, token, chatId, description, ...change }) {
      const chat = { botId, token, chatId };
      if (description !== undefined || !(await readAsUser(call, chat))) throw notOwner();
      await changeAsMember(call, chat, change);
    },

    /** No pages: the first 200 from below, and where that is not all of them the first 200 from above (§7.3). */
    async listMembers(chat) {
      const lowest = await listFrom(chat, 'ASC');
      return lowest.length < 200 ? lowest : [...new Set([...lowest, ...(await listFrom(chat, 'DESC'))])];
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
    async readEvents({ offset, limit = 100, ...bot }) {
      const answer = asFields(await run('Event.get', { ...botParams(bot), offset: Number(offset), limit }));
      return {
        events: asList(answer.events).map(eventOf),
        nextOffset: asId(answer.nextOffset) ?? offset,
        hasMore: answer.hasMore === true,
      };
    },
  };

  async function listFrom(chat: ChatRef, order: 'ASC' | 'DESC'): Promise<string[]> {
    const users = asList(await inChat('Chat.User.list', chat, { limit: 200, order: { userId: order } }));
    return asIds(users.map((user) => asFields(user).id));
  }

  return bots;
}

const notOwner = (): DeliveryError =>
  new DeliveryError({ verdict: 'refused', code: 'not_owner', detail: 'only the owner of the chat may change it' });

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
