import type { Dialog, DialogKey } from '../bitrix24/openLines.ts';
import type { OutboxTx } from '../outbox/job.ts';
import { type ConversationContext, convergeTitles, dialogUserCode } from './conversations.ts';

/** What the portal itself says of a dialog, and what follows from it. */

/** How the portal is asked for the dialog: by its chat once that is known; undefined where there is nothing to ask by. */
export function dialogKeyOf(conversation: ConversationContext): DialogKey | undefined {
  if (conversation.chatId !== null) return { chatId: conversation.chatId };
  const userCode = dialogUserCode(conversation);
  return userCode === undefined ? undefined : { userCode };
}

/**
 * The title the dialog really has is the applied one from now on, whatever was believed: a wanted title that differs
 * is queued like any other change of it. `conversation` must be locked.
 */
export async function recordRealTitle(
  tx: OutboxTx,
  conversation: ConversationContext,
  { chatId, title }: Pick<Dialog, 'chatId' | 'title'>,
  requestId: string | undefined,
): Promise<void> {
  const data = { chatId, appliedTitle: title, nameError: null };
  await tx.prisma.conversation.update({ where: { id: conversation.id }, data });
  await convergeTitles(tx, { ...conversation, ...data }, requestId);
}
