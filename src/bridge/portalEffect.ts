import type { PortalEvent } from '../bitrix24/events.ts';
import type { OutboxTx } from '../outbox/job.ts';
import { lockConversation } from './conversations.ts';
import type { Applied } from './effect.ts';

/** What the effects of Bitrix24's events are made of. */

export interface PortalEventContext {
  tx: OutboxTx;
  portalId: string;
  requestId: string;
  /** By our own clock. */
  now: Date;
}

/** `conversationId`: what the event is about, where it is about one. */
export type PortalApplied = Applied & { conversationId?: string };

export type PortalEffect = (context: PortalEventContext, event: PortalEvent) => Promise<PortalApplied>;

/** The conversation of a dialog, locked. */
export async function findByDialog(
  { tx, portalId }: PortalEventContext,
  dialog: { connector: string; line: string; externalChatId: string },
): ReturnType<typeof lockConversation> {
  const channel = { portalId, lineId: Number(dialog.line), connector: { code: dialog.connector } };
  const row = await tx.prisma.conversation.findFirst({
    where: { dialogKey: dialog.externalChatId, channel },
    select: { id: true },
  });
  return row ? lockConversation(tx, row.id) : undefined;
}
