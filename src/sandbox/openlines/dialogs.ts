import type { Portal } from '../hit.ts';
import { cutText } from '../php/values.ts';

/** An Open Channel chat. */
export interface DialogRow {
  readonly chatId: number;
  readonly userCode: string;
  readonly title: string;
  readonly description: string;
  /** The last session; 0 before the first. */
  readonly sessionId: number;
  /** Operator who answers for it; 0: nobody yet. */
  readonly ownerId: number;
  readonly participants: readonly number[];
  readonly createdAt: number;
}

const TITLE_LENGTH = 255;

export function dialogs(portal: Portal) {
  return portal.table<DialogRow>('dialogs');
}

/** The database folds the case of the connector id; the code itself does not (contract imconnector §9.3). */
function codeKey(userCode: string): string {
  const at = userCode.indexOf('|');
  return userCode.slice(0, at).toLowerCase() + userCode.slice(at);
}

function codes(portal: Portal) {
  return portal.table<number>('dialogCodes');
}

export function dialogByCode(portal: Portal, userCode: string): DialogRow | undefined {
  const chatId = codes(portal).get(codeKey(userCode));
  return chatId === undefined ? undefined : dialogs(portal).get(chatId);
}

export function addDialog(portal: Portal, userCode: string, title: string, clientId: number): DialogRow {
  const row = {
    chatId: portal.nextId('chat'),
    userCode,
    title: cutText(title, TITLE_LENGTH),
    description: '',
    sessionId: 0,
    ownerId: 0,
    participants: [clientId],
    createdAt: portal.clock.now(),
  };
  dialogs(portal).put(row.chatId, row);
  codes(portal).put(codeKey(userCode), row.chatId);
  return row;
}

export function changeDialog(portal: Portal, chatId: number, change: Partial<DialogRow>): DialogRow {
  const row = dialogs(portal).get(chatId);
  if (!row) throw new Error(`No dialog ${chatId}`);
  const next = { ...row, ...change };
  dialogs(portal).put(chatId, next);
  return next;
}

export function joinDialog(portal: Portal, chatId: number, userId: number): DialogRow {
  const participants = dialogs(portal).get(chatId)?.participants ?? [];
  if (userId <= 0 || participants.includes(userId)) return changeDialog(portal, chatId, {});
  return changeDialog(portal, chatId, { participants: [...participants, userId] });
}
