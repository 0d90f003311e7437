import type { Hit, Portal } from '../../hit.ts';
import { cutText } from '../../php/values.ts';
import { announceMessage } from './announce.ts';
import { bots, chats, messageChats, messagesOf, messageUuids, type BotMessageRow } from './tables.ts';

const TEXT_LENGTH = 20_000;
const UUID_V4 = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const UUID_KEPT_MS = 31 * 24 * 3600 * 1000;

export interface NewMessage {
  readonly chatId: number;
  /** Who posts; a system message names nobody as its author. */
  readonly saidBy: number;
  readonly text: string;
  readonly system?: boolean;
  readonly uuid?: string | null;
  readonly params?: BotMessageRow['params'];
}

export function post(hit: Hit, message: NewMessage): BotMessageRow {
  const { portal } = hit;
  const { chatId, saidBy, system = false, uuid = null, params = {} } = message;
  const chat = chats(portal).get(chatId);
  if (!chat) throw new Error(`No chat ${chatId}`);
  const row: BotMessageRow = {
    ...{ id: portal.nextId('message'), chatId, authorId: system ? 0 : saidBy, text: cutLong(message.text) },
    ...{ at: portal.clock.now(), uuid, params, deleted: false },
  };
  messagesOf(portal, chatId).put(row.id, row);
  messageChats(portal).put(row.id, chatId);
  if (uuid !== null) messageUuids(portal).put(uuid, { messageId: row.id, at: row.at });
  const changed = { ...chat, messageCount: chat.messageCount + 1, lastMessageId: row.id };
  chats(portal).put(chatId, changed);
  const bot = bots(portal).get(saidBy);
  if (bot) bots(portal).put(bot.id, { ...bot, countMessage: bot.countMessage + 1 });
  announceMessage(hit, 'MESSAGEADD', changed, row, saidBy);
  return row;
}

/** Said by the portal itself; only supervisors hear it (contract imbot §5.6). */
export function postSystem(hit: Hit, chatId: number, text: string): void {
  post(hit, { chatId, saidBy: 0, text, system: true });
}

/** Longer texts are cut, not refused (contract imbot §4.4). */
export function cutLong(text: string): string {
  const cut = cutText(text, TEXT_LENGTH);
  return cut === text ? text : `${cut} (...)`;
}

/** Only a lower-case UUID v4 is a key; anything else is as good as none (contract imbot §8.1). */
export function isKey(uuid: string): boolean {
  return UUID_V4.test(uuid);
}

/** The message that was posted with this key, in whatever chat, by whatever bot. */
export function idByKey(portal: Portal, uuid: string): number | undefined {
  const known = messageUuids(portal).get(uuid);
  return known && portal.clock.now() - known.at < UUID_KEPT_MS ? known.messageId : undefined;
}

export function messageById(portal: Portal, id: number): BotMessageRow | undefined {
  const chatId = messageChats(portal).get(id);
  return chatId === undefined ? undefined : messagesOf(portal, chatId).get(id);
}

export function changeMessage(portal: Portal, row: BotMessageRow, change: Partial<BotMessageRow>): BotMessageRow {
  const next = { ...row, ...change };
  messagesOf(portal, row.chatId).put(row.id, next);
  return next;
}

/** Leaves a mark, or nothing at all (contract imbot §8.3). */
export function deleteMessage(portal: Portal, row: BotMessageRow, complete: boolean): void {
  if (!complete) {
    changeMessage(portal, row, { deleted: true, text: '', params: {} });
    return;
  }
  messagesOf(portal, row.chatId).delete(row.id);
  messageChats(portal).delete(row.id);
}
