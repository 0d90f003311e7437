import type { Failure } from '../outbox/job.ts';
import type { OutboxTx } from '../outbox/job.ts';

/** A line that takes nothing any more is shown on its channel; the jobs of its conversations wait. */
export async function noteLineTrouble(tx: OutboxTx, conversationId: string, failure: Failure): Promise<void> {
  if (failure.blocked !== 'line') return;
  await tx.prisma.channel.updateMany({
    where: { conversations: { some: { id: conversationId } } },
    data: { state: 'disconnected', lastError: failure.code },
  });
}
