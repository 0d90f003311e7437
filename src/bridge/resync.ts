import type { OutboxTx } from '../outbox/job.ts';
import { convergeTitles, lockConversation, portalJob } from './conversations.ts';
import { convergeCompanion, convergeName } from './jobs.ts';

/**
 * Believes nothing any more: what is wanted is compared with the portal, and repaired where it differs.
 * @returns false when there is no such conversation.
 */
export async function resync(tx: OutboxTx, id: string, requestId: string | undefined): Promise<boolean> {
  if (!(await lockConversation(tx, id))) return false;
  const data = { appliedTitle: null, appliedAt: null, nameError: null };
  await tx.prisma.conversation.update({ where: { id }, data });
  await resyncCompanion(tx, id, requestId);
  const conversation = await lockConversation(tx, id);
  if (!conversation) return false;
  await convergeTitles(tx, conversation, requestId);
  await adoptDialog(tx, id, requestId);
  return true;
}

/** The key of a group dialog can be made without the portal's help; that of a direct one comes with its first message. */
export async function adoptDialog(tx: OutboxTx, id: string, requestId: string | undefined): Promise<void> {
  const conversation = await lockConversation(tx, id);
  if (conversation?.channel.connector.kind !== 'group') return;
  await tx.enqueue([convergeName({ ...portalJob(conversation, requestId), payload: { conversationId: id } })]);
}

/** Description and avatar are visible posts, and nothing reads the avatar back: they are believed. */
export async function resyncCompanion(
  tx: OutboxTx,
  conversationId: string,
  requestId: string | undefined,
): Promise<void> {
  const conversation = await lockConversation(tx, conversationId);
  const companion = conversation?.companion;
  if (!companion || companion.state === 'archived') return;
  const data = {
    appliedTitle: null,
    appliedColor: null,
    appliedOwnerId: null,
    appliedManagerIds: [],
    appliedMemberIds: [],
    unusableUserIds: [],
    state: 'pending',
    lastError: null,
    lastErrorDetail: null,
  };
  await tx.prisma.companion.update({ where: { id: companion.id }, data });
  const job = portalJob(conversation, requestId);
  await tx.enqueue([convergeCompanion(companion.key, { ...job, payload: { companionId: companion.id } })]);
}
