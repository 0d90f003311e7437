import {
  type MessageChange,
  type OperatorFile,
  type OperatorMessage,
  readMessageChanges,
  readOperatorMessages,
} from '../bitrix24/connectorEvents.ts';
import type { LineEvent, PortalEvent } from '../bitrix24/events.ts';
import type { Prisma } from '../db/database.ts';
import type { ConversationContext } from './conversations.ts';
import { ignored } from './effect.ts';
import { changeReply, deliverReply } from './jobs.ts';
import { findByDialog, type PortalApplied, type PortalEffect, type PortalEventContext } from './portalEffect.ts';
import { messengerJob } from './conversations.ts';
import { quotedId } from './quotes.ts';
import { portalMessageId } from './translate.ts';

/** What operators write, change and delete. */

type MessageRow = Prisma.MessageGetPayload<object>;

const UNKNOWN_DIALOG = ignored('no conversation of ours has this dialog');

export const operatorMessageAdded: PortalEffect = async (context, event) => {
  const { items, ...line } = readOperatorMessages(event);
  return forEach(context, line, items, (conversation, item) =>
    addReply(context, conversation, item, timeOf(event, context.now)),
  );
};

/** When it was said; the portal's own time, as far as the event tells it. */
function timeOf({ ts }: PortalEvent, now: Date): Date {
  return /^\d{9,11}$/.test(ts) ? new Date(Number(ts) * 1000) : now;
}

/** Stores a message of an operator and queues its delivery; one that is known already is left alone. */
export async function addReply(
  { tx, requestId }: Pick<PortalEventContext, 'tx'> & { requestId: string | undefined },
  conversation: ConversationContext,
  item: OperatorMessage,
  sentAt: Date,
): Promise<boolean> {
  const row = {
    conversationId: conversation.id,
    direction: 'toMessenger',
    externalId: item.messageId,
    author: item.userId === '0' ? 'system' : 'operator',
    senderId: item.userId,
    replyToId: (await quotedId(tx, conversation.id, item.text)) ?? null,
    text: item.text,
    attachments: item.files.map(attachmentOf) as unknown as Prisma.InputJsonArray,
    sentAt,
    chatId: item.chatId || conversation.chatId,
  };
  const [created] = await tx.prisma.message.createManyAndReturn({ data: [row], skipDuplicates: true });
  if (!created) return false;
  await tx.enqueue([deliverReply({ ...messengerJob(conversation, requestId), payload: { messageId: created.id } })]);
  return true;
}

const attachmentOf = ({ name, mime, type, link, downloadLink, size }: OperatorFile): object => ({
  url: link || downloadLink,
  name,
  type,
  ...(mime === '' ? {} : { mimeType: mime }),
  ...(size === undefined ? {} : { size }),
});

export const operatorMessageEdited: PortalEffect = async (context, event) => {
  const { items, ...line } = readMessageChanges(event);
  const at = timeOf(event, context.now);
  return forEach(context, line, byMessage(items), async (conversation, item) => {
    const row = await knownReply(context, conversation, item, at);
    if (!row || row.deletedAt !== null) return false;
    await context.tx.prisma.message.update({ where: { id: row.id }, data: { text: item.text, editedAt: at } });
    return queueChange(context, conversation, row);
  });
};

export const operatorMessageDeleted: PortalEffect = async (context, event) => {
  const { items, ...line } = readMessageChanges(event);
  const at = timeOf(event, context.now);
  return forEach(context, line, byMessage(items), async (conversation, item) => {
    const row = await knownReply(context, conversation, item, at);
    if (!row || row.deletedAt !== null) return false;
    await context.tx.prisma.message.update({ where: { id: row.id }, data: { deletedAt: at } });
    return queueChange(context, conversation, row);
  });
};

/** A deletion comes once per external id (contract imconnector §4.4). */
function byMessage(items: readonly MessageChange[]): MessageChange[] {
  const merged = new Map<string, MessageChange>();
  for (const item of items) {
    const known = merged.get(item.messageId);
    merged.set(item.messageId, { ...item, externalIds: [...(known?.externalIds ?? []), ...item.externalIds] });
  }
  return [...merged.values()];
}

/**
 * The message an operator changed. One of the customer's, or one said before the gateway was there, gets a row now:
 * the ids in the event tell the messenger which it is.
 */
async function knownReply(
  { tx }: PortalEventContext,
  conversation: ConversationContext,
  item: MessageChange,
  sentAt: Date,
): Promise<MessageRow | undefined> {
  const key = { conversationId: conversation.id, direction: 'toMessenger', externalId: item.messageId };
  const known = await tx.prisma.message.findFirst({ where: key });
  if (known) return known;
  const ids = item.externalIds.filter((id) => id !== '');
  if (ids.length === 0) return undefined;
  const messageIds = await messengerIds({ tx }, conversation, ids);
  const row = { ...key, author: 'operator', senderId: '', text: item.text, sentAt, messageIds, state: 'delivered' };
  return tx.prisma.message.create({ data: { ...row, chatId: item.chatId || null, confirmedAt: sentAt } });
}

/** The portal's copy of an id may be a fingerprint of ours. */
async function messengerIds(
  { tx }: Pick<PortalEventContext, 'tx'>,
  { id }: ConversationContext,
  ids: readonly string[],
): Promise<string[]> {
  if (ids.every((one) => !one.startsWith('h-'))) return [...ids];
  const where = { conversationId: id, direction: 'toPortal' };
  const rows = await tx.prisma.message.findMany({ where, select: { externalId: true, part: true } });
  const ours = new Map(rows.map((row) => [portalMessageId(row.externalId, row.part), row.externalId]));
  return [...new Set(ids.map((one) => ours.get(one) ?? one))];
}

async function queueChange(
  { tx, requestId }: PortalEventContext,
  conversation: ConversationContext,
  { id: messageId }: MessageRow,
): Promise<boolean> {
  await tx.enqueue([changeReply({ ...messengerJob(conversation, requestId), payload: { messageId } })]);
  return true;
}

async function forEach<Item extends { externalChatId: string }>(
  context: PortalEventContext,
  line: LineEvent,
  items: readonly Item[],
  apply: (conversation: ConversationContext, item: Item) => Promise<boolean>,
): Promise<PortalApplied> {
  let found: ConversationContext | undefined;
  let news = false;
  for (const item of items) {
    const conversation = await findByDialog(context, { ...line, externalChatId: item.externalChatId });
    if (!conversation) continue;
    found = conversation;
    if (await apply(conversation, item)) news = true;
  }
  if (!found) return UNKNOWN_DIALOG;
  return { state: 'applied', conversationId: found.id, ...(news ? {} : { note: 'nothing in it was new' }) };
}
