import { randomUUID } from 'node:crypto';
import { plainToBb } from '../bitrix24/markup.ts';
import { printable } from '../kit/richText.ts';
import type { OutboxTx } from '../outbox/job.ts';
import { type ConversationContext, portalJob } from './conversations.ts';
import { deliverMessage } from './jobs.ts';

/** What the gateway itself says in a dialog. The portal shows it without an author; the customer never sees it. */

const MAX_NOTE = 2_000;

export interface NoteContext {
  tx: OutboxTx;
  requestId: string | undefined;
  now: Date;
}

/** `key`: a note with the same one is written once in a conversation. */
export async function writeNote(
  { tx, requestId, now }: NoteContext,
  conversation: ConversationContext,
  text: string,
  key: string = randomUUID(),
): Promise<void> {
  const row = {
    conversationId: conversation.id,
    direction: 'toPortal',
    externalId: `note-${key}`,
    author: 'gateway',
    senderId: '',
    text: plainToBb(printable(text).slice(0, MAX_NOTE))[0] ?? '',
    sentAt: now,
  };
  const created = await tx.prisma.message.createManyAndReturn({ data: [row], skipDuplicates: true });
  const job = { ...portalJob(conversation, requestId), conversationId: conversation.id };
  await tx.enqueue(created.map(({ id }) => deliverMessage({ ...job, payload: { messageId: id } })));
}
