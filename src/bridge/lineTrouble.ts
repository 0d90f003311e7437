import type { Failure, OutboxTx } from '../outbox/job.ts';
import type { Outbox } from '../outbox/outbox.ts';

/** A line that takes nothing any more is shown on its channel; the jobs of its conversations wait. */
export async function noteLineTrouble(tx: OutboxTx, conversationId: string, failure: Failure): Promise<void> {
  if (failure.blocked !== 'line') return;
  await tx.prisma.channel.updateMany({
    where: { conversations: { some: { id: conversationId } } },
    data: { state: 'disconnected', lastError: failure.code },
  });
}

/** It takes messages again: jobs that backed off because of it need not wait for the end of their patience. */
export async function reconnected(tx: OutboxTx, channelId: string, outbox: Outbox): Promise<void> {
  await tx.prisma.channel.update({ where: { id: channelId }, data: { state: 'ready', lastError: null } });
  const waiting = await tx.sql.rows<{ id: string }>(
    `select distinct c.id::text as id from job j join conversation c on c.id = j.conversation_id
     where c.channel_id = $1::uuid and j.state = 'waiting' and j.started`,
    channelId,
  );
  await outbox.hasten(
    waiting.map((row) => row.id),
    tx,
  );
}
