import { isArray, isEmpty, isSet, toInt, toText, type Params } from '../../../php/values.ts';
import { refuse } from '../../../refusal.ts';
import type { Method } from '../../method.ts';
import { changeChat } from '../chats.ts';
import { changeMessage, cutLong, deleteMessage, idByKey, isKey, messageById, post } from '../messages.ts';
import { isMember, roleOf } from '../roles.ts';
import { chats, type BotMessageRow } from '../tables.ts';
import { chatArgument, fieldsArgument, intArgument, isTrue, optionalInt } from './arguments.ts';
import { botMethod, OK, refuseChat, requireRight, visibleChat, type BotCall } from './botCall.ts';

export const messageMethods: readonly Method[] = [
  botMethod('Chat.Message.send', send),
  botMethod('Chat.Message.update', update),
  botMethod('Chat.Message.delete', remove),
  botMethod('Chat.TextField.enabled', enableTextField),
  botMethod('Chat.InputAction.notify', notifyTyping),
];

const MAX_FORWARDED = 100;

function send(botCall: BotCall) {
  const { call, bot, params, revision } = botCall;
  const chatId = chatArgument(botCall);
  const fields = fieldsArgument(params);
  requireRight(botCall, visibleChat(botCall, chatId), 'send');
  const text = toText(fields.message);
  const extras = extrasOf(fields);
  const forwarded = isArray(fields.forwardIds) ? forwardsOf(call.portal, fields.forwardIds) : [];
  if (text === '' && !extras.attach && forwarded.length === 0) refuse('EMPTY_MESSAGE', "Message can't be empty");
  checkReply(call.portal, chatId, fields.replyId);
  const system = isTrue(fields.system, revision);
  const uuid = toText(fields.templateId);
  // One key for the whole portal: another chat, even another bot, gets the first message back (contract imbot §18.25).
  const key = !system && isKey(uuid) ? uuid : null;
  const known = key === null ? undefined : idByKey(call.portal, key);
  if (known !== undefined) return { id: known, uuidMap: [] };
  const message = { chatId, saidBy: bot.id, text, system, uuid: key, params: extras };
  const id = text === '' && !extras.attach ? null : post(call, message).id;
  const map = forwarded.map(([own, row]) => [own, post(call, { chatId, saidBy: bot.id, text: row.text }).id] as const);
  return { id, uuidMap: map.length > 0 ? Object.fromEntries(map) : [] };
}

function extrasOf(fields: Params): Params {
  for (const [name, code] of [
    ['attach', 'PARAM_ATTACH_ERROR'] as const,
    ['keyboard', 'PARAM_KEYBOARD_ERROR'] as const,
  ]) {
    if (!isEmpty(fields[name]) && fields[name] !== 'N' && !isArray(fields[name])) refuseChat(code);
  }
  const { attach, keyboard } = fields;
  return { ...(isArray(attach) ? { attach } : {}), ...(isArray(keyboard) ? { keyboard } : {}) };
}

function forwardsOf(portal: BotCall['call']['portal'], sent: Params): [string, BotMessageRow][] {
  const pairs = Object.entries(sent);
  if (pairs.length > MAX_FORWARDED) refuseChat('TOO_MANY_MESSAGES');
  if (pairs.some(([uuid]) => !isKey(uuid))) refuseChat('WRONG_UUID');
  return pairs.flatMap(([uuid, id]) => {
    const row = messageById(portal, toInt(id));
    return row ? [[uuid, row]] : [];
  });
}

function checkReply(portal: BotCall['call']['portal'], chatId: number, replyId: unknown): void {
  if (!isEmpty(replyId) && messageById(portal, toInt(replyId))?.chatId !== chatId) refuseChat('REPLY_ERROR');
}

function visibleMessage({ call, bot, params }: BotCall): BotMessageRow {
  const row = messageById(call.portal, intArgument(params, 'messageId'));
  if (!row) refuseChat('MESSAGE_NOT_FOUND');
  const chat = chats(call.portal).get(row.chatId);
  if (!chat || !isMember(chat, bot.id)) refuseChat('MESSAGE_ACCESS_DENIED');
  return row;
}

/** An empty text deletes (contract imbot §8.2). */
function update(botCall: BotCall) {
  const { call, bot, params } = botCall;
  const fields = fieldsArgument(params);
  const row = visibleMessage(botCall);
  if (row.authorId !== bot.id) refuseChat('MESSAGE_ACCESS_DENIED');
  const message: Params = { ...row.params, ...extrasOf(fields) };
  if (fields.keyboard === 'N') delete message.keyboard;
  const text = isSet(fields.message) ? cutLong(toText(fields.message)) : row.text;
  if (text === '' && !message.attach) deleteMessage(call.portal, row, false);
  else changeMessage(call.portal, row, { text, params: message });
  return OK;
}

/** `complete` does not ask whose message it is (contract imbot §8.3). */
function remove(botCall: BotCall) {
  const { call, bot, params, revision } = botCall;
  const complete = isTrue(params.complete, revision);
  const row = visibleMessage(botCall);
  const chat = chats(call.portal).get(row.chatId);
  const leads = chat !== undefined && ['owner', 'manager'].includes(roleOf(chat, bot.id));
  if (row.authorId !== bot.id && !leads && !complete) refuseChat('MESSAGE_ACCESS_DENIED');
  deleteMessage(call.portal, row, complete || leads);
  return OK;
}

/** Participation is enough; it stops people, never the bot (contract imbot §8.1, §8.7). */
function enableTextField(botCall: BotCall) {
  const { call, bot, params, revision } = botCall;
  const chat = visibleChat(botCall, chatArgument(botCall));
  if (!isMember(chat, bot.id) || (chat.type === 'P' && revision < 33)) refuseChat('ACCESS_DENIED');
  changeChat(call.portal, chat.id, { textFieldEnabled: !isSet(params.enabled) || isTrue(params.enabled, 33) });
  return OK;
}

function notifyTyping(botCall: BotCall) {
  const chatId = chatArgument(botCall);
  optionalInt(botCall.params, 'duration', 0);
  requireRight(botCall, visibleChat(botCall, chatId), 'send');
  return OK;
}
