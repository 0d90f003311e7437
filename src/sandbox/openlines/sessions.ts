import type { Hit, Portal } from '../hit.ts';
import { raiseDialogEvent } from './connectorEvents.ts';
import { changeDialog, dialogs, joinDialog, type DialogRow } from './dialogs.ts';
import { firstOfQueue, fullCloseMinutes, lines, type LineRow } from './lines.ts';
import { parseUserCode } from './userCode.ts';

export interface SessionRow {
  readonly id: number;
  readonly chatId: number;
  readonly closed: boolean;
  readonly operatorId: number;
  readonly startedAt: number;
  /** Finished by the operator, but open until then (contract imconnector §2). */
  readonly closesAt?: number | undefined;
  readonly closedAt?: number;
  /** The client was asked to rate; a bare 1 or 0 is taken as the answer. */
  readonly waitsForVote?: boolean;
  readonly vote?: number;
}

export function sessions(portal: Portal) {
  return portal.table<SessionRow>('sessions');
}

/** Sessions in their closing time, by id. */
function closing(portal: Portal) {
  return portal.table<number>('closingSessions');
}

export function lineOf(portal: Portal, dialog: DialogRow): LineRow | undefined {
  return lines(portal).get(Number.parseInt(parseUserCode(dialog.userCode).line, 10));
}

export function openSession(portal: Portal, dialog: DialogRow): SessionRow | undefined {
  const session = sessions(portal).get(dialog.sessionId);
  return session?.closed === false ? session : undefined;
}

export function putSession(portal: Portal, row: SessionRow): SessionRow {
  sessions(portal).put(row.id, row);
  return row;
}

/** A session begins: somebody of the queue is called in, the application hears of it (contract imconnector §4.7). */
export function startSession(hit: Hit, dialog: DialogRow, line: LineRow, operatorId = firstOfQueue(hit.portal, line)) {
  const { portal } = hit;
  const session = putSession(portal, {
    id: portal.nextId('session'),
    chatId: dialog.chatId,
    closed: false,
    operatorId,
    startedAt: portal.clock.now(),
  });
  changeDialog(portal, dialog.chatId, { sessionId: session.id, ownerId: operatorId });
  const joined = joinDialog(portal, dialog.chatId, operatorId);
  raiseDialogEvent(hit, 'START', joined, session);
  return session;
}

/** What an operator does with "finish": the session may stay open for the line's closing time. */
export function finishSession(hit: Hit, dialog: DialogRow): boolean {
  const session = openSession(hit.portal, dialog);
  if (!session) return false;
  const minutes = fullCloseMinutes(lineOf(hit.portal, dialog));
  if (minutes <= 0) {
    closeSession(hit, dialog, session);
    return true;
  }
  putSession(hit.portal, { ...session, closesAt: hit.portal.clock.now() + minutes * 60_000 });
  closing(hit.portal).put(session.id, session.id);
  return true;
}

export function closeSession(hit: Hit, dialog: DialogRow, session: SessionRow): void {
  const { portal } = hit;
  closing(portal).delete(session.id);
  const closed = putSession(portal, { ...session, closed: true, closedAt: portal.clock.now() });
  changeDialog(portal, dialog.chatId, { ownerId: 0 });
  raiseDialogEvent(hit, 'FINISH', dialog, closed);
}

/** A new message in the closing time keeps the session. */
export function keepOpen(portal: Portal, session: SessionRow): SessionRow {
  if (session.closesAt === undefined) return session;
  closing(portal).delete(session.id);
  return putSession(portal, { ...session, closesAt: undefined });
}

/** The agent behind the closing time; its events have no user and so no tokens. */
export function closeDueSessions(hit: Hit): void {
  const { portal } = hit;
  for (const id of closing(portal).values()) {
    const session = sessions(portal).get(id);
    const dialog = session && dialogs(portal).get(session.chatId);
    if (dialog && (session.closesAt ?? 0) <= portal.clock.now()) closeSession(hit, dialog, session);
  }
}
