import type { Portal } from '../hit.ts';
import { cutText, looseEquals, phpTrim } from '../php/values.ts';
import { changeDialog, type DialogRow } from './dialogs.ts';
import { addMessage } from './messages.ts';

const TITLE_LENGTH = 255;

/** Blank and equal titles are refused, and "equal" is PHP's loose idea of it (contract imconnector §3.13, row 12). */
export function renameDialog(portal: Portal, dialog: DialogRow, name: string): boolean {
  const title = cutText(phpTrim(name), TITLE_LENGTH);
  if (title === '' || looseEquals(title, dialog.title)) return false;
  changeDialog(portal, dialog.chatId, { title });
  const text = `Chat title changed to "${title}"`;
  addMessage(portal, { chatId: dialog.chatId, sessionId: dialog.sessionId, authorId: 0, origin: 'system', text });
  return true;
}
