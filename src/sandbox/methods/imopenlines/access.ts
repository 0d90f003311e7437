import { dialogByCode, dialogs, type DialogRow } from '../../openlines/dialogs.ts';
import { lineOf, sessions } from '../../openlines/sessions.ts';
import { isEmpty, toInt, toText, type Params } from '../../php/values.ts';
import type { MethodCall } from '../method.ts';

/** The dialog of CHAT_ID, DIALOG_ID, SESSION_ID or USER_CODE, in that priority (contract imconnector §3.15). */
export function findAskedDialog({ portal }: MethodCall, params: Params): DialogRow | undefined {
  if (!isEmpty(params.CHAT_ID)) return dialogs(portal).get(toInt(params.CHAT_ID));
  const dialogId = /^chat(\d+)$/.exec(toText(params.DIALOG_ID))?.[1];
  if (dialogId) return dialogs(portal).get(dialogId);
  const session = sessions(portal).get(toInt(params.SESSION_ID));
  if (session) return dialogs(portal).get(session.chatId);
  const userCode = toText(params.USER_CODE).replace(/^imol\|/, '');
  return userCode === '' ? undefined : dialogByCode(portal, userCode);
}

export function takesPart(call: MethodCall, dialog: DialogRow): boolean {
  return dialog.participants.includes(call.userId);
}

/** Administrators see all dialogs, others those they take part in or could be called into. */
export function mayOpen(call: MethodCall, dialog: DialogRow): boolean {
  if (call.user.admin || takesPart(call, dialog)) return true;
  return lineOf(call.portal, dialog)?.queue.includes(call.userId) ?? false;
}
