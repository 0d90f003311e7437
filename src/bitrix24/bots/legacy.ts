import { DeliveryError } from '../../kit/errors.ts';
import type { Call } from '../portalApi.ts';
import { asIds, hasCode, needId, type Fields } from '../wire.ts';
import type { Bots, ChatRef } from './bots.ts';
import { botParams, chatOf, listedBot, newChatParams, profileProperties } from './legacyWire.ts';
import { findChat, ignoring, portalColor } from './shared.ts';

/**
 * Bots by the deprecated `imbot.*` (contract imbot §11), for portals without v2. Several rights are tested for the user
 * of the grant and not for the bot, so the user has to be a member where a title or an avatar shall change.
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
    async update({ profile, webhook, ...bot }) {
      const handler = webhook === undefined ? {} : { EVENT_HANDLER: webhook };
      await run('update', { ...botParams(bot), FIELDS: { ...handler, PROPERTIES: profileProperties(profile) } });
    },
    async unregister(bot) {
      await ignoring(['BOT_ID_ERROR'], run('unregister', botParams(bot)));
    },
    /** The list has the bots of everybody; whose one is shows only when it is used. */
    async get({ botId }) {
      return listedBot(await run('bot.list', {}), botId);
    },

    findChat: ({ key }) => findChat(call, key),
    async addChat(chat) {
      const created = await run('chat.add', newChatParams(chat), false);
      return { chatId: needId(created, 'imbot.chat.add', { repeatable: false }), keyEchoed: true };
    },
    async getChat(chat) {
      try {
        return chatOf(await run('dialog.get', { ...botParams(chat), DIALOG_ID: `chat${chat.chatId}` }));
      } catch (error) {
        if (!hasCode(error, 'ACCESS_ERROR')) throw error;
      }
      // The refusal is about the user of the grant, and also stands for a chat that is gone; the bot's own list tells more.
      if ((await bots.listMembers(chat)).length === 0) return 'notMember';
      throw unsupported('reading a chat the user of the grant is not in');
    },
    async updateChat({ botId, token, chatId, title, description, color, avatar }) {
      if (description !== undefined) throw unsupported('changing a description');
      const chat = { botId, token, chatId };
      // Answers success although nothing changed when the user of the grant may not rename (trap 26).
      if (title !== undefined) await inChat('chat.updateTitle', chat, { TITLE: title });
      // The current colour is refused like an unknown chat; the chat is known here, so it is the colour (trap 27).
      const COLOR = color === undefined ? undefined : portalColor(color);
      if (COLOR !== undefined) await ignoring(['WRONG_REQUEST'], inChat('chat.updateColor', chat, { COLOR }));
      if (avatar !== undefined) await inChat('chat.updateAvatar', chat, { AVATAR: avatar });
    },

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
    async setOwner({ userId, ...chat }) {
      await inChat('chat.setOwner', chat, { USER_ID: userId });
    },
    setTextField() {
      return Promise.reject(unsupported('closing a text field'));
    },
    async leave(chat) {
      await ignoring(['USER_NOT_FOUND'], inChat('chat.leave', chat));
    },

    async sendMessage({ text, botId, token, chatId }) {
      const params = { ...botParams({ botId, token }), DIALOG_ID: `chat${chatId}`, MESSAGE: text };
      const messageId = needId(await run('message.add', params, false), 'imbot.message.add', { repeatable: false });
      return { messageId };
    },
  };
  return bots;
}

const unsupported = (what: string): DeliveryError =>
  new DeliveryError({ verdict: 'refused', code: 'unsupported_by_portal', detail: `${what} needs imbot.v2` });
