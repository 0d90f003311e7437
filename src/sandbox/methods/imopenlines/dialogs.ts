import { isoSeconds } from '../../clock.ts';
import { dialogByCode, dialogs, joinDialog, type DialogRow } from '../../openlines/dialogs.ts';
import { messagesOf } from '../../openlines/messages.ts';
import { finishSession, lineOf, openSession, startSession } from '../../openlines/sessions.ts';
import { parseUserCode } from '../../openlines/userCode.ts';
import { isEmpty, toInt, toText, upperKeys } from '../../php/values.ts';
import { refuse } from '../../refusal.ts';
import type { Method, MethodCall } from '../method.ts';
import { findAskedDialog, mayOpen } from './access.ts';

const scopes = ['imopenlines'];

/** Contract imconnector §3.15. */
export const dialogMethods: readonly Method[] = [
  { name: 'imopenlines.dialog.get', scopes, run: get },
  { name: 'imopenlines.session.open', scopes, run: open },
  { name: 'imopenlines.session.start', scopes, run: start },
  { name: 'imopenlines.operator.another.finish', scopes, run: finish },
];

/** The one method here whose parameter names are folded. */
function get(call: MethodCall) {
  const dialog = findAskedDialog(call, upperKeys(call.params));
  if (!dialog || !mayOpen(call, dialog)) refuse('ACCESS_ERROR', 'You do not have access to the specified dialog');
  return dialogAnswer(call, dialog);
}

function dialogAnswer({ portal }: MethodCall, dialog: DialogRow) {
  const { chatId, userCode, title, description, sessionId, ownerId, participants, createdAt } = dialog;
  const messages = messagesOf(portal, chatId).values();
  const crm = 'N|NONE|0|N|N';
  // Closing takes the session out of the chat (sample of imopenlines.dialog.get).
  const isOpen = openSession(portal, dialog) !== undefined;
  return {
    id: chatId,
    parent_chat_id: 0,
    name: title,
    description,
    owner: ownerId,
    extranet: true,
    avatar: '',
    color: '#4ba984',
    type: 'lines',
    counter: 0,
    user_counter: participants.length,
    message_count: messages.length,
    last_message_id: messages.at(-1)?.id ?? 0,
    entity_type: 'LINES',
    entity_id: userCode,
    entity_data_1: `${crm}|${isOpen ? sessionId : 0}|${Math.floor(createdAt / 1000)}|0|0|0`,
    entity_data_2: 'LEAD|0|COMPANY|0|CONTACT|0|DEAL|0',
    entity_data_3: '',
    mute_list: [],
    manager_list: ownerId > 0 ? [ownerId] : [],
    date_create: isoSeconds(createdAt),
    message_type: 'L',
    dialog_id: `chat${chatId}`,
  };
}

/** Only loads; nothing is made by asking. */
function open(call: MethodCall) {
  const dialog = dialogByCode(call.portal, toText(call.params.USER_CODE).replace(/^imol\|/, ''));
  if (!dialog || !mayOpen(call, dialog)) refuse('ACCESS_DENIED', 'You do not have access to the specified dialog');
  return { chatId: String(dialog.chatId) };
}

function askedChat(call: MethodCall): DialogRow {
  if (isEmpty(call.params.CHAT_ID)) refuse('CHAT_ID', 'Chat ID cannot be empty');
  const dialog = dialogs(call.portal).get(toInt(call.params.CHAT_ID));
  if (!dialog) refuse('CHAT_TYPE', 'The chat is not an open channel');
  if (!mayOpen(call, dialog)) refuse('ACCESS_DENIED', 'You do not have access to the specified dialog');
  return dialog;
}

/** The caller takes the dialog, in a new session if none is open. */
function start(call: MethodCall): true {
  const dialog = askedChat(call);
  const line = lineOf(call.portal, dialog);
  if (!line) refuse('ACCESS_DENIED', 'The line does not exist');
  if (openSession(call.portal, dialog)) joinDialog(call.portal, dialog.chatId, call.userId);
  else startSession(call, dialog, line, call.userId);
  return true;
}

function finish(call: MethodCall): true {
  const dialog = askedChat(call);
  if (!parseUserCode(dialog.userCode).connector) refuse('CHAT_TYPE', 'The chat is not an open channel');
  finishSession(call, dialog);
  return true;
}
