import { createHash } from 'node:crypto';
import { plainToBb } from '../bitrix24/markup.ts';
import type { OutboxTx } from '../outbox/job.ts';
import { companionPolicy, type ConversationContext, portalJob } from './conversations.ts';
import { postToCompanion } from './jobs.ts';

/** What the bot tells the staff in a companion, each thing once. */

export type Notice =
  | { kind: 'renamed'; from: string; to: string }
  | { kind: 'dialogStarted' | 'dialogFinished' }
  /** `reason`: a code, no text of the customer. */
  | { kind: 'deliveryFailed'; direction: 'toPortal' | 'toMessenger'; reason: string };

/** When it is said, and for whose request. */
interface Saying {
  now: Date;
  requestId?: string | undefined;
}

/** `record` tells one notice from another: a repetition of the same is recognised by it, here and on the portal. */
export async function notify(
  tx: OutboxTx,
  conversation: ConversationContext,
  record: string,
  notice: Notice,
  saying: Saying,
): Promise<void> {
  const { companion } = conversation;
  const there = companion?.chatId != null && companion.state === 'ready';
  if (!there || companionPolicy(conversation).notices === false) return;
  await say(tx, conversation, `notice:${record}`, noticeText(notice, conversation), saying);
}

/** Queues a text of the bot, BB-code. Saying the same `record` again is nothing. */
export async function say(
  tx: OutboxTx,
  conversation: ConversationContext,
  record: string,
  text: string,
  { now, requestId }: Saying,
): Promise<void> {
  const { companion } = conversation;
  if (!companion) return;
  const row = {
    conversationId: conversation.id,
    direction: 'toCompanion',
    externalId: keyOf(`${companion.id}:${record}`),
    senderId: companion.botId,
    sentAt: now,
    text,
  };
  const [created] = await tx.prisma.message.createManyAndReturn({ data: [row], skipDuplicates: true });
  if (!created) return;
  const job = portalJob(conversation, requestId);
  await tx.enqueue([postToCompanion(companion.id, { ...job, payload: { messageId: created.id } })]);
}

export async function wasSaid(
  { prisma }: OutboxTx,
  { id: conversationId, companion }: ConversationContext,
  record: string,
): Promise<boolean> {
  const externalId = keyOf(`${companion?.id}:${record}`);
  return (await prisma.message.count({ where: { conversationId, direction: 'toCompanion', externalId } })) > 0;
}

function noticeText(notice: Notice, { url }: ConversationContext): string {
  switch (notice.kind) {
    case 'renamed':
      return `Renamed: ${quoted(notice.from)} → ${quoted(notice.to)}`;
    case 'dialogStarted':
      return 'A dialog was started.';
    case 'dialogFinished':
      return 'The dialog was finished.';
    case 'deliveryFailed': {
      const what = notice.direction === 'toPortal' ? 'A message of the customer' : 'A reply';
      const link =
        url !== null && /^https?:\/\/[^\s[\]]+$/.test(url) ? ` [URL=${url}]Open it in the messenger[/URL]` : '';
      return `${what} could not be delivered: ${plainToBb(notice.reason).join('')}.${link}`;
    }
  }
}

export const quoted = (text: string): string => `“${plainToBb(text).join('')}”`;

/**
 * A lower-case UUID v4 made of a text: the only shape the portal takes as a key, and the same for the same text for ever
 * (contract imbot §8.1, 19.6).
 */
export function keyOf(text: string): string {
  const hex = createHash('sha256').update(`ocg:${text}`).digest('hex');
  const variant = ((parseInt(hex.charAt(16), 16) & 0x3) | 0x8).toString(16);
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `4${hex.slice(13, 16)}`,
    variant + hex.slice(17, 20),
    hex.slice(20, 32),
  ].join('-');
}
