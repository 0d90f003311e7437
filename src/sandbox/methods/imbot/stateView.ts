import type { Portal } from '../../hit.ts';
import { users } from '../../users.ts';
import { hexOf } from './colors.ts';
import { bots, chats, messagesOf, type ChatRow } from './tables.ts';

/** Bots and their group chats as somebody who may see everything sees them, for the control API's state. */
export function imbotView(portal: Portal) {
  return {
    bots: bots(portal)
      .values()
      .map((bot) => ({ ...bot, user: users(portal).get(bot.id) })),
    companions: chats(portal)
      .values()
      .filter(({ type }) => type !== 'P')
      .map((chat) => companionView(portal, chat)),
  };
}

function companionView(portal: Portal, chat: ChatRow) {
  return {
    chatId: chat.id,
    type: chat.type,
    title: chat.title,
    description: chat.description,
    color: hexOf(chat.color),
    avatar: chat.avatar,
    owner: chat.ownerId,
    members: chat.members.map(({ userId }) => userId),
    managers: chat.members.filter(({ manager }) => manager).map(({ userId }) => userId),
    entityType: chat.entityType,
    entityId: chat.entityId,
    textFieldEnabled: chat.textFieldEnabled,
    messages: messagesOf(portal, chat.id).values(),
  };
}
