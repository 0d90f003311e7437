import { portalDomain, portalUrl } from './address.ts';
import { bindings } from './events/bindings.ts';
import type { Portal } from './hit.ts';
import { installationsOf } from './install/installations.ts';
import { imbotView } from './methods/imbot/stateView.ts';
import { connectors } from './openlines/connectors.ts';
import { dialogs, type DialogRow } from './openlines/dialogs.ts';
import { lines } from './openlines/lines.ts';
import { messagesOf, type MessageRow } from './openlines/messages.ts';
import { openSession, sessions } from './openlines/sessions.ts';
import { isUsable, statuses } from './openlines/statuses.ts';
import { parseUserCode } from './openlines/userCode.ts';
import { users } from './users.ts';

/** A dialog as somebody at the screen would see it, with what is behind it. */
export interface DialogView {
  readonly chatId: number;
  readonly title: string;
  readonly userCode: string;
  readonly connector: string;
  readonly line: number;
  readonly externalChatId: string;
  readonly sessionId: number;
  readonly sessionOpen: boolean;
  readonly ownerId: number;
  readonly participants: readonly number[];
  readonly messages: readonly MessageRow[];
}

export function viewDialog(portal: Portal, dialog: DialogRow): DialogView {
  const code = parseUserCode(dialog.userCode);
  return {
    chatId: dialog.chatId,
    title: dialog.title,
    userCode: dialog.userCode,
    connector: code.connector,
    line: Number.parseInt(code.line, 10),
    externalChatId: code.chatId,
    sessionId: dialog.sessionId,
    sessionOpen: openSession(portal, dialog) !== undefined,
    ownerId: dialog.ownerId,
    participants: dialog.participants,
    messages: messagesOf(portal, dialog.chatId).values(),
  };
}

export type StateView = ReturnType<typeof viewState>;

export function viewState(portal: Portal) {
  const row = portal.row();
  return {
    portal: { ...row, url: portalUrl(row), domain: portalDomain(row), now: portal.clock.now() },
    users: users(portal).values(),
    lines: lines(portal).values(),
    connectors: connectors(portal).values(),
    statuses: statuses(portal)
      .values()
      .map((status) => ({ ...status, usable: isUsable(status) })),
    installations: installationsOf(portal, portal.memberId),
    bindings: bindings(portal).values(),
    sessions: sessions(portal).values(),
    dialogs: dialogs(portal)
      .values()
      .map((dialog) => viewDialog(portal, dialog)),
    ...imbotView(portal),
  };
}
