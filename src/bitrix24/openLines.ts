import type { Clock } from '../kit/clock.ts';
import { DeliveryError } from '../kit/errors.ts';
import { type Command, MAX_COMMANDS, runBatch } from './batch.ts';
import type { Call } from './portalApi.ts';
import { asFields, asId, asList, asText, asFlag, hasCode, type Fields } from './wire.ts';

/** `imopenlines.*` as typed functions (contract imconnector §3.14, 3.15). All repeatable. */

export interface OpenLine {
  id: string;
  name: string;
  active: boolean;
}

const PAGE = 200;

export async function listLines(call: Call): Promise<OpenLine[]> {
  const lines = new Map<string, OpenLine>();
  for (let offset = 0; ; offset += PAGE) {
    const PARAMS = { select: ['ID', 'LINE_NAME', 'ACTIVE'], order: { ID: 'ASC' }, limit: PAGE, offset };
    const page = asList(await call('imopenlines.config.list.get', { PARAMS }, { repeatable: true })).flatMap(lineOf);
    const before = lines.size;
    for (const line of page) lines.set(line.id, line);
    // Also ends on a portal that does not know `offset` and sends the same page again.
    if (page.length < PAGE || lines.size === before) return [...lines.values()];
  }
}

/** @returns undefined when the portal has no such line. */
export async function getLine(call: Call, id: string): Promise<OpenLine | undefined> {
  const params = { CONFIG_ID: id, WITH_QUEUE: 'N' };
  return lineOf(await call('imopenlines.config.get', params, { repeatable: true }))[0];
}

function lineOf(value: unknown): OpenLine[] {
  const { ID, LINE_NAME, ACTIVE } = asFields(value);
  const id = asId(ID);
  return id === undefined ? [] : [{ id, name: asText(LINE_NAME), active: asFlag(ACTIVE) }];
}

export interface Dialog {
  chatId: string;
  title: string;
  userCode: string;
  /** The open session; a dialog that is closed names none (sample of imopenlines.dialog.get: `N|NONE|0|N|N|0`). */
  sessionId?: string;
}

export type DialogKey = { chatId: string } | { userCode: string };

const commandOf = (by: DialogKey): Command => ({
  method: 'imopenlines.dialog.get',
  params: 'chatId' in by ? { CHAT_ID: by.chatId } : { USER_CODE: by.userCode },
  repeatable: true,
});

/** @returns undefined when there is none, or none we may see (`ACCESS_ERROR` means both). */
export async function getDialog(call: Call, by: DialogKey): Promise<Dialog | undefined> {
  const { method, params, repeatable } = commandOf(by);
  try {
    return dialogOf(asFields(await call(method, params, { repeatable })));
  } catch (error) {
    if (hasCode(error, 'ACCESS_ERROR')) return undefined;
    throw error;
  }
}

/** As many dialogs as fit into one request. */
export const MOST_DIALOGS = MAX_COMMANDS;

/** The same of many, in one request; each at its own place. @throws DeliveryError when one of them cannot be told. */
export async function getDialogs(
  call: Call,
  keys: readonly DialogKey[],
  deps: { clock: Clock },
): Promise<(Dialog | undefined)[]> {
  const outcomes = await runBatch(call, keys.map(commandOf), deps);
  return outcomes.map((outcome) => {
    if (outcome.ok) return dialogOf(asFields(outcome.result));
    const { failure } = outcome;
    if (failure.code === 'ACCESS_ERROR') return undefined;
    throw failure;
  });
}

function dialogOf(chat: Fields): Dialog | undefined {
  const chatId = asId(chat.id);
  if (chatId === undefined) return undefined;
  // The sixth part of entity_data_1 (contract imconnector §3.15).
  const sessionId = asId(asText(chat.entity_data_1).split('|')[5]);
  return {
    chatId,
    title: asText(chat.name),
    userCode: asText(chat.entity_id),
    ...(sessionId === undefined ? {} : { sessionId }),
  };
}

export interface HistoryMessage {
  id: string;
  /** Id of the portal's user; `0` for the system. */
  senderId: string;
  text: string;
  /** Ids of the messenger: what was sent by us, or confirmed as delivered. Empty: never left the portal. */
  connectorIds: string[];
  /** On its way to the messenger, and never confirmed. What the staff wrote among themselves has no such mark. */
  sending: boolean;
  /** ISO; empty where the portal does not tell. */
  date: string;
  files: number;
}

export interface SessionHistory {
  sessionId: string;
  /** Whose session it is. */
  chatId: string;
  messages: HistoryMessage[];
  /** Users who are people of a messenger, or bots: not of the staff. */
  outsiders: ReadonlySet<string>;
}

/**
 * The messages of one session in their order, or undefined when it cannot be seen. Of a chat: those of its last session;
 * only for users who take part in it (contract imconnector §3.15).
 */
export async function getSessionHistory(
  call: Call,
  of: { sessionId: string } | { chatId: string },
): Promise<SessionHistory | undefined> {
  try {
    const params = 'sessionId' in of ? { SESSION_ID: of.sessionId } : { CHAT_ID: of.chatId };
    const history = asFields(await call('imopenlines.session.history.get', params, { repeatable: true }));
    const messages = asList(history.message).map(asFields).flatMap(messageOf);
    const users = asList(history.users).map(asFields);
    const outsiders = users.filter((user) => asFlag(user.connector) || asFlag(user.bot)).map((user) => asText(user.id));
    return {
      sessionId: 'sessionId' in of ? of.sessionId : (asId(history.sessionId) ?? ''),
      chatId: asId(history.chatId) ?? '',
      messages: messages.sort(byId),
      outsiders: new Set(outsiders),
    };
  } catch (error) {
    // ACCESS_DENIED, INVALID_SESSION_ID, and whatever a module may say about a session that is not well.
    if (error instanceof DeliveryError && error.verdict === 'refused') return undefined;
    throw error;
  }
}

function messageOf(message: Fields): HistoryMessage[] {
  const id = asId(message.id);
  if (id === undefined) return [];
  const params = asFields(message.params);
  const external = params.connectorMid ?? params.CONNECTOR_MID;
  return [
    {
      id,
      senderId: asId(message.senderId ?? message.senderid ?? message.sender_id) ?? '0',
      text: asText(message.text),
      connectorIds: typeof external === 'string' ? [external] : asList(external).map(asText),
      sending: asFlag(params.sending ?? params.SENDING),
      date: asText(message.date),
      files: asList(params.fileId ?? params.FILE_ID).length,
    },
  ];
}

/** Ids grow and may be longer than a safe integer. */
const byId = (a: HistoryMessage, b: HistoryMessage): number =>
  a.id.length - b.id.length || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0);

/** Ends the session of a dialog, as an operator would; the line may keep it open for a while. */
export async function finishDialog(call: Call, chatId: string): Promise<void> {
  await call('imopenlines.operator.another.finish', { CHAT_ID: chatId }, { repeatable: true });
}

/** Key of a dialog on the portal (§2). `bitrixUserId`: the portal's user; `0` for a group connector. */
export const userCode = (parts: { connector: string; line: string; chatId: string; bitrixUserId: string }): string =>
  [parts.connector.toLowerCase(), parts.line, parts.chatId, parts.bitrixUserId].join('|');
