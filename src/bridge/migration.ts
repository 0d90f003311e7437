import type { OutboxTx } from '../outbox/job.ts';
import { type ConversationContext, lockConversation } from './conversations.ts';

/** A conversation that goes on under another id. */

/**
 * Gives the conversation its new id; late events that carry an older one still find it. What came under the new id
 * before the migration itself is taken over while it has no dialog of its own yet.
 * @returns undefined when the new id belongs to another dialog.
 */
export async function adoptNewId(
  tx: OutboxTx,
  conversation: ConversationContext,
  newId: string,
): Promise<ConversationContext | undefined> {
  const { id, messengerId, externalId, previousIds } = conversation;
  const where = { messengerId_externalId: { messengerId, externalId: newId } };
  const other = await tx.prisma.conversation.findUnique({ where, select: { id: true } });
  if (other && !(await takeOver(tx, conversation, other.id))) return undefined;
  const known = [...previousIds.filter((previous) => previous !== newId), externalId];
  await tx.prisma.conversation.update({ where: { id }, data: { externalId: newId, previousIds: known } });
  return lockConversation(tx, id);
}

/** Returns whether the other one could be dissolved into this one. */
async function takeOver(tx: OutboxTx, { id, channelId }: ConversationContext, otherId: string): Promise<boolean> {
  const other = await lockConversation(tx, otherId);
  if (!other) return true;
  // Locked, so that none of them starts while we look.
  await tx.sql.rows('select 1 as locked from job where conversation_id = $1::uuid for update', otherId);
  const inDialog = { conversationId: otherId, state: { not: 'pending' } };
  const started = { conversationId: otherId, kind: 'deliverMessage', started: true };
  const isFresh =
    other.chatId === null &&
    other.channelId === channelId &&
    (other.companion === null || other.companion.createStartedAt === null) &&
    (await tx.prisma.message.count({ where: inDialog })) === 0 &&
    (await tx.prisma.job.count({ where: started })) === 0;
  if (!isFresh) return false;
  await tx.prisma.message.updateMany({ where: { conversationId: otherId }, data: { conversationId: id } });
  await tx.prisma.job.updateMany({ where: { conversationId: otherId }, data: { conversationId: id } });
  await tx.prisma.conversation.delete({ where: { id: otherId } });
  return true;
}

/** Whether a migration to this id was accepted and is not applied yet: what comes under the new id waits for it. */
export async function isMigratingTo(
  { sql }: Pick<OutboxTx, 'sql'>,
  messengerId: string,
  externalId: string,
): Promise<boolean> {
  const rows = await sql.rows(
    `select 1 as found from webhook_event where messenger_id = $1::uuid and type = 'conversation.migrated'
     and state = 'accepted' and payload -> 'data' ->> 'newId' = $2 limit 1`,
    messengerId,
    externalId,
  );
  return rows.length > 0;
}
