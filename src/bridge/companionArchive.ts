import type { Bots, ChatRef } from '../bitrix24/bots/bots.ts';
import type { Database } from '../db/database.ts';
import type { Clock } from '../kit/clock.ts';
import { DeliveryError } from '../kit/errors.ts';
import type { Logger } from '../kit/logger.ts';
import type { Vault } from '../kit/secrets.ts';
import type { Handler, Job, OutboxTx, Result } from '../outbox/job.ts';
import { type BotAccess, botKey } from './botAccess.ts';
import { CREATE_MAY_RUN_MS } from './companionChat.ts';
import { closeTextField, removePeople } from './companionFarewell.ts';
import { keyOf } from './companionNotices.ts';
import type { ConversationContext } from './conversations.ts';
import { portalJob } from './conversations.ts';
import { archiveCompanion } from './jobs.ts';
import type { ArchiveReason } from './model.ts';

/**
 * Queues the farewell of a companion's chat; the companion is archived from now on. `handOverTo`: the employee who gets
 * the chat instead of everybody leaving it.
 */
export async function archive(
  tx: OutboxTx,
  conversation: ConversationContext,
  { reason, handOverTo }: { reason: ArchiveReason; handOverTo?: number | undefined },
  requestId: string | undefined,
): Promise<void> {
  const { companion } = conversation;
  if (!companion || (companion.state === 'archived' && handOverTo === undefined)) return;
  const data = { state: 'archived', archiveReason: reason, lastError: null, lastErrorDetail: null };
  await tx.prisma.companion.update({ where: { id: companion.id }, data });
  const { id: companionId, botId: bot, chatId, key, createStartedAt } = companion;
  if (chatId === null && createStartedAt === null) return;
  const begunAt = String(createStartedAt?.getTime() ?? 0);
  const payload = { companionId, bot, chatId: chatId ?? '', begunAt, key, handOverTo: String(handOverTo ?? '') };
  await tx.enqueue([archiveCompanion({ ...portalJob(conversation, requestId), payload })]);
}

interface ArchiveDeps {
  db: Database;
  bots: BotAccess;
  vault: Vault;
  clock: Clock;
  log: Logger;
}

/**
 * Last notice, text field off, people out; or the chat to an employee, who goes on with it. The bot stays in: it could
 * not come back by itself, and as an owner who leaves it would hand the chat to anybody (contract imbot §6.5, 19.8).
 */
export function createCompanionArchiving({ db, bots: access, vault, clock, log }: ArchiveDeps): Handler {
  async function farewell(job: Job, chat: ChatRef, bots: Bots): Promise<void> {
    const { handOverTo } = job.payload;
    const state = await bots.getChat(chat);
    if (typeof state === 'string') return;
    // The deprecated API recognises no repetition: rather no notice than two.
    if (bots.generation === 'v2' || !job.doubt) {
      const text = handOverTo ? 'This chat was handed over.' : 'This conversation was closed.';
      await bots.sendMessage({ ...chat, text, templateId: keyOf(`archived:${job.id}`) });
    }
    // Handed over before: it belongs to its owner, and so do the people in it.
    if (state.owner !== chat.botId) return;
    if (handOverTo) return handOver(chat, handOverTo, bots);
    await closeTextField(chat, bots);
    await removePeople(chat, bots);
  }

  return {
    async run(job, run): Promise<Result> {
      const { companionId = '', bot: botRowId = '', key = '', begunAt = '0' } = job.payload;
      const bot = await db.prisma.bot.findUnique({ where: { id: botRowId } });
      const ref = bot && botKey(bot, vault);
      if (!bot || !ref) return { outcome: 'done' };
      // Wished again meanwhile: nobody is sent away any more.
      const companion = await db.prisma.companion.findUnique({ where: { id: companionId } });
      if (companion && companion.state !== 'archived') return { outcome: 'done' };
      const bots = await access.of(bot.portalId, () => run.token());
      const chatId = job.payload.chatId || (await bots.findChat({ key }));
      const leftMs = Number(begunAt) + CREATE_MAY_RUN_MS - clock.now();
      if (chatId === undefined && leftMs > 0) {
        return { outcome: 'later', afterMs: leftMs, reason: 'a chat may still be on its way' };
      }
      if (chatId !== undefined) await farewell(job, { ...ref, chatId, key }, bots);
      log.info('companion.archived', { companionId, conversationId: job.conversationId, chatId });
      const data = { archivedAt: new Date(clock.now()), appliedMemberIds: [], appliedManagerIds: [] };
      const where = { id: companionId };
      return { outcome: 'done', commit: async (tx) => void (await tx.prisma.companion.updateMany({ where, data })) };
    },
    async failed(tx, job, { code, detail }) {
      const where = { id: job.payload.companionId ?? '', state: 'archived' };
      await tx.prisma.companion.updateMany({ where, data: { lastError: code, lastErrorDetail: detail } });
    },
  };
}

/** Chat.setOwner checks nobody (contract imbot §6.4). */
async function handOver(chat: ChatRef, userId: string, bots: Bots): Promise<void> {
  await bots.addMembers({ ...chat, userIds: [userId] });
  if (!(await bots.listMembers(chat)).includes(userId)) {
    const detail = `user ${userId} is not an active employee the portal adds`;
    throw new DeliveryError({ verdict: 'refused', code: 'owner_not_member', detail });
  }
  await bots.addManagers({ ...chat, userIds: [userId] });
  await bots.setOwner({ ...chat, userId });
}
