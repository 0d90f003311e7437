import { isoSeconds } from '../../clock.ts';
import { dialogs, type DialogRow } from '../../openlines/dialogs.ts';
import { messagesOf, type MessageRow } from '../../openlines/messages.ts';
import { sessions, type SessionRow } from '../../openlines/sessions.ts';
import { isEmpty, phpArray, toInt, type Params } from '../../php/values.ts';
import { refuse } from '../../refusal.ts';
import { fullName, users } from '../../users.ts';
import type { Method, MethodCall } from '../method.ts';
import { takesPart } from './access.ts';

/** Contract imconnector §3.15. */
export const historyMethods: readonly Method[] = [
  { name: 'imopenlines.session.history.get', scopes: ['imopenlines'], run: history },
];

function history(call: MethodCall) {
  const { session, dialog } = asked(call);
  const rows = messagesOf(call.portal, dialog.chatId)
    .values()
    .filter((row) => row.sessionId === session.id && !row.deleted);
  const chatId = String(dialog.chatId);
  const authors = new Set([...dialog.participants, ...rows.map((row) => row.authorId)]);
  return {
    chatId,
    sessionId: String(session.id),
    canJoin: 'Y',
    canVoteAsHead: 'N',
    sessionVoteHead: 0,
    userInChat: { [chatId]: dialog.participants.map(String) },
    message: phpArray(rows.map((row) => [String(row.id), messageAnswer(row)] as const)),
    usersMessage: { [chatId]: rows.map((row) => String(row.id)).reverse() },
    users: phpArray([...authors].flatMap((id) => userAnswer(call, id))),
    chat: { [chatId]: chatAnswer(dialog) },
    files: [],
  };
}

/** With a session nobody asks who is calling; with a chat the caller must take part. */
function asked(call: MethodCall): { session: SessionRow; dialog: DialogRow } {
  const { portal, params } = call;
  if (!isEmpty(params.SESSION_ID)) {
    const session = sessions(portal).get(toInt(params.SESSION_ID));
    const dialog = session && dialogs(portal).get(session.chatId);
    if (!dialog) refuse('INVALID_SESSION_ID', 'Session not found');
    return { session, dialog };
  }
  if (isEmpty(params.CHAT_ID)) refuse('MISSING_REQUIRED_PARAM', 'SESSION_ID or CHAT_ID is required');
  const dialog = dialogs(portal).get(toInt(params.CHAT_ID));
  if (!dialog || !takesPart(call, dialog)) refuse('ACCESS_DENIED', 'You do not have access to the specified dialog');
  const session = sessions(portal).get(dialog.sessionId);
  if (!session) refuse('INVALID_SESSION_ID', 'Session not found');
  return { session, dialog };
}

/** An empty `params` is a list, as any empty PHP map. */
function messageAnswer(row: MessageRow): Params {
  const connectorMid = row.connectorMid.length > 0 ? { connectorMid: row.connectorMid } : {};
  const fileId = row.files.length > 0 ? { fileId: row.files.map((file) => file.id) } : {};
  // The mark of im's message parameters that send.status.delivery takes off (contract imconnector §3.10).
  const sending = row.sending ? { sending: 'Y' } : {};
  const params = { ...connectorMid, ...fileId, ...sending };
  return {
    id: String(row.id),
    chatid: String(row.chatId),
    senderid: String(row.authorId),
    recipientid: `chat${row.chatId}`,
    date: isoSeconds(row.date),
    text: row.text,
    textlegacy: row.text,
    params: isEmpty(params) ? [] : params,
  };
}

function userAnswer({ portal }: MethodCall, id: number): (readonly [string, Params])[] {
  const user = users(portal).get(id);
  if (!user) return [];
  const row = {
    id: String(id),
    name: fullName(user),
    firstName: user.name,
    lastName: user.lastName,
    active: user.active,
    connector: user.kind === 'connector',
    bot: user.kind === 'bot',
    workPosition: user.workPosition ?? '',
  };
  return [[String(id), row]];
}

function chatAnswer(dialog: DialogRow): Params {
  return {
    id: String(dialog.chatId),
    name: dialog.title,
    owner: String(dialog.ownerId),
    type: 'lines',
    entityType: 'LINES',
    entityId: dialog.userCode,
    dateCreate: isoSeconds(dialog.createdAt),
    messageType: 'L',
  };
}
