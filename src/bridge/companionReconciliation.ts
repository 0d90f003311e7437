import type { BotChat, Bots, ChatRef } from '../bitrix24/bots/bots.ts';
import type { Database, Prisma } from '../db/database.ts';
import type { Clock } from '../kit/clock.ts';
import type { Logger } from '../kit/logger.ts';
import type { Vault } from '../kit/secrets.ts';
import type { Handler, OutboxTx } from '../outbox/job.ts';
import { type BotAccess, botKey } from './botAccess.ts';
import { type CompanionState, planCompanion } from './companionPlan.ts';
import { type CompanionContext, knownState, LISTED, wantedState } from './companionSteps.ts';
import type { ConversationContext } from './conversations.ts';
import { resyncCompanion } from './resync.ts';
import { withCompanion } from './runs.ts';
import { createRunHandler, type RunTurns } from './runTurns.ts';

/** A look at every companion of a portal: what differs from what it shall be is listed, and repaired by its own job. */

interface Finding {
  conversationId: string;
  finding: 'chat_missing' | 'chat_gone' | 'bot_removed' | 'duplicate' | 'title' | 'owner' | 'managers' | 'members';
  detail: Prisma.InputJsonObject;
}

interface ReconciliationDeps {
  db: Database;
  bots: BotAccess;
  vault: Vault;
  clock: Clock;
  log: Logger;
}

export function createCompanionReconciliation(deps: ReconciliationDeps): Handler {
  async function look(bots: Bots, conversation: ConversationContext): Promise<Finding[]> {
    const { companion } = conversation;
    const bot = companion && botKey(companion.bot, deps.vault);
    if (!companion || !bot) return [];
    const found = (finding: Finding['finding'], detail: Prisma.InputJsonObject = {}): Finding => ({
      conversationId: conversation.id,
      finding,
      detail,
    });
    // One that is just being made is no drift.
    if (companion.chatId === null) return companion.state === 'failed' ? [found('chat_missing')] : [];
    const chat = { ...bot, chatId: companion.chatId, key: companion.key };
    const live = await bots.getChat(chat);
    if (typeof live === 'string')
      return [found(live === 'gone' ? 'chat_gone' : 'bot_removed', { chatId: chat.chatId })];
    const other = await bots.findChat({ key: companion.key });
    return [
      ...(other === undefined || other === chat.chatId ? [] : [found('duplicate', { chatId: other })]),
      ...(await drift({ ...companion, conversation }, live, chat, bots)).map(([what, detail]) => found(what, detail)),
    ];
  }

  async function repair(
    tx: OutboxTx,
    { conversationId, finding, detail }: Finding,
    requestId?: string,
  ): Promise<boolean> {
    // Only a person lets the bot in again.
    if (finding === 'bot_removed') return false;
    const companion = await tx.prisma.companion.findUnique({ where: { conversationId } });
    if (!companion || companion.state === 'archived') return false;
    if (finding === 'duplicate' && typeof detail.chatId === 'string') {
      const duplicateChatIds = [...new Set([...companion.duplicateChatIds, detail.chatId])];
      await tx.prisma.companion.update({ where: { id: companion.id }, data: { duplicateChatIds } });
    }
    await resyncCompanion(tx, conversationId, requestId);
    return true;
  }

  const turns: RunTurns<Finding> = {
    what: 'companions',
    event: 'companions.reconciled',
    scope: withCompanion,
    async look(row, page, run) {
      const bots = await deps.bots.of(row.portalId, () => run.token());
      const findings: Finding[] = [];
      for (const conversation of page) findings.push(...(await look(bots, conversation)));
      return findings;
    },
    async record(tx, row, findings, requestId) {
      let repaired = 0;
      for (const finding of findings) {
        if (!row.dryRun && (await repair(tx, finding, requestId))) repaired++;
        await tx.prisma.runFinding.create({ data: { runId: row.id, ...finding } });
      }
      return repaired;
    },
  };
  return createRunHandler(turns, deps);
}

/** Users the portal did not add before are known, and no drift. */
async function drift(
  companion: CompanionContext,
  live: BotChat,
  chat: ChatRef,
  bots: Bots,
): Promise<[Finding['finding'], Prisma.InputJsonObject][]> {
  const wanted = wantedState(companion);
  const present = (await bots.listMembers(chat)).map(Number);
  const known: CompanionState = {
    ...knownState(companion, live),
    memberIds: present.length >= LISTED ? wanted.memberIds : present,
  };
  const plan = planCompanion(wanted, known, companion.unusableUserIds);
  const drifts: [Finding['finding'], Prisma.InputJsonObject, boolean][] = [
    ['title', { wanted: wanted.title, found: live.title }, plan.change.title !== undefined],
    ['owner', { wanted: wanted.ownerId, found: known.ownerId }, plan.handOverTo !== undefined || plan.takesBack],
    ['managers', { missing: plan.addManagers, extra: plan.removeManagers }, plan.addManagers.length > 0],
    // Whoever people let in themselves is their guest.
    ['members', { missing: plan.addMembers }, plan.addMembers.length > 0],
  ];
  return drifts.filter(([, , differs]) => differs).map(([what, detail]) => [what, detail]);
}
