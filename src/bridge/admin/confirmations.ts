import { RequestError } from '../../kit/errors.ts';
import type { OutboxTx } from '../../outbox/job.ts';
import { type ConversationContext, convergeTitles, lockConversation, portalJob } from '../conversations.ts';
import { changeMessage } from '../jobs.ts';
import { recordReply } from '../replies.ts';
import type { Administration } from './deps.ts';
import { getJob, type JobRow } from './jobs.ts';

/** "It was delivered": a person looked, and knows what nobody else can tell. Nothing is sent again. */

/** The work whose outcome somebody can see with their own eyes. */
const VISIBLE = ['deliverMessage', 'deliverReply', 'postToCompanion'];

/** @throws RequestError conflict: it is no delivery of a message, or it is not dead or parked. */
export async function confirmJob(deps: Administration, id: string, reason: string, requestId: string): Promise<JobRow> {
  const job = await getJob(deps, id);
  const { messageId } = job.payload as { messageId?: string };
  if (!VISIBLE.includes(job.kind) || messageId === undefined) {
    throw new RequestError('conflict', 'Only the delivery of a message can be confirmed: retry the job, or cancel it');
  }
  await deps.outbox.transaction(async (tx) => {
    // State rows before jobs, as everywhere.
    await deliver(tx, { messageId, requestId, now: new Date(deps.clock.now()) });
    if (await deps.outbox.confirm(id, reason, tx)) return;
    throw new RequestError('conflict', `The job is ${job.state}: only dead and parked jobs can be confirmed`);
  });
  return getJob(deps, id);
}

interface Confirmation {
  messageId: string;
  requestId: string;
  now: Date;
}

async function deliver(tx: OutboxTx, { messageId, requestId, now }: Confirmation): Promise<void> {
  const known = await tx.prisma.message.findUnique({ where: { id: messageId }, select: { conversationId: true } });
  const conversation = known && (await lockConversation(tx, known.conversationId));
  const message = await tx.prisma.message.findUnique({ where: { id: messageId } });
  if (!conversation || !message || message.state === 'delivered') return;
  if (message.direction === 'toMessenger') return void (await recordReply(tx, messageId, [], requestId, now));
  if (message.state === 'erased') return;
  const data = { state: 'delivered', lastError: null, deliveredAt: now };
  await tx.prisma.message.update({ where: { id: messageId }, data });
  if (message.direction !== 'toPortal') return;
  await followUp(tx, conversation, message, requestId);
}

/** What waited for the message to be there: a later text of it or its deletion, and the title of its dialog. */
async function followUp(
  tx: OutboxTx,
  conversation: ConversationContext,
  message: { id: string; editedAt: Date | null; deletedAt: Date | null },
  requestId: string,
): Promise<void> {
  if (message.editedAt !== null || message.deletedAt !== null) {
    const queued = { ...portalJob(conversation, requestId), conversationId: conversation.id };
    await tx.enqueue([changeMessage({ ...queued, payload: { messageId: message.id } })]);
  }
  await convergeTitles(tx, conversation, requestId, { dialogExists: true });
}
