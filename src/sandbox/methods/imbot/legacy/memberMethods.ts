import { refuse } from '../../../refusal.ts';
import type { Method } from '../../method.ts';
import { addMembers, changeChat, removeMember, setManagers } from '../chats.ts';
import { isMember, may } from '../roles.ts';
import { imbotSwitches, type BotRow, type ChatRow } from '../tables.ts';
import { intList } from '../v2/arguments.ts';
import {
  groupChat,
  legacyBot,
  legacyChatId,
  legacyMethod,
  legacyUserId,
  refuseRequest,
  type LegacyCall,
} from './legacyCall.ts';

export const legacyMemberMethods: readonly Method[] = [
  legacyMethod('chat.setOwner', setOwner),
  legacyMethod('chat.setManager', setManager),
  legacyMethod('chat.user.add', add),
  legacyMethod('chat.user.delete', remove),
  legacyMethod('chat.user.list', list),
  legacyMethod('chat.leave', leave),
];

/** A pending exception of the kernel takes the place of WRONG_REQUEST; the status stays (contract imbot §1.11). */
function refuseByKernel(code: string, description = code): never {
  refuse(code, description);
}

/**
 * The new owner must be a member and gets the manager's flag of the old one. The right to change the owner is asked of
 * the REST user, who practically never has it; older builds did not ask (contract imbot §11, §15).
 */
function setOwner(legacy: LegacyCall): true {
  const { call } = legacy;
  const chatId = legacyChatId(legacy);
  const userId = legacyUserId(legacy);
  const bot = legacyBot(legacy);
  const chat = groupChat(legacy, chatId);
  const refused = 'Change owner can only owner and user must be member in chat';
  if (chat?.ownerId !== bot.id) refuseRequest(refused);
  if (userId === chat.ownerId) return true;
  const isAllowed = !imbotSwitches(call.portal).setOwnerAsksRestUser || may(chat, call.userId, 'changeOwner');
  if (!isMember(chat, userId) || !isAllowed) refuseRequest(refused);
  setManagers(call.portal, chatId, [bot.id], false);
  setManagers(call.portal, chatId, [userId], true);
  changeChat(call.portal, chatId, { ownerId: userId });
  return true;
}

/** Being the author is enough; the REST user is not asked (contract imbot §11). */
function setManager(legacy: LegacyCall): true {
  const chatId = legacyChatId(legacy);
  const userId = legacyUserId(legacy);
  const bot = legacyBot(legacy);
  const chat = groupChat(legacy, chatId);
  if (chat?.ownerId !== bot.id || !isMember(chat, userId)) {
    refuseRequest('Change manager can only owner and user must be member in chat');
  }
  setManagers(legacy.call.portal, chatId, [userId], legacy.params.IS_MANAGER !== 'N');
  return true;
}

function add(legacy: LegacyCall): true {
  const { call, params } = legacy;
  const chatId = legacyChatId(legacy);
  const bot = legacyBot(legacy);
  const chat = groupChat(legacy, chatId);
  if (!chat) refuseRequest("You don't have access or user already member in chat");
  if (!may(chat, bot.id, 'extend')) {
    refuseByKernel('ACCESS_DENIED_EXTEND', 'Insufficient permission to add chat members.');
  }
  addMembers(call, chatId, intList(params.USERS), bot.id);
  return true;
}

/** Only the owner takes others out, and a stranger is an error: unlike v2 not repeatable (contract imbot §18.27). */
function remove(legacy: LegacyCall): true {
  const { call } = legacy;
  const chatId = legacyChatId(legacy);
  const userId = legacyUserId(legacy);
  const bot = legacyBot(legacy);
  const chat = groupChat(legacy, chatId);
  if (!chat) refuseRequest("You don't have access or user isn't member in chat");
  takeOut(call, chat, bot, userId);
  return true;
}

function takeOut(call: LegacyCall['call'], chat: ChatRow, bot: BotRow, userId: number): void {
  if (!isMember(chat, bot.id)) refuseByKernel('ACCESS_DENIED_KICK');
  if (userId !== bot.id && chat.ownerId !== bot.id) refuseByKernel('IM_ERROR_KICK');
  if (!isMember(chat, userId)) refuseByKernel('USER_NOT_FOUND');
  removeMember(call, chat.id, userId, bot.id);
}

/** Ids; none when the bot is not in the chat. */
function list(legacy: LegacyCall): number[] {
  const chatId = legacyChatId(legacy);
  const bot = legacyBot(legacy);
  const chat = groupChat(legacy, chatId);
  return chat && isMember(chat, bot.id) ? chat.members.map(({ userId }) => userId) : [];
}

function leave(legacy: LegacyCall): true {
  const chatId = legacyChatId(legacy);
  const bot = legacyBot(legacy);
  const chat = groupChat(legacy, chatId);
  if (!chat || !isMember(chat, bot.id)) refuseByKernel('USER_NOT_FOUND');
  removeMember(legacy.call, chatId, bot.id, bot.id);
  return true;
}
