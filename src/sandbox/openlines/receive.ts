import type { Hit, Portal } from '../hit.ts';
import { isArray, isEmpty, isSet, toInt, toText, type Params } from '../php/values.ts';
import { users, type UserRow } from '../users.ts';
import { connectorOf, isGroupConnector } from './connectors.ts';
import { addDialog, changeDialog, dialogByCode, joinDialog, type DialogRow } from './dialogs.ts';
import { clientName, saveExternalUser } from './externalUsers.ts';
import { saveFiles } from './files.ts';
import { lineName, lines, type LineRow } from './lines.ts';
import { addMessage, cutMid, type FileRow, type MessageRow } from './messages.ts';
import { dispatchToClient } from './operator.ts';
import { closeSession, keepOpen, openSession, putSession, startSession, type SessionRow } from './sessions.ts';
import { formatUserCode } from './userCode.ts';

/** One element of MESSAGES, keys in lower case. */
export interface SentItem {
  readonly user: Params;
  readonly message: Params;
  readonly chat: Params;
}

export interface Received {
  readonly client: UserRow;
  readonly files: readonly FileRow[];
  /** Absent: the message went to no chat (contract imconnector §3.7, `session` may be missing). */
  readonly session?: SessionRow;
}

/** A message of a client, or one mirrored by the connector. Undefined: neither text nor a file was left. */
export async function receiveMessage(
  hit: Hit,
  connector: string,
  line: string,
  item: SentItem,
): Promise<Received | undefined> {
  const { portal } = hit;
  const client = await saveExternalUser(portal, connector, item.user);
  const files = await saveFiles(portal, item.message.files);
  const text = toText(item.message.text);
  if (text === '' && files.length === 0) return undefined;
  const lineRow = lines(portal).get(toInt(line));
  if (!lineRow) return { client, files };
  const dialog = takeDialog(hit, connector, line, item, client, lineRow);
  const open = openSession(portal, dialog);
  if (open && tookVote(portal, open, text)) return { client, files, session: open };
  const session = open ? keepOpen(portal, open) : startSession(hit, dialog, lineRow);
  store(hit, dialog.chatId, session, client, item.message, files);
  return { client, files, session };
}

/** The chat of the key, made on the first message with a title of the portal's own (contract imconnector §3.7). */
function takeDialog(
  hit: Hit,
  connector: string,
  line: string,
  item: SentItem,
  client: UserRow,
  lineRow: LineRow,
): DialogRow {
  const { portal } = hit;
  const group = isGroupConnector(portal, connector);
  const code = { connector, line, chatId: toText(item.chat.id), userId: group ? 0 : client.id };
  const userCode = formatUserCode(code);
  closeOtherForm(hit, formatUserCode({ ...code, userId: group ? client.id : 0 }));
  const known = dialogByCode(portal, userCode);
  if (!known) {
    const title = `${clientName(client)} - ${lineName(lineRow)}`;
    const dialog = addDialog(portal, userCode, title, client.id);
    return isEmpty(item.chat.url)
      ? dialog
      : changeDialog(portal, dialog.chatId, { description: descriptionOf(item.chat.url) });
  }
  // The database found it in any case, PHP compares exactly: the live session is closed as somebody else's.
  if (known.userCode !== userCode) closeOpen(hit, known);
  return joinDialog(portal, known.chatId, client.id);
}

/** CHAT_GROUP was flipped: sessions under the other form of the key are closed (contract imconnector §3.1). */
function closeOtherForm(hit: Hit, userCode: string): void {
  const other = dialogByCode(hit.portal, userCode);
  if (other) closeOpen(hit, other);
}

function closeOpen(hit: Hit, dialog: DialogRow): void {
  const session = openSession(hit.portal, dialog);
  if (session) closeSession(hit, dialog, session);
}

export function descriptionOf(url: unknown): string {
  return `Link to original post: ${toText(url)}`;
}

/** A bare 1 or 0, or a text that starts with it, answers the request for a rating (contract imconnector §3.7). */
function tookVote(portal: Portal, session: SessionRow, text: string): boolean {
  if (!session.waitsForVote || !/^[01]( |$)/.test(text)) return false;
  putSession(portal, { ...session, waitsForVote: false, vote: toInt(text) });
  return true;
}

function store(
  hit: Hit,
  chatId: number,
  session: SessionRow,
  client: UserRow,
  sent: Params,
  files: readonly FileRow[],
): MessageRow {
  const { portal } = hit;
  const author = authorOf(portal, sent, client);
  const mid = isEmpty(sent.id) ? '' : cutMid(toText(sent.id));
  const row = addMessage(portal, {
    chatId,
    sessionId: session.id,
    ...author,
    text: toText(sent.text),
    files,
    connectorMid: mid === '' ? [] : [mid],
  });
  // A message "of an employee" goes out again like any other of his: the echo (contract imconnector §3.7).
  if (author.origin === 'operator') dispatchToClient(hit, row);
  return row;
}

function authorOf(portal: Portal, sent: Params, client: UserRow): Pick<MessageRow, 'authorId' | 'origin'> {
  if (!isSet(sent.user_id)) return { authorId: client.id, origin: 'client' };
  const user = users(portal).get(toInt(sent.user_id));
  if (!user) return { authorId: 0, origin: 'system' };
  return { authorId: user.id, origin: user.kind === 'connector' ? 'client' : 'operator' };
}

/** The chat of an update or delete: its key, else the other form of it (contract imconnector §3.8). */
export function findDialog(portal: Portal, connector: string, line: string, chatId: string, clientId: number) {
  const group = connectorOf(portal, connector)?.flags.CHAT_GROUP ?? false;
  const forms = group ? [0, clientId] : [clientId, 0];
  const codes = forms.map((userId) => formatUserCode({ connector, line, chatId, userId }));
  return codes.map((code) => dialogByCode(portal, code)).find((dialog) => dialog !== undefined);
}

/** The parts of an element that must be there and not empty; undefined otherwise. */
export function completeItem(element: Params): SentItem | undefined {
  const { user, message, chat } = element;
  if (!isArray(user) || !isArray(message) || !isArray(chat)) return undefined;
  return isEmpty(user) || isEmpty(message) || isEmpty(chat) ? undefined : { user, message, chat };
}
