import type { Hit, Portal } from '../hit.ts';
import { refuse } from '../refusal.ts';
import { fullName, users } from '../users.ts';
import { fileOfEvent, raiseMessageEvent } from './connectorEvents.ts';
import { connectorOf, type ConnectorRow } from './connectors.ts';
import { dialogs, joinDialog, type DialogRow } from './dialogs.ts';
import { addMessage, changeMessage, messageById, type FileRow, type MessageRow } from './messages.ts';
import { keepOpen, lineOf, openSession, startSession } from './sessions.ts';
import { isUsable, statusOf } from './statuses.ts';
import { parseUserCode } from './userCode.ts';

export interface SentFile {
  readonly name: string;
  readonly url: string;
  readonly mime?: string;
  readonly size?: number;
}

export interface OperatorMessage {
  readonly text: string;
  readonly files?: readonly SentFile[];
  /** Only seen by the staff; never leaves the portal. */
  readonly hidden?: boolean;
}

/** Somebody of the staff writes in the dialog; without an open session one begins (contract imconnector §4.7). */
export function writeToClient(hit: Hit, chatId: number, message: OperatorMessage): MessageRow {
  const { portal } = hit;
  const userId = employeeOf(hit);
  const dialog = joinDialog(portal, dialogOf(portal, chatId).chatId, userId);
  const line = lineOf(portal, dialog);
  if (!canSend(portal, dialog) || !line)
    refuse('CONNECTOR_NOT_AVAILABLE', 'The channel is not connected', { status: 409 });
  const open = openSession(portal, dialog);
  const session = open ? keepOpen(portal, open) : startSession(hit, dialog, line, userId);
  const row = addMessage(portal, {
    chatId,
    sessionId: session.id,
    authorId: userId,
    origin: 'operator',
    text: message.text,
    files: (message.files ?? []).map((file) => fileRow(portal, file)),
    readByClient: false,
  });
  return message.hidden ? row : dispatchToClient(hit, row);
}

/** An automatic text of the line: no author, no signature (contract imconnector §4.2). */
export function writeAutomatic(hit: Hit, chatId: number, text: string): MessageRow {
  const dialog = dialogOf(hit.portal, chatId);
  const message = { chatId, sessionId: dialog.sessionId, authorId: 0, origin: 'system', text } as const;
  const row = addMessage(hit.portal, message);
  const wanted = connectorOfDialog(hit.portal, dialog)?.flags.NEED_SYSTEM_MESSAGES ?? false;
  return wanted ? dispatchToClient(hit, row) : row;
}

/** Sends a stored message out through the connector; it shows as being sent until a delivery status comes. */
export function dispatchToClient(hit: Hit, row: MessageRow): MessageRow {
  const dialog = dialogOf(hit.portal, row.chatId);
  if (!canSend(hit.portal, dialog)) return row;
  const text = signed(hit.portal, dialog, row, ' [br]');
  const files = row.files.length === 0 ? {} : { files: row.files.map(fileOfEvent) };
  const message = { user_id: row.authorId, ...(text === '' ? {} : { text }), ...files };
  raiseMessageEvent(hit, 'ADD', dialog, row.id, [message]);
  return changeMessage(hit.portal, row, { sending: true });
}

/** The event comes only for messages whose external ids are known (contract imconnector §4.3). */
export function editByOperator(hit: Hit, messageId: number, text: string): MessageRow {
  const { row, dialog } = ownMessage(hit.portal, messageId);
  if (!(connectorOfDialog(hit.portal, dialog)?.flags.EDIT_INTERNAL_MESSAGES ?? true)) {
    refuse('EDIT_NOT_ALLOWED', 'The connector does not edit messages', { status: 409 });
  }
  const next = changeMessage(hit.portal, row, { text });
  if (row.connectorMid.length > 0) {
    const message = { id: row.connectorMid, text: signed(hit.portal, dialog, next, '[br] ') };
    raiseMessageEvent(hit, 'UPDATE', dialog, row.id, [message]);
  }
  return next;
}

/** One element per external id (contract imconnector §4.4). */
export function deleteByOperator(hit: Hit, messageId: number): MessageRow {
  const { row, dialog } = ownMessage(hit.portal, messageId);
  const next = changeMessage(hit.portal, row, { deleted: true, text: '' });
  if (row.connectorMid.length > 0) {
    raiseMessageEvent(
      hit,
      'DELETE',
      dialog,
      row.id,
      row.connectorMid.map((id) => ({ id })),
    );
  }
  return next;
}

function ownMessage(portal: Portal, messageId: number): { row: MessageRow; dialog: DialogRow } {
  const row = messageById(portal, messageId);
  if (row?.origin !== 'operator' || row.deleted) refuse('MESSAGE_NOT_FOUND', 'No such message', { status: 404 });
  return { row, dialog: dialogOf(portal, row.chatId) };
}

/** The signature stands in bold before the text, files alone carry it alone (contract imconnector §4.2, §4.3). */
function signed(portal: Portal, dialog: DialogRow, row: MessageRow, between: string): string {
  const wanted = connectorOfDialog(portal, dialog)?.flags.NEED_SIGNATURE ?? true;
  const author = row.authorId === 0 ? undefined : users(portal).get(row.authorId);
  if (!wanted || !author) return row.text;
  const signature = `[b]${fullName(author)}:[/b]`;
  return row.text === '' ? signature : `${signature}${between}${row.text}`;
}

export function dialogOf(portal: Portal, chatId: number): DialogRow {
  const dialog = dialogs(portal).get(chatId);
  if (!dialog) refuse('CHAT_NOT_FOUND', 'No such dialog', { status: 404 });
  return dialog;
}

function connectorOfDialog(portal: Portal, dialog: DialogRow): ConnectorRow | undefined {
  return connectorOf(portal, parseUserCode(dialog.userCode).connector);
}

function canSend(portal: Portal, dialog: DialogRow): boolean {
  const { connector, line } = parseUserCode(dialog.userCode);
  if (lineOf(portal, dialog)?.settings.ACTIVE !== 'Y') return false;
  return isUsable(statusOf(portal, connector, Number.parseInt(line, 10)));
}

function employeeOf(hit: Hit): number {
  const user = hit.userId === null ? undefined : users(hit.portal).get(hit.userId);
  if (!user?.active || user.kind === 'connector') refuse('USER_NOT_FOUND', 'No such employee', { status: 404 });
  return user.id;
}

function fileRow(portal: Portal, file: SentFile): FileRow {
  const mime = file.mime ?? 'application/octet-stream';
  return { id: portal.nextId('file'), name: file.name, url: file.url, mime, size: file.size ?? 70_855 };
}
