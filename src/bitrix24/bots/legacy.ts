import { DeliveryError } from '../../kit/errors.ts';
import type { Call } from '../portalApi.ts';
import { currentUser } from '../users.ts';
import { asIds, hasCode, needId, type Fields } from '../wire.ts';
import type { BotChat, Bots, ChatRef } from './bots.ts';
import { botParams, listedBots, newChatParams, profileProperties } from './legacyWire.ts';
import { changeAsMember, readAsUser } from './memberRights.ts';
import { findChat, ignoring, unsupported } from './shared.ts';

/**
 * Bots by the deprecated `imbot.*` (contract imbot §11), for portals without v2. Several rights are tested for the user
 * of the grant and not for the bot: that user becomes a member of every chat that is read or changed.
 */
export function createLegacyBots(call: Call): Bots {
  const run = (method: string, params: Fields, repeatable = true): Promise<unknown> =>
    call(`imbot.${method}`, params, { repeatable });
  const inChat = (method: string, chat: ChatRef, params: Fields = {}): Promise<unknown> =>
    run(method, { ...botParams(chat), CHAT_ID: chat.chatId, ...params });

  const bots: Bots = {
    generation: 'legacy',

    /**
     * Also answers the id of a bot that another application registered with this code (trap 32), so the codes must
     * carry the id of the installation. Knows no bot without a handler.
     */
    async register({ code, token, profile, webhook }) {
      if (webhook === undefined) throw unsupported('a bot without a webhook');
      const PROPERTIES = profileProperties(profile);
      const params = { CODE: code, TYPE: 'S', EVENT_HANDLER: webhook, CLIENT_ID: token, PROPERTIES };
      return { botId: needId(await run('register', params), 'imbot.register', { repeatable: true }), code, ours: true };
    },
    async update({ profile, webhook, nextToken, ...bot }) {
      if (nextToken !== undefined) throw unsupported('another token for a bot');
      const handler = webhook === undefined ? {} : { EVENT_HANDLER: webhook };
      await run('update', { ...botParams(bot), FIELDS: { ...handler, PROPERTIES: profileProperties(profile) } });
    },
    async unregister(bot) {
      await ignoring(['BOT_ID_ERROR'], run('unregister', botParams(bot)));
    },
    /** The list has the bots of everybody; whose one is shows only when it is used. */
    async get({ botId }) {
      return (await bots.list({ token: '' })).find((bot) => bot.botId === botId);
    },
    async list() {
      return listedBots(await run('bot.list', {}));
    },

    findChat: ({ key }) => findChat(call, key),
    async addChat(chat) {
      const created = await run('chat.add', newChatParams(chat), false);
      return { chatId: needId(created, 'imbot.chat.add', { repeatable: false }), keyEchoed: true };
    },
    async getChat(chat) {
      const seen = await readAsUser(call, chat);
      if (seen) return seen;
      // The refusal is about the user of the grant, and also stands for a chat that is gone; the bot's own list tells more.
      if ((await bots.listMembers(chat)).length > 0) return joinAndRead(chat);
      const found = chat.key === undefined ? chat.chatId : await findChat(call, chat.key);
      return found === undefined ? 'gone' : 'notMember';
    },
    async updateChat({ description, ...change }) {
      if (description !== undefined) throw unsupported('changing a description');
      const { botId, token, chatId, ...wanted } = change;
      if (!(await readAsUser(call, change))) await joinAndRead({ botId, token, chatId });
      await changeAsMember(call, { botId, token, chatId }, wanted);
    },
    updateChatAsMember: (chat) => bots.updateChat(chat),

    async listMembers(chat) {
      return asIds(await inChat('chat.user.list', chat));
    },
    async addMembers({ userIds, ...chat }) {
      if (userIds.length > 0) await inChat('chat.user.add', chat, { USERS: userIds.map(Number) });
    },
    async removeMember({ userId, ...chat }) {
      await ignoring(['USER_NOT_FOUND'], inChat('chat.user.delete', chat, { USER_ID: userId }));
    },
    async addManagers({ userIds, ...chat }) {
      for (const userId of userIds) await inChat('chat.setManager', chat, { USER_ID: userId, IS_MANAGER: 'Y' });
    },
    async removeManagers({ userIds, ...chat }) {
      for (const userId of userIds) await inChat('chat.setManager', chat, { USER_ID: userId, IS_MANAGER: 'N' });
    },
    /** The right is tested for the user of the grant, who hardly ever owns the chat (§11): refused for ever then. */
    async setOwner({ userId, ...chat }) {
      try {
        await inChat('chat.setOwner', chat, { USER_ID: userId });
      } catch (error) {
        if (hasCode(error, 'WRONG_REQUEST')) throw unsupported('handing a chat over');
        throw error;
      }
    },
    /** Undocumented, and not on every old portal (§11, last row). */
    async setTextField({ enabled, botId, token, chatId }) {
      const params = { ...botParams({ botId, token }), DIALOG_ID: `chat${chatId}`, ENABLED: enabled ? 'Y' : 'N' };
      try {
        await run('chat.updateTextFieldEnabled', params);
      } catch (error) {
        if (hasCode(error, 'ERROR_METHOD_NOT_FOUND')) throw unsupported('closing a text field');
        throw error;
      }
    },
    async leave(chat) {
      await ignoring(['USER_NOT_FOUND'], inChat('chat.leave', chat));
    },

    async sendMessage({ text, botId, token, chatId }) {
      const params = { ...botParams({ botId, token }), DIALOG_ID: `chat${chatId}`, MESSAGE: text };
      const messageId = needId(await run('message.add', params, false), 'imbot.message.add', { repeatable: false });
      return { messageId };
    },
    readEvents: ({ offset }) => Promise.resolve({ events: [], nextOffset: offset, hasMore: false }),
  };

  async function joinAndRead(chat: ChatRef): Promise<BotChat> {
    const { id } = await currentUser(call);
    await bots.addMembers({ ...chat, userIds: [id] });
    const seen = await readAsUser(call, chat);
    if (!seen) throw new DeliveryError({ verdict: 'retry', code: 'chat_hidden', detail: `chat ${chat.chatId}` });
    return seen;
  }

  return bots;
}
