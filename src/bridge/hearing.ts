import type { ConversationContext } from './conversations.ts';
import { convergeTitles } from './conversations.ts';
import type { EventContext } from './effect.ts';
import { hearName } from './nameDecision.ts';
import { oneLine } from './titles.ts';

/** A name the messenger gave, in whatever kind of event. Returns whether it counts. */
export async function hear(
  { tx, at, sequence, requestId, now }: EventContext,
  conversation: ConversationContext,
  name: string | undefined,
): Promise<boolean> {
  const text = oneLine(name ?? '');
  if (text === '') return false;
  const change = hearName(conversation, { name: text, at, sequence });
  if (Object.keys(change).length === 0) return false;
  const heard = { ...change, wantedNameHeardAt: now };
  await tx.prisma.conversation.update({ where: { id: conversation.id }, data: heard });
  await convergeTitles(tx, { ...conversation, ...heard }, requestId);
  return true;
}
