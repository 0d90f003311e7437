import { deleteMessage, updateMessage } from '../bitrix24/connectorMessages.ts';
import { finishDialog } from '../bitrix24/openLines.ts';
import type { Database } from '../db/database.ts';
import type { Handler } from '../outbox/job.ts';
import { noteLineTrouble } from './lineTrouble.ts';
import { loadMessage, type MediaUrl, outgoing } from './outgoing.ts';
import type { PortalCalls } from './portals.ts';

/** What follows a message into its dialog. */

/** PHP trims less than this; an empty text would delete the message, with its file (contract imconnector §3.8). */
const NOTHING_TO_READ = '\u200b';

/** Makes the portal's copy of a message read as ours does, or deletes it. Harmless to repeat. */
export function createMessageChange(deps: { db: Database; portals: PortalCalls; mediaUrl: MediaUrl }): Handler {
  return {
    async run(job, run) {
      const message = await loadMessage(deps.db, job.payload.messageId);
      // Deleted already, or it never arrived: when it does, then as it reads now.
      if (message?.state !== 'delivered') return { outcome: 'done' };
      const call = deps.portals.of(message.conversation.channel.portalId, () => run.token());
      const target = await outgoing(deps, message, { attempts: 0 });
      if (message.deletedAt === null) {
        const text = target.message.text || NOTHING_TO_READ;
        // Only the text is applied; files would be fetched for nothing.
        await updateMessage(call, { ...target, message: { ...target.message, files: [], text } });
        return { outcome: 'done' };
      }
      await deleteMessage(call, { ...target, messageId: target.message.id });
      const where = { id: message.id };
      return {
        outcome: 'done',
        commit: async (tx) => void (await tx.prisma.message.updateMany({ where, data: { state: 'deleted' } })),
      };
    },
    async failed(tx, job, failure) {
      const where = { id: job.payload.messageId ?? '' };
      await tx.prisma.message.updateMany({ where, data: { lastError: failure.code } });
      if (job.conversationId) await noteLineTrouble(tx, job.conversationId, failure);
    },
  };
}

/** Finishes the dialog of a conversation that was closed, unless it goes on meanwhile. */
export function createDialogFinish({ db, portals }: { db: Database; portals: PortalCalls }): Handler {
  return {
    async run(job, run) {
      const { conversationId: id = '' } = job.payload;
      const conversation = await db.prisma.conversation.findUnique({ where: { id }, include: { channel: true } });
      if (!conversation || conversation.closedAt === null || conversation.chatId === null) return { outcome: 'done' };
      const call = portals.of(conversation.channel.portalId, () => run.token());
      await finishDialog(call, conversation.chatId);
      return { outcome: 'done' };
    },
  };
}
