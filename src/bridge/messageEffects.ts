import type { Prisma } from '../db/database.ts';
import type { MessengerEvent } from '../messenger/payload.ts';
import type { OutboxTx } from '../outbox/job.ts';
import { provideCompanion } from './companionWish.ts';
import { type ConversationContext, portalJob, lockConversationOf } from './conversations.ts';
import {
  type Applied,
  APPLIED,
  type EventContext,
  type EventOf,
  ignored,
  NOT_MAPPED,
  personOf,
  rememberPerson,
  update,
} from './effect.ts';
import { hear } from './hearing.ts';
import { changeMessage, deliverMessage } from './jobs.ts';
import { mapConversation } from './mapping.ts';
import { bbParts, layOut, type Part } from './messageText.ts';

/** Messages of the messenger: written, edited, deleted. */

type MessageRow = Prisma.MessageGetPayload<object>;

export async function messageCreated(context: EventContext, { data }: EventOf<'message.created'>): Promise<Applied> {
  const { tx, messengerId, requestId } = context;
  const { message, sender, fromOperator = false } = data;
  const parts = layOut(bbParts(message), message.attachments ?? []);
  if (parts.length === 0) return ignored('a message without text and without files');
  await rememberPerson(context, sender);
  const mapping = await mapConversation(tx, messengerId, data.conversation);
  if ('refused' in mapping) return ignored(mapping.refused);
  if (await isReply(tx, mapping.conversation.id, message.id)) return ignored('it came from the portal');
  if (fromOperator && personOf(mapping.conversation, sender).externalUserId !== undefined) {
    return ignored('a dialog of one person cannot begin with a message of the operator');
  }
  const conversation = await update(context, mapping.conversation, {
    closedAt: null,
    ...(fromOperator ? {} : personOf(mapping.conversation, sender)),
  });
  const first = {
    externalId: message.id,
    author: fromOperator ? 'operator' : 'person',
    senderId: sender.id,
    replyToId: message.replyToId ?? null,
  };
  const queued = await queueParts(context, conversation, { ...first, firstPart: 1, sentAt: context.at }, parts);
  await hear(context, conversation, data.conversation.name);
  await provideCompanion(tx, conversation, requestId);
  if (queued === 0) return ignored('a message with this id is known');
  await applyHeld(context, conversation, message.id);
  return APPLIED;
}

/** An echo: what an operator said came back to us as if it were new. */
async function isReply(tx: OutboxTx, conversationId: string, id: string): Promise<boolean> {
  const where = { conversationId, direction: 'toMessenger', messageIds: { has: id } };
  return (await tx.prisma.message.findFirst({ where, select: { id: true } })) !== null;
}

interface FirstPart {
  externalId: string;
  author: string;
  senderId: string;
  replyToId: string | null;
  sentAt: Date;
  firstPart: number;
}

/** Returns how many of the parts are new. */
async function queueParts(
  { tx, requestId }: EventContext,
  conversation: ConversationContext,
  { firstPart, ...message }: FirstPart,
  parts: readonly Part[],
): Promise<number> {
  const rows = parts.map(({ text, attachments }, index) => ({
    ...message,
    conversationId: conversation.id,
    direction: 'toPortal',
    part: firstPart + index,
    text,
    attachments: attachments,
  }));
  const created = await tx.prisma.message.createManyAndReturn({ data: rows, skipDuplicates: true });
  const job = { ...portalJob(conversation, requestId), conversationId: conversation.id };
  await tx.enqueue(created.map(({ id }) => deliverMessage({ ...job, payload: { messageId: id } })));
  return created.length;
}

const UNKNOWN = ignored('no message with this id is known; it waits for one');

export async function messageEdited(context: EventContext, { data }: EventOf<'message.edited'>): Promise<Applied> {
  const found = await findMessage(context, data.conversation.id, data.message.id);
  if ('state' in found) return found;
  await rememberPerson(context, data.sender);
  return edit(context, found, data.message);
}

async function edit(
  context: EventContext,
  { conversation, rows }: Known,
  message: EventOf<'message.edited'>['data']['message'],
): Promise<Applied> {
  const [first] = rows;
  if (!first || rows.every((row) => row.deletedAt !== null)) return ignored('the message is deleted');
  if (rows.some(({ editedAt }) => editedAt !== null && editedAt > context.at)) return ignored('a newer text is known');
  const texts = bbParts(message);
  const written = rows.filter((row, index) => row.text !== '' || index === 0);
  const changed: string[] = [];
  for (const [index, row] of written.entries()) {
    if (await rewrite(context, row, texts[index] ?? '')) changed.push(row.id);
  }
  await queueChanges(context, conversation, changed);
  const { externalId, author, senderId, replyToId, sentAt } = first;
  const more = texts.slice(written.length).map((text) => ({ text, attachments: [] }));
  const firstPart = Math.max(...rows.map((row) => row.part)) + 1;
  await queueParts(context, conversation, { externalId, author, senderId, replyToId, sentAt, firstPart }, more);
  return changed.length + more.length > 0 ? APPLIED : { state: 'applied', note: 'it reads like this already' };
}

/** Returns whether the part reads differently now. One that is empty goes, unless it holds a file. */
async function rewrite({ tx, at }: EventContext, row: MessageRow, text: string): Promise<boolean> {
  if (row.text === text) return false;
  const goes = text === '' && (row.attachments as unknown[]).length === 0;
  const data = { text, editedAt: at, ...(goes ? { deletedAt: at } : {}) };
  await tx.prisma.message.update({ where: { id: row.id }, data });
  return true;
}

export async function messageDeleted(context: EventContext, { data }: EventOf<'message.deleted'>): Promise<Applied> {
  const found = await findMessage(context, data.conversation.id, data.message.id);
  return 'state' in found ? found : remove(context, found);
}

async function remove(context: EventContext, { conversation, rows }: Known): Promise<Applied> {
  const ids = rows.filter((row) => row.deletedAt === null).map(({ id }) => id);
  if (ids.length === 0) return { state: 'applied', note: 'it is deleted already' };
  await context.tx.prisma.message.updateMany({ where: { id: { in: ids } }, data: { deletedAt: context.at } });
  await queueChanges(context, conversation, ids);
  return APPLIED;
}

/** Behind the delivery, in the same lane; what changes several times before its turn is one call. */
async function queueChanges(
  { tx, requestId }: EventContext,
  conversation: ConversationContext,
  ids: readonly string[],
): Promise<void> {
  const job = { ...portalJob(conversation, requestId), conversationId: conversation.id };
  await tx.enqueue(ids.map((messageId) => changeMessage({ ...job, payload: { messageId } })));
}

interface Known {
  conversation: ConversationContext;
  rows: MessageRow[];
}

async function findMessage(
  { tx, messengerId }: EventContext,
  conversationId: string,
  externalId: string,
): Promise<Known | Applied> {
  const conversation = await lockConversationOf(tx, messengerId, conversationId);
  if (!conversation) return NOT_MAPPED;
  const rows = await partsOf(tx, conversation.id, externalId);
  return rows.length === 0 ? UNKNOWN : { conversation, rows };
}

const partsOf = (tx: OutboxTx, conversationId: string, externalId: string): Promise<MessageRow[]> =>
  tx.prisma.message.findMany({
    where: { conversationId, direction: 'toPortal', externalId },
    orderBy: { part: 'asc' },
  });

/** Edits and deletions that overtook their message, in the order they came. */
async function applyHeld(context: EventContext, conversation: ConversationContext, id: string): Promise<void> {
  const { tx, messengerId } = context;
  const held = await tx.prisma.webhookEvent.findMany({
    where: {
      messengerId,
      externalId: { in: [conversation.externalId, ...conversation.previousIds] },
      state: 'ignored',
      type: { in: ['message.edited', 'message.deleted'] },
      payload: { path: ['data', 'message', 'id'], equals: id },
    },
    orderBy: { id: 'asc' },
  });
  for (const row of held) {
    const event = row.payload as unknown as MessengerEvent;
    const known = { conversation, rows: await partsOf(tx, conversation.id, id) };
    const then = { ...context, at: new Date(event.timestamp) };
    if (event.type === 'message.edited') await edit(then, known, event.data.message);
    else if (event.type === 'message.deleted') await remove(then, known);
    const data = { state: 'applied', note: 'it had come before its message', appliedAt: context.now };
    await tx.prisma.webhookEvent.update({ where: { id: row.id }, data });
  }
}
