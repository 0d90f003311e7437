import { type Applied, APPLIED, type EventContext, type EventOf, ignored } from './effect.ts';
import { findReply, noteFailure, recordReply } from './replies.ts';

/** What became of an operator's message in the messenger. */

const UNKNOWN = ignored('no message of an operator has this gatewayId');
const MAX_REASON = 300;

export async function replyDelivered(
  { tx, messengerId, requestId, now }: EventContext,
  { data: { message } }: EventOf<'message.delivered'>,
): Promise<Applied> {
  const reply = await findReply(tx, messengerId, message.gatewayId);
  if (!reply) return UNKNOWN;
  const ids = [...(message.ids ?? []), ...(message.id === undefined ? [] : [message.id])];
  const isNews = await recordReply(tx, reply.id, ids, requestId, now);
  return isNews ? APPLIED : { state: 'applied', note: 'it is known to be delivered' };
}

/** The portal shows nobody what the messenger's side has read (contract imconnector §3.11): kept for the passport. */
export async function replyRead(
  { tx, messengerId, at }: EventContext,
  { data: { message } }: EventOf<'message.read'>,
): Promise<Applied> {
  const reply = await findReply(tx, messengerId, message.gatewayId);
  if (!reply) return UNKNOWN;
  await tx.prisma.message.updateMany({ where: { id: reply.id, readAt: null }, data: { readAt: at } });
  return APPLIED;
}

export async function replyFailed(
  { tx, messengerId, requestId, now }: EventContext,
  { data: { message } }: EventOf<'message.failed'>,
): Promise<Applied> {
  const reply = await findReply(tx, messengerId, message.gatewayId);
  if (!reply) return UNKNOWN;
  const reason = message.error?.trim().slice(0, MAX_REASON) || 'the messenger gave no reason';
  await noteFailure(tx, reply.id, reason, requestId, now);
  const data = { state: 'failed', lastError: 'failed_in_messenger' };
  await tx.prisma.message.updateMany({ where: { id: reply.id, state: { not: 'deleted' } }, data });
  return APPLIED;
}
