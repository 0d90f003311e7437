import type { Hit } from '../hit.ts';
import { connectorOf } from './connectors.ts';
import type { DialogRow } from './dialogs.ts';
import { fullCloseMinutes, lines } from './lines.ts';
import type { FileRow } from './messages.ts';
import { parseUserCode } from './userCode.ts';

/** Only the application that owns the connector now gets its events (contract imconnector §4.1). */
function raiseToOwner(hit: Hit, connector: string, name: string, data: unknown): void {
  const owner = connectorOf(hit.portal, connector)?.ownerClientId;
  if (owner !== undefined) hit.raise({ name, data, clientId: owner });
}

/** Contract imconnector §4.2, §4.3, §4.4: the three differ in `message`. */
export function raiseMessageEvent(
  hit: Hit,
  kind: 'ADD' | 'UPDATE' | 'DELETE',
  dialog: DialogRow,
  messageId: number,
  messages: readonly Readonly<Record<string, unknown>>[],
): void {
  const code = parseUserCode(dialog.userCode);
  const im = { chat_id: dialog.chatId, message_id: messageId };
  raiseToOwner(hit, code.connector, `ONIMCONNECTORMESSAGE${kind}`, {
    CONNECTOR: code.connector,
    LINE: code.line,
    MESSAGES: messages.map((message) => ({ im, message, chat: { id: code.chatId } })),
  });
}

/** How a file of an operator looks in an event. */
export function fileOfEvent(file: FileRow) {
  const kind = /^(image|video|audio)\//.exec(file.mime)?.[1] ?? 'file';
  const sizef = `${(file.size / 1024).toFixed(2)} KB`;
  const base = { name: file.name, type: kind, mime: file.mime, link: file.url, downloadLink: '' };
  return { ...base, size: file.size, sizef, ...(kind === 'image' ? { width: 646, height: 615 } : {}) };
}

/** What a dialog event tells of the session. */
interface SessionState {
  readonly id: number;
  readonly closed: boolean;
}

/** The user is the one of the portal, or 0 for a group, whatever the documentation says (contract imconnector §4.7). */
export function raiseDialogEvent(hit: Hit, kind: 'START' | 'FINISH', dialog: DialogRow, session: SessionState): void {
  const code = parseUserCode(dialog.userCode);
  const line = lines(hit.portal).get(Number.parseInt(code.line, 10));
  raiseToOwner(hit, code.connector, `ONIMCONNECTORDIALOG${kind}`, {
    CONNECTOR: code.connector,
    LINE: code.line,
    DATA: [
      {
        connector: { connector_id: code.connector, line_id: code.line, chat_id: code.chatId, user_id: code.userId },
        session: {
          id: session.id,
          closed: session.closed ? 'Y' : 'N',
          parent_id: 0,
          close_term: fullCloseMinutes(line),
        },
        chat: { id: code.chatId },
        user: { id: code.userId },
      },
    ],
  });
}

/** Keys in lower case here (contract imconnector §4.5). */
export function raiseStatusDelete(hit: Hit, connector: string, line: number): void {
  raiseToOwner(hit, connector, 'ONIMCONNECTORSTATUSDELETE', { connector, line });
}

/** A bare number, to every application bound to it (contract imconnector §4.6). */
export function raiseLineDelete(hit: Hit, line: number): void {
  hit.raise({ name: 'ONIMCONNECTORLINEDELETE', data: line });
}
