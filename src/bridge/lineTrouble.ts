import type { Failure, OutboxTx } from '../outbox/job.ts';
import type { Outbox } from '../outbox/outbox.ts';
import { connectChannel, convergeConnector } from './jobs.ts';

/** The portal has forgotten the connector itself (contract imconnector §6). */
const CONNECTOR_LOST = ['IMCONNECTOR_NO_CORRECT_PROVIDER', 'IMCONNECTOR_NOT_SPECIFIED_CORRECT_CONNECTOR'];

/**
 * A line that takes nothing any more is shown on its channel, and the jobs of its conversations wait. A connector the
 * portal has lost is registered and connected again; one that somebody switched off is their decision.
 */
export async function noteLineTrouble(tx: OutboxTx, conversationId: string, failure: Failure): Promise<void> {
  if (failure.blocked !== 'line') return;
  const channel = await tx.prisma.channel.findFirst({
    where: { conversations: { some: { id: conversationId } } },
    include: { connector: true, portal: true },
  });
  if (!channel) return;
  const { id: channelId, connector, portal } = channel;
  const isLost = CONNECTOR_LOST.includes(failure.code);
  const state = isLost ? 'pending' : 'disconnected';
  if (channel.state === 'ready' || isLost) {
    await tx.prisma.channel.update({ where: { id: channelId }, data: { state, lastError: failure.code } });
  }
  if (!isLost) return;
  const job = { gateId: portal.gateId.toString(), portalId: portal.id };
  await tx.enqueue([
    convergeConnector(connector.code, { ...job, payload: { connectorId: connector.id } }),
    connectChannel(connector.code, { ...job, payload: { channelId } }),
  ]);
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
