import type { Bots, ChatRef } from '../bitrix24/bots/bots.ts';
import type { Vault } from '../kit/secrets.ts';
import { DeliveryError } from '../kit/errors.ts';
import type { Logger } from '../kit/logger.ts';
import type { Handler, Job, Result } from '../outbox/job.ts';
import { type BotAccess, botKey } from './botAccess.ts';
import { noteBotTrouble } from './botTrouble.ts';
import { botRemoved, type ChatDeps, ensureChat, save } from './companionChat.ts';
import { handOverLaterBy } from './companionHandOver.ts';
import { sweepDuplicates } from './companionDuplicates.ts';
import {
  applyCompanion,
  appliedState,
  type CompanionContext,
  type CompanionData,
  NOTHING_APPLIED,
  wantedState,
} from './companionSteps.ts';
import { isEmpty, planCompanion } from './companionPlan.ts';
import { lockConversation, portalJob, withContext } from './conversations.ts';
import { convergeCompanion } from './jobs.ts';

export interface CompanionDeps extends ChatDeps {
  bots: BotAccess;
  vault: Vault;
}

const BOT_RETRY_AFTER_MS = 1_000;

/**
 * Makes a companion what it shall be: exactly one chat per conversation (contract imbot §19.2), then members,
 * managers, appearance, and the owner last.
 */
export function createCompanionConvergence(deps: CompanionDeps): Handler {
  return {
    async run(job, run): Promise<Result> {
      const companion = await load(job.payload.companionId ?? '', deps);
      if (!companion || companion.state === 'archived') return { outcome: 'done' };
      const { portalId } = companion.conversation.channel;
      const bot = botKey(companion.bot, deps.vault);
      if (!bot) return waitForBot(companion);
      const bots = await deps.bots.of(portalId, () => run.token());
      try {
        const found = await ensureChat(companion, bot, bots, run, deps);
        if ('result' in found) return found.result;
        const chat = { ...bot, chatId: found.chatId, key: companion.key };
        const swept = await sweepDuplicates(companion, chat, bots, run, deps);
        return await converge(companion, { ...chat, chatId: swept }, bots, job, deps);
      } catch (error) {
        if (!(error instanceof DeliveryError) || error.code !== 'CHAT_NOT_FOUND') throw error;
        return startOver(companion.id, deps.log);
      }
    },
    async failed(tx, job, failure) {
      const { companionId: id = '' } = job.payload;
      const state = failure.outcome === 'retry' ? {} : { state: 'failed' };
      const said = { lastError: failure.code, lastErrorDetail: detailOf(failure) };
      await tx.prisma.companion.updateMany({ where: { id }, data: { ...state, ...said } });
      const companion = await tx.prisma.companion.findUnique({ where: { id }, select: { botId: true } });
      if (companion) await noteBotTrouble(tx, companion.botId, failure.code);
    },
  };
}

async function load(id: string, { db }: CompanionDeps): Promise<CompanionContext | undefined> {
  const include = { bot: true, conversation: { include: withContext } };
  return (await db.prisma.companion.findUnique({ where: { id }, include })) ?? undefined;
}

const detailOf = ({ code, detail }: { code: string; detail: string }): string =>
  detail.startsWith(`${code}: `) ? detail.slice(code.length + 2) : detail;

function waitForBot({ bot }: CompanionContext): Result {
  if (bot.state === 'failed') {
    throw new DeliveryError({
      verdict: 'refused',
      code: 'bot_failed',
      detail: `the bot ${bot.code} is not registered`,
    });
  }
  return { outcome: 'later', afterMs: BOT_RETRY_AFTER_MS, reason: 'the bot is not registered yet' };
}

async function converge(
  companion: CompanionContext,
  chat: ChatRef,
  bots: Bots,
  job: Job,
  deps: CompanionDeps,
): Promise<Result> {
  const wanted = wantedState(companion);
  const plan = planCompanion(wanted, appliedState(companion), companion.unusableUserIds);
  // Asked for even when nothing is to be done, as long as the last word was not "ready": a person may have repaired it.
  const settled = isEmpty(plan) && companion.state === 'ready' && companion.lastError === null;
  let applied: CompanionData = {};
  if (!settled) {
    const live = await bots.getChat(chat);
    if (live === 'gone') throw new DeliveryError({ verdict: 'refused', code: 'CHAT_NOT_FOUND', detail: chat.chatId });
    if (live === 'notMember') return botRemoved(chat.chatId);
    const read = (): Promise<CompanionContext | undefined> => load(companion.id, deps);
    const laterBy = (): Promise<number | undefined> =>
      handOverLaterBy(companion, { db: deps.db, read, wantedOf: wantedState });
    const done = await applyCompanion(companion, live, chat, bots, laterBy);
    applied = { lastError: null, lastErrorDetail: null, ...done.applied };
    if (done.laterMs !== undefined) return handOverLater(companion.id, applied, done.laterMs);
  }
  const data = { ...applied, state: 'ready', archivedAt: null, readyAt: new Date(deps.clock.now()) };
  return {
    outcome: 'done',
    async commit(tx) {
      const conversation = await lockConversation(tx, companion.conversationId);
      const now = conversation?.companion;
      // Forgotten, or archived while the portal was working: what was applied is no longer what is wanted.
      if (!now || now.id !== companion.id) return;
      if (now.state === 'archived') return save(tx, companion.id, applied);
      const moved = JSON.stringify(wantedState({ ...now, conversation })) !== JSON.stringify(wanted);
      await save(tx, companion.id, moved ? { ...data, state: 'pending' } : data);
      if (!moved) return;
      // What is wanted moved while the portal was working. What the bot may not change is no reason to try for ever.
      const again = { ...portalJob(conversation, job.requestId), payload: { companionId: companion.id } };
      await tx.enqueue([convergeCompanion(companion.key, again)]);
    },
  };
}

/** A name that was accepted before the owner was set belongs into the title, and only the bot's ownership lets it in. */
const handOverLater = (companionId: string, applied: CompanionData, afterMs: number): Result => ({
  outcome: 'later',
  afterMs,
  reason: 'a change that was accepted before is still on its way',
  commit: (tx) => save(tx, companionId, applied),
});

/** Nothing of the chat is there any more. */
const NO_CHAT = {
  chatId: null,
  createStartedAt: null,
  ...NOTHING_APPLIED,
  unusableUserIds: [],
};

/** Somebody deleted the chat: only this answer allows to make another (contract imbot trap 15). */
function startOver(companionId: string, log: Logger): Result {
  log.warn('companion.chatGone', { companionId });
  const data = { ...NO_CHAT, state: 'pending' };
  return { outcome: 'later', afterMs: 0, reason: 'the chat is gone', commit: (tx) => save(tx, companionId, data) };
}
