import { isArray, toInt, toText, type Params } from '../../../php/values.ts';
import { refuse } from '../../../refusal.ts';
import { users } from '../../../users.ts';
import type { Method } from '../../method.ts';
import { addMembers, removeMember, setManagers } from '../chats.ts';
import { isMember } from '../roles.ts';
import { messagesOf, type ChatRow, type Member } from '../tables.ts';
import { chatArgument, intArgument, intListArgument } from './arguments.ts';
import { botMethod, OK, requireGroup, requireRight, visibleChat, type BotCall } from './botCall.ts';
import { userView } from './views.ts';

export const memberMethods: readonly Method[] = [
  botMethod('Chat.User.add', add),
  botMethod('Chat.User.delete', remove),
  botMethod('Chat.User.list', list),
  botMethod('Chat.Manager.add', (botCall) => manage(botCall, true)),
  botMethod('Chat.Manager.delete', (botCall) => manage(botCall, false)),
];

const MAX_LISTED = 200;
const LISTED = 50;

/** True whoever was added, nobody included (contract imbot §7.1, §18.13). */
function add(botCall: BotCall) {
  const { call, bot } = botCall;
  const chatId = chatArgument(botCall);
  const userIds = intListArgument(botCall.params, 'userIds');
  requireRight(botCall, visibleChat(botCall, chatId), 'extend');
  addMembers(call, chatId, userIds, bot.id);
  return OK;
}

/** A stranger is "removed" too; the bot may always remove itself (contract imbot §7.2). */
function remove(botCall: BotCall) {
  const { call, bot } = botCall;
  const chatId = chatArgument(botCall);
  const userId = intArgument(botCall.params, 'userId');
  const chat = visibleChat(botCall, chatId);
  if (userId !== bot.id) requireRight(botCall, chat, 'kick');
  if (isMember(chat, userId)) removeMember(call, chatId, userId, bot.id);
  return OK;
}

/** A bare list of at most 200, with no way to the others (contract imbot §7.3). */
function list(botCall: BotCall) {
  const { call, params } = botCall;
  const chat = visibleChat(botCall, chatArgument(botCall));
  const asked = toInt(params.limit);
  const limit = asked >= 1 && asked <= MAX_LISTED ? asked : LISTED;
  return ordered(botCall, chat)
    .slice(0, limit)
    .flatMap(({ userId }) => {
      const user = users(call.portal).get(userId);
      return user ? [userView(call.portal, user)] : [];
    });
}

function ordered({ call, params }: BotCall, chat: ChatRow): Member[] {
  const order: Params = isArray(params.order) ? params.order : {};
  const by = ['id', 'lastSendMessageId', 'userId'].find((name) => order[name] !== undefined) ?? 'id';
  const lastSent = by === 'lastSendMessageId' ? lastMessages(call.portal, chat) : new Map<number, number>();
  const key = ({ userId, relationId }: Member) =>
    by === 'userId' ? userId : by === 'id' ? relationId : (lastSent.get(userId) ?? 0);
  const sign = toText(order[by]).toUpperCase() === 'DESC' ? -1 : 1;
  return [...chat.members].sort((left, right) => sign * (key(left) - key(right)));
}

function lastMessages(portal: BotCall['call']['portal'], chat: ChatRow): Map<number, number> {
  return new Map(
    messagesOf(portal, chat.id)
      .values()
      .map(({ authorId, id }) => [authorId, id]),
  );
}

/** Strangers are passed over; the owner keeps what he is (contract imbot §7.4). */
function manage(botCall: BotCall, manager: boolean) {
  const { call, params, revision } = botCall;
  const chatId = chatArgument(botCall);
  const userIds = intListArgument(params, 'userIds');
  const chat = visibleChat(botCall, chatId);
  requireRight(botCall, chat, 'changeManagers');
  requireGroup(chat);
  if (userIds.length === 0 && revision >= 33) refuse('EMPTY_USER_IDS', 'userIds is required');
  const meant = manager ? userIds : userIds.filter((userId) => userId !== chat.ownerId);
  setManagers(call.portal, chatId, meant, manager);
  return OK;
}
