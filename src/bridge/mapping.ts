import type { OutboxTx } from '../outbox/job.ts';
import { type ConversationContext, lockConversationOf } from './conversations.ts';
import type { ConversationKind } from './model.ts';
import { portalChatId } from './translate.ts';

/** What an event says about the conversation it belongs to. */
export interface Mapping {
  id: string;
  kind?: ConversationKind | undefined;
  url?: string | undefined;
  avatarUrl?: string | undefined;
  topic?: string | undefined;
}

export type Mapped = { conversation: ConversationContext } | { refused: string };

/** The conversation of an event, mapped now when the messenger's channel maps by itself. */
export async function mapConversation(
  tx: OutboxTx,
  messengerId: string,
  mapping: Mapping,
  lineId?: number,
): Promise<Mapped> {
  const known = await lockConversationOf(tx, messengerId, mapping.id);
  if (known) return { conversation: known };
  const channel = await chooseChannel(tx, messengerId, mapping.kind, lineId);
  if ('refused' in channel) return channel;
  const data = {
    channelId: channel.id,
    messengerId,
    externalId: mapping.id,
    dialogKey: portalChatId(mapping.id),
    kind: mapping.kind ?? channel.kind,
  };
  // An administrator may be mapping the same conversation at this moment.
  await tx.prisma.conversation.createMany({ data: [data], skipDuplicates: true });
  const conversation = await lockConversationOf(tx, messengerId, mapping.id);
  return conversation ? { conversation } : { refused: 'the conversation vanished' };
}

/** By line where the event names one; else the oldest channel that fits the kind; else the oldest. */
async function chooseChannel(
  tx: OutboxTx,
  messengerId: string,
  kind: ConversationKind | undefined,
  lineId: number | undefined,
): Promise<{ id: string; kind: ConversationKind } | { refused: string }> {
  const channels = await tx.prisma.channel.findMany({
    where: { messengerId, ...(lineId === undefined ? {} : { lineId }) },
    include: { connector: true },
    orderBy: { createdAt: 'asc' },
  });
  if (channels.length === 0) {
    return {
      refused: lineId === undefined ? 'the messenger has no channel' : 'the messenger has no channel to this line',
    };
  }
  const mapping = channels.filter((channel) => channel.autoMap);
  const chosen = mapping.find((channel) => channel.connector.kind === kind) ?? mapping[0];
  if (!chosen) return { refused: 'the conversation is not mapped, and no channel maps by itself' };
  return { id: chosen.id, kind: chosen.connector.kind as ConversationKind };
}
