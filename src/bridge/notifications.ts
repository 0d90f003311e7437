import type { Database, Prisma } from '../db/database.ts';
import { DeliveryError } from '../kit/errors.ts';
import type { Handler } from '../outbox/job.ts';
import { type ConversationContext, messengerJob } from './conversations.ts';
import type { Deliveries } from './deliveries.ts';
import { notifyMessenger } from './jobs.ts';
import type { PortalEventContext } from './portalEffect.ts';

/** What the messenger is told besides messages. Only where it has an address to be told at. */

type DialogNotice = 'dialog.started' | 'dialog.finished';
export type Channel = Prisma.ChannelGetPayload<{ include: { messenger: true; connector: true } }>;

/** In the lane of the conversation's replies: a dialog starts before its first message arrives. */
export async function notifyOfDialog(
  { tx, requestId, now }: PortalEventContext,
  conversation: ConversationContext,
  type: DialogNotice,
  sessionId: string,
): Promise<void> {
  if (conversation.messenger.deliveryUrl === null) return;
  const payload = { type, conversationId: conversation.id, sessionId, at: now.toISOString() };
  const lane = `toMessenger:${conversation.id}`;
  await tx.enqueue([notifyMessenger(lane, { ...messengerJob(conversation, requestId), payload })]);
}

export async function notifyOfChannel(
  { tx, requestId, now }: PortalEventContext,
  { id, messenger, portalId }: Channel,
  reason: string,
): Promise<void> {
  if (messenger.deliveryUrl === null) return;
  const job = { gateId: messenger.deliveryGateId.toString(), portalId, requestId };
  const payload = { type: 'channel.disconnected', channelId: id, reason, at: now.toISOString() } as const;
  await tx.enqueue([notifyMessenger(`toMessenger:channel:${id}`, { ...job, payload })]);
}

export function createNotification({ db, deliveries }: { db: Database; deliveries: Deliveries }): Handler {
  return {
    async run(job, run) {
      const { type = '', at = '', conversationId, channelId, sessionId, reason } = job.payload;
      const found =
        conversationId === undefined
          ? await aboutChannel(db, channelId ?? '', reason)
          : await aboutDialog(db, conversationId, sessionId);
      if (!found) return { outcome: 'done' };
      await run.token();
      const body = { type, timestamp: at, data: found.data };
      try {
        await deliveries.send(found.messengerId, { id: `notice_${job.id}`, body });
      } catch (error) {
        // The address was taken away meanwhile: messages wait for another one, notices have nobody to reach.
        if (!(error instanceof DeliveryError) || error.code !== 'no_delivery_url') throw error;
      }
      return { outcome: 'done' };
    },
    failed: (tx, job, failure) => deliveries.failed(tx, failure, job.gateId),
  };
}

interface Notice {
  messengerId: string;
  data: object;
}

async function aboutDialog(db: Database, id: string, sessionId: string | undefined): Promise<Notice | undefined> {
  const conversation = await db.prisma.conversation.findUnique({ where: { id } });
  if (!conversation) return undefined;
  const data = { conversation: { id: conversation.externalId }, session: { id: sessionId } };
  return { messengerId: conversation.messengerId, data };
}

async function aboutChannel(db: Database, id: string, reason: string | undefined): Promise<Notice | undefined> {
  const channel = await db.prisma.channel.findUnique({ where: { id }, include: { connector: true } });
  if (!channel) return undefined;
  const { messengerId, portalId, connector, lineId } = channel;
  return { messengerId, data: { channel: { id, portalId, connector: connector.code, lineId }, reason } };
}
