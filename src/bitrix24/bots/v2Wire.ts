import { asFields, asId, asIds, asList, asText, needId, unexpectedResult, type Fields } from '../wire.ts';
import type { Bot, BotChat, BotProfile, BotRef, ChatChange, NewChat } from './bots.ts';
import { COMPANION_ENTITY, portalColor } from './shared.ts';

/** How bots and chats look on the wire of `imbot.v2.*` (contract imbot §4, 5, 6). */

export const botParams = ({ botId, token }: BotRef): Fields => ({ botId: Number(botId), botToken: token });

/** What is missing is cleared on the portal, except an avatar, which stays (§5.2). */
export const properties = ({ color, ...profile }: BotProfile): Fields => ({
  ...profile,
  ...(color === undefined ? {} : { color: portalColor(color) }),
});

export const eventMode = (webhook: string | undefined): Fields =>
  webhook === undefined ? { eventMode: 'fetch' } : { eventMode: 'webhook', webhookUrl: webhook };

/** Only who owns a bot sees its full form, `eventMode` included (§5.3). */
export function botOf(answer: unknown, action: string): Bot {
  const bot = asFields(asFields(answer).bot);
  const botId = needId(bot.id, `imbot.v2.${action}`, { repeatable: true });
  return { botId, code: asText(bot.code), ours: bot.eventMode !== undefined };
}

/** Only bots of the caller are listed (§5.4). */
export const ownBots = (answer: unknown): Bot[] =>
  asList(asFields(answer).bots)
    .map(asFields)
    .flatMap(({ id, code }) => {
      const botId = asId(id);
      return botId === undefined ? [] : [{ botId, code: asText(code), ours: true }];
    });

/** Without an owner: the portal makes the bot the owner. */
export const newChatParams = (chat: NewChat): Fields => ({
  ...botParams(chat),
  fields: {
    ...changeFields(chat),
    userIds: chat.userIds.map(Number),
    entityType: COMPANION_ENTITY,
    entityId: chat.key,
  },
});

export const changeFields = ({ title, description, color, avatar }: ChatChange): Fields => ({
  ...(title === undefined ? {} : { title }),
  ...(description === undefined ? {} : { description }),
  ...(color === undefined ? {} : { color: portalColor(color) }),
  ...(avatar === undefined ? {} : { avatar }),
});

export function chatOf(answer: unknown): BotChat {
  const chat = asFields(asFields(answer).chat);
  const chatId = asId(chat.id);
  if (chatId === undefined) throw unexpectedResult('imbot.v2.Chat.get', { repeatable: true });
  return {
    chatId,
    title: asText(chat.name),
    description: asText(chat.description),
    owner: asId(chat.owner) ?? '0',
    managers: asIds(chat.managerList),
    color: asText(chat.color),
    avatar: asText(chat.avatar),
    key: asText(chat.entityId),
    // Boolean in the source, "Y"/"N" in the docs (§4.3).
    textFieldEnabled: !/^(false|n|0)$/i.test(asText(chat.textFieldEnabled)),
    lastMessageId: asId(chat.lastMessageId) ?? '0',
    memberCount: Number(asId(chat.userCounter) ?? 0),
  };
}
