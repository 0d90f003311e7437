import type { Portal } from '../hit.ts';
import { cutText, phpTrim } from '../php/values.ts';

export interface FileRow {
  readonly id: number;
  readonly name: string;
  readonly url: string;
  readonly mime: string;
  readonly size: number;
}

export interface MessageRow {
  readonly id: number;
  readonly chatId: number;
  readonly sessionId: number;
  /** Portal user; 0: the system. */
  readonly authorId: number;
  readonly origin: 'client' | 'operator' | 'system';
  readonly text: string;
  readonly files: readonly FileRow[];
  readonly date: number;
  /** External ids (contract imconnector §2, CONNECTOR_MID). */
  readonly connectorMid: readonly string[];
  /** The "being sent" mark, until a delivery status comes. */
  readonly sending: boolean;
  readonly readByClient: boolean;
  readonly deleted: boolean;
}

const TEXT_LENGTH = 20_000;
const MID_LENGTH = 100;

/** Messages of one chat, in the order of their ids. */
export function messagesOf(portal: Portal, chatId: number) {
  return portal.table<MessageRow>(`messages/${chatId}`);
}

function chatsOfMessages(portal: Portal) {
  return portal.table<number>('messageChats');
}

export function messageById(portal: Portal, id: number): MessageRow | undefined {
  const chatId = chatsOfMessages(portal).get(id);
  return chatId === undefined ? undefined : messagesOf(portal, chatId).get(id);
}

type NewMessage = Pick<MessageRow, 'chatId' | 'sessionId' | 'authorId' | 'origin' | 'text'> & Partial<MessageRow>;

export function addMessage(portal: Portal, message: NewMessage): MessageRow {
  const row: MessageRow = {
    files: [],
    connectorMid: [],
    sending: false,
    readByClient: false,
    deleted: false,
    ...message,
    text: cutLong(message.text),
    id: portal.nextId('message'),
    date: portal.clock.now(),
  };
  messagesOf(portal, row.chatId).put(row.id, row);
  chatsOfMessages(portal).put(row.id, row.chatId);
  return row;
}

export function changeMessage(portal: Portal, row: MessageRow, change: Partial<MessageRow>): MessageRow {
  const next = { ...row, ...change };
  messagesOf(portal, row.chatId).put(row.id, next);
  return next;
}

/** Exact comparison with what was kept: an id beyond 100 characters never matches (contract imconnector §3.8). */
export function messagesByMid(portal: Portal, chatId: number, mid: string): MessageRow[] {
  return messagesOf(portal, chatId)
    .values()
    .filter((row) => !row.deleted && row.connectorMid.includes(mid));
}

export function cutMid(mid: string): string {
  return cutText(phpTrim(mid), MID_LENGTH);
}

function cutLong(text: string): string {
  return text.length > TEXT_LENGTH ? `${cutText(text, TEXT_LENGTH)} (...)` : text;
}
