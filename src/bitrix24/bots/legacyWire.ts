import { asFields, asId, asIds, asList, asText, unexpectedResult, type Fields } from '../wire.ts';
import type { Bot, BotChat, BotProfile, BotRef, NewChat } from './bots.ts';
import { COMPANION_ENTITY, portalColor } from './shared.ts';

/** How bots and chats look on the wire of the deprecated `imbot.*` (contract imbot §11): keys in upper case. */

/** v2's token and this CLIENT_ID are the same identity (contract imbot §2.1). */
export const botParams = ({ botId, token }: BotRef): Fields => ({ BOT_ID: botId, CLIENT_ID: token });

/** A patch here, unlike in v2: what is missing is cleared by us, so that both generations end in the same profile. */
export const profileProperties = (profile: BotProfile): Fields => ({
  NAME: profile.name,
  LAST_NAME: profile.lastName ?? '',
  WORK_POSITION: profile.workPosition ?? '',
  ...(profile.gender === undefined ? {} : { PERSONAL_GENDER: profile.gender }),
  ...(profile.color === undefined ? {} : { COLOR: portalColor(profile.color) }),
  ...(profile.avatar === undefined ? {} : { PERSONAL_PHOTO: profile.avatar }),
});

export const newChatParams = (chat: NewChat): Fields => ({
  ...botParams(chat),
  TYPE: 'CHAT',
  TITLE: chat.title,
  USERS: chat.userIds.map(Number),
  ENTITY_TYPE: COMPANION_ENTITY,
  ENTITY_ID: chat.key,
  ...(chat.description === undefined ? {} : { DESCRIPTION: chat.description }),
  ...(chat.color === undefined ? {} : { COLOR: portalColor(chat.color) }),
  ...(chat.avatar === undefined ? {} : { AVATAR: chat.avatar }),
});

/** The list is keyed by id. */
export const listedBots = (list: unknown): Bot[] =>
  asList(list)
    .map(asFields)
    .flatMap(({ ID, CODE }) => {
      const botId = asId(ID);
      return botId === undefined ? [] : [{ botId, code: asText(CODE), ours: true }];
    });

export function chatOf(answer: unknown): BotChat {
  const chat = asFields(answer);
  const chatId = asId(chat.id);
  if (chatId === undefined) throw unexpectedResult('imbot.dialog.get', { repeatable: true });
  return {
    chatId,
    title: asText(chat.name),
    description: asText(chat.description),
    owner: asId(chat.owner) ?? '0',
    managers: asIds(chat.manager_list),
    color: asText(chat.color),
    avatar: asText(chat.avatar),
    key: asText(chat.entity_id),
    textFieldEnabled: !/^(false|n|0)$/i.test(asText(chat.text_field_enabled)),
    lastMessageId: asId(chat.last_message_id) ?? '0',
    memberCount: Number(asId(chat.user_counter) ?? 0),
  };
}
