import type { Hit, Portal } from '../../hit.ts';
import type { Params } from '../../php/values.ts';
import { fullName, users } from '../../users.ts';
import { notify, type BotEventName } from './notify.ts';
import { bots, type BotMessageRow, type BotRow, type ChatRow } from './tables.ts';
import { chatEventView, dialogIdOf, messageEventView, userEventView } from './v2/views.ts';

/** A bot became a member; it also hears of the chat it created itself (contract imbot §10.1). */
export function announceJoin(hit: Hit, bot: BotRow, chat: ChatRow, byUserId: number): void {
  const { portal } = hit;
  const dialogId = dialogIdOf(chat, bot.id);
  const v2 = {
    dialogId,
    chat: chatEventView(chat, bot.id),
    user: userEventView(portal, byUserId),
    ...language(portal),
  };
  const params = { ...chatParams(chat, bot), USER_ID: byUserId, ACCESS_HISTORY: true, DIALOG_ID: dialogId };
  notify(hit, bot, 'JOINCHAT', { v2, legacy: { params, user: legacyUser(portal, byUserId) } });
}

/**
 * Tells the bots of the chat about a message. What a bot says no bot hears; an ordinary bot of a group hears only what
 * mentions it, a supervisor everything including the system's own messages (contract imbot §5.6).
 */
export function announceMessage(
  hit: Hit,
  name: BotEventName,
  chat: ChatRow,
  message: BotMessageRow,
  saidBy: number,
): void {
  const { portal } = hit;
  if (users(portal).get(saidBy)?.kind === 'bot') return;
  for (const { userId } of chat.members) {
    const bot = bots(portal).get(userId);
    if (bot && isAddressed(bot, chat, message)) tell(hit, bot, name, chat, message);
  }
}

function isAddressed(bot: BotRow, chat: ChatRow, message: BotMessageRow): boolean {
  if (bot.type === 'supervisor' || bot.type === 'personal') return true;
  return message.authorId !== 0 && (chat.type === 'P' || message.text.includes(`[USER=${bot.id}]`));
}

function tell(hit: Hit, bot: BotRow, name: BotEventName, chat: ChatRow, message: BotMessageRow): void {
  const { portal } = hit;
  const about = name === 'MESSAGEDELETE' ? { messageId: message.id } : { message: messageEventView(message) };
  const user = userEventView(portal, message.authorId);
  const v2 = { ...about, chat: chatEventView(chat, bot.id), user, ...language(portal) };
  const params = {
    ...chatParams(chat, bot),
    MESSAGE: message.text,
    MESSAGE_ID: message.id,
    FROM_USER_ID: message.authorId,
    TO_USER_ID: bot.id,
    DIALOG_ID: dialogIdOf(chat, bot.id),
  };
  notify(hit, bot, name, { v2, legacy: { params, user: legacyUser(portal, message.authorId) } });
}

function language(portal: Portal) {
  return { language: portal.row().language };
}

function chatParams(chat: ChatRow, bot: BotRow): Params {
  return {
    CHAT_TYPE: chat.type,
    MESSAGE_TYPE: chat.type,
    BOT_ID: bot.id,
    CHAT_ID: chat.id,
    CHAT_AUTHOR_ID: chat.ownerId,
    CHAT_ENTITY_TYPE: chat.entityType,
    CHAT_ENTITY_ID: chat.entityId,
    LANGUAGE: 'en',
  };
}

function legacyUser(portal: Portal, userId: number): Params {
  const user = users(portal).get(userId);
  if (!user) return { ID: userId };
  return {
    ID: user.id,
    NAME: fullName(user),
    FIRST_NAME: user.name,
    LAST_NAME: user.lastName,
    WORK_POSITION: user.workPosition ?? '',
    GENDER: user.gender ?? 'M',
  };
}
