import { confirmDelivery as confirmOnPortal } from '../bitrix24/connectorMessages.ts';
import type { Database } from '../db/database.ts';
import type { Clock } from '../kit/clock.ts';
import type { Logger } from '../kit/logger.ts';
import { UUID } from '../kit/uuid.ts';
import type { Handler, OutboxTx } from '../outbox/job.ts';
import { lockConversation, portalJob } from './conversations.ts';
import type { Deliveries } from './deliveries.ts';
import { confirmDelivery } from './jobs.ts';
import { notify } from './companionNotices.ts';
import { noteLineTrouble } from './lineTrouble.ts';
import { writeNote } from './notes.ts';
import { loadMessage, type MessageContext } from './outgoing.ts';
import type { PortalCalls } from './portals.ts';
import { createdBody, deletedBody, editedBody } from './replyBody.ts';

/** Messages of operators, on their way to the messenger. */

interface ReplyDeps {
  db: Database;
  deliveries: Deliveries;
  clock: Clock;
  log: Logger;
}

/** Hands a message of an operator over, once for the messenger: the id stays the same over retries. */
export function createReplyDelivery({ db, deliveries, clock, log }: ReplyDeps): Handler {
  return {
    async run(job, run) {
      const message = await loadMessage(db, job.payload.messageId);
      if (!message || ['delivered', 'accepted', 'erased'].includes(message.state)) return { outcome: 'done' };
      const { conversation } = message;
      if (message.deletedAt !== null && job.attempts === 1)
        return { outcome: 'done', commit: (tx) => drop(tx, message) };
      await run.token();
      const body = createdBody(message, conversation);
      const { messageIds } = await deliveries.send(conversation.messengerId, { id: message.id, body });
      log.info('reply.delivered', {
        messageId: message.id,
        confirmed: messageIds.length > 0,
        requestId: job.requestId,
      });
      return { outcome: 'done', commit: (tx) => taken(tx, message, messageIds, job.requestId, new Date(clock.now())) };
    },
    async failed(tx, job, failure) {
      await deliveries.failed(tx, failure, job.gateId);
      const { messageId: id = '' } = job.payload;
      const state = { retry: 'pending', dead: 'failed', parked: 'parked' }[failure.outcome];
      const where = { id, state: { in: ['pending', 'failed', 'parked'] } };
      const { count } = await tx.prisma.message.updateMany({ where, data: { state, lastError: failure.code } });
      if (count === 0 || failure.outcome !== 'dead') return;
      const now = new Date(clock.now());
      await noteFailure(tx, id, 'the messenger could not be reached', job.requestId, now);
    },
  };
}

async function drop(tx: OutboxTx, message: MessageContext): Promise<void> {
  await tx.prisma.message.update({ where: { id: message.id }, data: { state: 'deleted', lastError: null } });
}

async function taken(
  tx: OutboxTx,
  message: MessageContext,
  messageIds: string[],
  requestId: string | undefined,
  now: Date,
): Promise<void> {
  if (messageIds.length > 0) return void (await recordReply(tx, message.id, messageIds, requestId, now));
  // What became of it may have come before the answer did.
  const where = { id: message.id, state: { in: ['pending', 'parked'] } };
  await tx.prisma.message.updateMany({ where, data: { state: 'accepted', lastError: null } });
}

/**
 * It was delivered: the portal is told once, with the ids; only the first confirmation stores them (contract imconnector
 * §3.10). Returns whether that was news.
 */
export async function recordReply(
  tx: OutboxTx,
  messageId: string,
  messageIds: readonly string[],
  requestId: string | undefined,
  now: Date,
): Promise<boolean> {
  const row = await tx.prisma.message.findUnique({ where: { id: messageId }, select: { conversationId: true } });
  const conversation = row && (await lockConversation(tx, row.conversationId));
  if (!conversation) return false;
  const news = {
    deliveredAt: now,
    // Without any id no edit and no deletion would ever follow.
    messageIds: messageIds.length > 0 ? [...new Set(messageIds)] : [messageId],
  };
  const where = { id: messageId, state: { notIn: ['delivered', 'deleted', 'erased'] } };
  const data = { ...news, state: 'delivered', lastError: null };
  // Erased on its way: the portal is still told that it arrived.
  const erased = { id: messageId, state: 'erased', deliveredAt: null };
  const isNews =
    (await tx.prisma.message.updateMany({ where, data })).count > 0 ||
    (await tx.prisma.message.updateMany({ where: erased, data: news })).count > 0;
  if (!isNews) return false;
  await tx.enqueue([confirmDelivery({ ...portalJob(conversation, requestId), payload: { messageId } })]);
  return true;
}

/** The operator is told in the dialog, once, by a note the customer never sees. */
export async function noteFailure(
  tx: OutboxTx,
  messageId: string,
  reason: string,
  requestId: string | undefined,
  now: Date,
): Promise<void> {
  const row = await tx.prisma.message.findUnique({ where: { id: messageId }, select: { conversationId: true } });
  const conversation = row && (await lockConversation(tx, row.conversationId));
  if (!conversation) return;
  await writeNote({ tx, requestId, now }, conversation, `Message not delivered: ${reason}`, `failed-${messageId}`);
  const notice = { kind: 'deliveryFailed', direction: 'toMessenger', reason } as const;
  await notify(tx, conversation, `failed:${messageId}`, notice, { now, requestId });
}

/** Tells the messenger what an operator changed: how the message reads now, or that it is gone. */
export function createReplyChange({ db, deliveries, clock }: ReplyDeps): Handler {
  return {
    async run(job, run) {
      const message = await loadMessage(db, job.payload.messageId);
      // What never arrived has nothing to be changed over there.
      if (!message || message.messageIds.length === 0) return { outcome: 'done' };
      if (message.state === 'deleted' || message.state === 'erased') return { outcome: 'done' };
      await run.token();
      const isGone = message.deletedAt !== null;
      const body = (isGone ? deletedBody : editedBody)(message, message.conversation);
      await deliveries.send(message.conversation.messengerId, { id: `${message.id}:${job.id}`, body });
      if (!isGone) return { outcome: 'done' };
      const where = { id: message.id };
      return {
        outcome: 'done',
        commit: async (tx) => void (await tx.prisma.message.updateMany({ where, data: { state: 'deleted' } })),
      };
    },
    async failed(tx, job, failure) {
      await deliveries.failed(tx, failure, job.gateId);
      const { messageId: id = '' } = job.payload;
      await tx.prisma.message.updateMany({ where: { id }, data: { lastError: failure.code } });
      if (failure.outcome !== 'dead') return;
      const reason = 'a later change of it did not reach the messenger';
      await noteFailure(tx, id, reason, job.requestId, new Date(clock.now()));
    },
  };
}

/** Takes the "sending" mark off an operator's message, and leaves the messenger's ids with it. */
export function createDeliveryConfirmation(deps: { db: Database; portals: PortalCalls; clock: Clock }): Handler {
  return {
    async run(job, run) {
      const message = await loadMessage(deps.db, job.payload.messageId);
      if (!message || message.confirmedAt !== null) return { outcome: 'done' };
      const call = deps.portals.of(message.conversation.channel.portalId, () => run.token());
      await confirmOnPortal(call, confirmationOf(message));
      const data = { confirmedAt: new Date(deps.clock.now()) };
      const where = { id: message.id };
      return { outcome: 'done', commit: async (tx) => void (await tx.prisma.message.updateMany({ where, data })) };
    },
    async failed(tx, job, failure) {
      if (job.conversationId) await noteLineTrouble(tx, job.conversationId, failure);
    },
  };
}

function confirmationOf(message: MessageContext): Parameters<typeof confirmOnPortal>[1] {
  const { channel, dialogKey } = message.conversation;
  return {
    connector: channel.connector.code,
    line: String(channel.lineId),
    chatId: message.chatId ?? message.conversation.chatId ?? '',
    messageId: message.externalId,
    externalIds: message.messageIds,
    externalChatId: dialogKey,
    date: Math.floor((message.deliveredAt ?? message.sentAt).getTime() / 1000),
  };
}

/** Of a messenger whose events name a reply. */
export async function findReply(
  { prisma }: OutboxTx,
  messengerId: string,
  gatewayId: string,
): Promise<{ id: string } | undefined> {
  if (!UUID.test(gatewayId)) return undefined;
  const where = { id: gatewayId, direction: 'toMessenger', conversation: { messengerId } };
  return (await prisma.message.findFirst({ where, select: { id: true } })) ?? undefined;
}
