import { isArray, isEmpty, isSet, toInt, toText, type Params } from '../../../php/values.ts';
import { refuse } from '../../../refusal.ts';
import type { Method } from '../../method.ts';
import { changeChat, privateChat } from '../chats.ts';
import { changeMessage, cutLong, deleteMessage, messageById, post } from '../messages.ts';
import { isMember, may, roleOf } from '../roles.ts';
import { chats, type BotMessageRow, type BotRow, type ChatRow } from '../tables.ts';
import { groupId, isYes, legacyBot, legacyMethod, refuseDialog, refuseRequest, type LegacyCall } from './legacyCall.ts';

export const legacyMessageMethods: readonly Method[] = [
  legacyMethod('message.add', add),
  legacyMethod('message.update', update),
  legacyMethod('message.delete', remove),
  legacyMethod('chat.sendTyping', sendTyping),
  legacyMethod('chat.updateTextFieldEnabled', enableTextField),
];

const EXTRA_LENGTH = 30_000;
/** Own messages can be changed for this long, says the documentation of the deprecated method. */
const EDITABLE_MS = 3 * 24 * 3600 * 1000;

/** There is no key: a repeat posts again (contract imbot §11). */
function add(legacy: LegacyCall): number {
  const { call, params } = legacy;
  const dialogId = requireDialogId(params);
  const text = toText(params.MESSAGE);
  const extras = extrasOf(params);
  if (text === '' && !extras.attach) refuse('MESSAGE_EMPTY', "Message can't be empty");
  const bot = legacyBot(legacy);
  const chat = chatOfDialog(legacy, bot, dialogId);
  if (!chat || !may(chat, bot.id, 'send')) refuseRequest("Message isn't added");
  return post(call, { chatId: chat.id, saidBy: bot.id, text, system: isYes(params.SYSTEM), params: extras }).id;
}

function requireDialogId({ DIALOG_ID: dialogId }: Params): string {
  const text = toText(dialogId);
  return groupId(text) !== undefined || toInt(text) > 0 ? text : refuseDialog();
}

function chatOfDialog({ call }: LegacyCall, bot: BotRow, dialogId: string): ChatRow | undefined {
  const chatId = groupId(dialogId);
  return chatId === undefined ? privateChat(call, bot.id, toInt(dialogId)) : chats(call.portal).get(chatId);
}

/** Each of them as a map or as JSON, 30 KB at most; "N" and nothing clear. */
function extrasOf(params: Params): Params {
  const extras: Params = {};
  for (const name of ['ATTACH', 'KEYBOARD', 'MENU']) {
    const sent = params[name];
    if (isEmpty(sent) || sent === 'N') continue;
    const value = isArray(sent) ? sent : parse(toText(sent));
    const what = name.toLowerCase();
    if (!isArray(value)) refuse(`${name}_ERROR`, `Incorrect ${what} params`);
    if (JSON.stringify(value).length > EXTRA_LENGTH) {
      refuse(`${name}_OVERSIZE`, `You have exceeded the maximum allowable size of ${what}`);
    }
    extras[what] = value;
  }
  return extras;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function update(legacy: LegacyCall): true {
  const { call, params } = legacy;
  const messageId = requireMessageId(params);
  const extras = extrasOf(params);
  const bot = legacyBot(legacy);
  const row = messageById(call.portal, messageId);
  if (row?.authorId !== bot.id || isOld(legacy, row)) refuseEdit();
  const text = isSet(params.MESSAGE) ? cutLong(toText(params.MESSAGE)) : row.text;
  if (text === '') deleteMessage(call.portal, row, false);
  else changeMessage(call.portal, row, { text, params: { ...row.params, ...extras } });
  return true;
}

function remove(legacy: LegacyCall): true {
  const { call, params } = legacy;
  const messageId = requireMessageId(params);
  const bot = legacyBot(legacy);
  const row = messageById(call.portal, messageId);
  const chat = row && chats(call.portal).get(row.chatId);
  if (!row || !chat || !isMember(chat, bot.id)) refuseEdit();
  const leads = ['owner', 'manager'].includes(roleOf(chat, bot.id));
  if (row.authorId !== bot.id && !leads) refuseEdit();
  deleteMessage(call.portal, row, isYes(params.COMPLETE));
  return true;
}

function requireMessageId(params: Params): number {
  const messageId = toInt(params.MESSAGE_ID);
  return messageId > 0 ? messageId : refuse('MESSAGE_ID_ERROR', "Message ID can't be empty");
}

function isOld({ call }: LegacyCall, row: BotMessageRow): boolean {
  return call.portal.clock.now() - row.at > EDITABLE_MS;
}

function refuseEdit(): never {
  refuse('CANT_EDIT_MESSAGE', "Time has expired for modification or you don't have access");
}

function sendTyping(legacy: LegacyCall): true {
  const dialogId = requireDialogId(legacy.params);
  const bot = legacyBot(legacy);
  const chat = chatOfDialog(legacy, bot, dialogId);
  if (!chat || !isMember(chat, bot.id)) refuseRequest('Typing is not sent');
  return true;
}

function enableTextField(legacy: LegacyCall): true {
  const dialogId = requireDialogId(legacy.params);
  const bot = legacyBot(legacy);
  const chat = chatOfDialog(legacy, bot, dialogId);
  if (!chat || !isMember(chat, bot.id)) refuseRequest('The text field is not changed');
  changeChat(legacy.call.portal, chat.id, { textFieldEnabled: legacy.params.ENABLED !== 'N' });
  return true;
}
