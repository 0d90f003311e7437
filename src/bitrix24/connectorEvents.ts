import { misshapen, readLine, type LineEvent, type PortalEvent } from './events.ts';
import { formMap, type FormMap, type FormValue } from './form.ts';
import { asId, asNumber, asText } from './wire.ts';

/** What the events about dialogs and messages of our connectors carry (contract imconnector §4.2-4.7). */

/** A list, also where PHP made a map of a list with gaps; nothing where an empty list vanished on the way. */
const listOf = (value: FormValue | undefined): FormValue[] => {
  if (value === undefined || value === '') return [];
  if (typeof value === 'string') return [value];
  return Array.isArray(value) ? value : Object.values(value);
};

export interface DialogEvent extends LineEvent {
  externalChatId: string;
  /** The portal's user, `0` for a group connector. The documentation wrongly calls it the external id. */
  bitrixUserId: string;
  sessionId: string;
  closed: boolean;
}

/** ONIMCONNECTORDIALOGSTART and ...FINISH (§4.7). @throws RequestError */
export function readDialogs(event: PortalEvent): DialogEvent[] {
  const line = readLine(event);
  return listOf(formMap(event.data).DATA).map((entry) => {
    const { connector, session, chat, user } = formMap(entry);
    const { chat_id, user_id, line_id } = formMap(connector);
    const externalChatId = asText(chat_id) || asText(formMap(chat).id);
    const sessionId = asId(formMap(session).id);
    if (externalChatId === '' || sessionId === undefined) throw misshapen(event);
    return {
      connector: line.connector,
      line: asId(line_id) ?? line.line,
      externalChatId,
      bitrixUserId: asText(user_id) || asText(formMap(user).id) || '0',
      sessionId,
      closed: asText(formMap(session).closed).toUpperCase() === 'Y',
    };
  });
}

export interface OperatorFile {
  name: string;
  /** `image`, `file`, `video`, `audio` ... */
  type: string;
  mime: string;
  /** Public short link. */
  link: string;
  /** May be empty. */
  downloadLink: string;
  /** Bytes. */
  size?: number;
  width?: number;
  height?: number;
}

export interface OperatorMessage {
  /** Ids on the portal. */
  chatId: string;
  messageId: string;
  /** The operator; `0` for automatic texts. */
  userId: string;
  /** BB-code, with `[b]Name:[/b] [br]` before it where the line shows names. */
  text: string;
  files: OperatorFile[];
  externalChatId: string;
}

export interface OperatorMessages extends LineEvent {
  items: OperatorMessage[];
}

/** ONIMCONNECTORMESSAGEADD (§4.2): what operators and automatons say. @throws RequestError */
export function readOperatorMessages(event: PortalEvent): OperatorMessages {
  const items = messagesOf(event).map(({ ids, message }) => ({
    ...ids,
    userId: asText(message.user_id) || '0',
    text: asText(message.text),
    files: listOf(message.files).map((file) => fileOf(formMap(file))),
  }));
  return { ...readLine(event), items };
}

export interface MessageChange {
  chatId: string;
  messageId: string;
  /** Ids of the messenger that were confirmed when the message was delivered. */
  externalIds: string[];
  /** The new text; empty for a deletion. */
  text: string;
  externalChatId: string;
}

/** ONIMCONNECTORMESSAGEUPDATE and ...DELETE (§4.3, 4.4): the external id is a list in one, a scalar in the other. */
export function readMessageChanges(event: PortalEvent): LineEvent & { items: MessageChange[] } {
  const items = messagesOf(event).map(({ ids, message }) => ({
    ...ids,
    externalIds: listOf(message.id).map(asText),
    text: asText(message.text),
  }));
  return { ...readLine(event), items };
}

interface Entry {
  ids: { chatId: string; messageId: string; externalChatId: string };
  message: FormMap;
}

function messagesOf(event: PortalEvent): Entry[] {
  return listOf(formMap(event.data).MESSAGES).map((value) => {
    const { im, message, chat } = formMap(value);
    const { chat_id, message_id } = formMap(im);
    const messageId = asId(message_id);
    const externalChatId = asText(formMap(chat).id);
    if (messageId === undefined || externalChatId === '') throw misshapen(event);
    return { ids: { chatId: asText(chat_id), messageId, externalChatId }, message: formMap(message) };
  });
}

function fileOf(file: FormMap): OperatorFile {
  const numbers = { size: asNumber(file.size), width: asNumber(file.width), height: asNumber(file.height) };
  return {
    name: asText(file.name),
    type: asText(file.type),
    mime: asText(file.mime),
    link: asText(file.link),
    downloadLink: asText(file.downloadLink),
    ...Object.fromEntries(Object.entries(numbers).filter(([, value]) => value !== undefined)),
  };
}
