import { type Bots, type ChatRef } from '../bitrix24/bots/bots.ts';
import type { Database, Prisma } from '../db/database.ts';
import type { Clock } from '../kit/clock.ts';
import { DeliveryError } from '../kit/errors.ts';
import type { Logger } from '../kit/logger.ts';
import type { Vault } from '../kit/secrets.ts';
import type { Handler, Job, OutboxTx, Result, Run } from '../outbox/job.ts';
import { type BotAccess } from './botAccess.ts';
import { applyCompanion, appliedState, type CompanionContext, wantedState } from './companionSteps.ts';
import { isEmpty, planCompanion } from './companionPlan.ts';
import { convergeTitles, lockConversation, wantedCompanionTitle, withContext } from './conversations.ts';

/** A lost Chat.add may go on for so long: the cloud cuts requests off at 60 s (contract platform §4.2). */
const CREATE_MAY_RUN_MS = 62_000;
const LOOK_AGAIN_AFTER_MS = 5_000;
const BOT_RETRY_AFTER_MS = 1_000;

export interface CompanionDeps {
  db: Database;
  bots: BotAccess;
  vault: Vault;
  clock: Clock;
  log: Logger;
}

/** What looking for the chat came to. */
type Found = { chatId: string } | { result: Result };

/**
 * Makes a companion what it shall be: exactly one chat per conversation (contract imbot §19.2), then members,
 * managers, appearance, and the owner last.
 */
export function createCompanionConvergence(deps: CompanionDeps): Handler {
  return {
    async run(job, run): Promise<Result> {
      const companion = await load(deps.db, job);
      if (!companion || companion.state === 'archived') return { outcome: 'done' };
      const { portalId } = companion.conversation.channel;
      if (companion.bot.botId === null) return waitForBot(companion);
      const bots = await deps.bots.of(portalId, () => run.token());
      const ref = { botId: String(companion.bot.botId), token: deps.vault.decrypt(companion.bot.token) };
      try {
        const found = await ensureChat(companion, ref, bots, run, deps);
        if ('result' in found) return found.result;
        return await converge(companion, { ...ref, chatId: found.chatId }, bots, job, deps);
      } catch (error) {
        if (!(error instanceof DeliveryError) || error.code !== 'CHAT_NOT_FOUND') throw error;
        return startOver(companion.id, deps.log);
      }
    },
    async failed(tx, job, failure) {
      const { companionId: id = '' } = job.payload;
      const state = failure.outcome === 'retry' ? {} : { state: 'failed' };
      await tx.prisma.companion.updateMany({ where: { id }, data: { ...state, lastError: failure.code } });
    },
  };
}

async function load(db: Database, job: Job): Promise<CompanionContext | undefined> {
  const { companionId: id = '' } = job.payload;
  const include = { bot: true, conversation: { include: withContext } };
  return (await db.prisma.companion.findUnique({ where: { id }, include })) ?? undefined;
}

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

/** The one chat of the conversation: known, found by its key, or made. */
async function ensureChat(
  companion: CompanionContext,
  bot: { botId: string; token: string },
  bots: Bots,
  run: Run,
  deps: CompanionDeps,
): Promise<Found> {
  if (companion.chatId !== null) return { chatId: companion.chatId };
  const existing = await bots.findChat({ key: companion.key });
  if (existing !== undefined) return adopt(companion, { ...bot, chatId: existing }, bots, run);
  const leftMs = (companion.createStartedAt?.getTime() ?? 0) + CREATE_MAY_RUN_MS - deps.clock.now();
  if (companion.createStartedAt !== null && leftMs > 0) {
    const afterMs = Math.min(LOOK_AGAIN_AFTER_MS, leftMs);
    return { result: { outcome: 'later', afterMs, reason: 'a chat may still be on its way' } };
  }
  return { chatId: await create(companion, bot, bots, run, deps) };
}

/** A chat with our key: ours, unless somebody made it look so. The look-up asks no rights, so they are checked. */
async function adopt(companion: CompanionContext, chat: ChatRef, bots: Bots, run: Run): Promise<Found> {
  const state = await bots.getChat(chat);
  if (state === 'gone') throw new DeliveryError({ verdict: 'retry', code: 'chat_vanished', detail: chat.chatId });
  if (state === 'notMember') {
    const reason = `chat ${chat.chatId} carries our key, but the bot is not in it: add the bot, or delete the chat`;
    return { result: { outcome: 'parked', code: 'bot_removed', reason } };
  }
  if (state.key !== companion.key || (state.owner !== chat.botId && !state.managers.includes(chat.botId))) {
    throw new DeliveryError({ verdict: 'refused', code: 'key_taken', detail: `chat ${chat.chatId} is not ours` });
  }
  const owner = state.owner === chat.botId ? {} : { appliedOwnerId: Number(state.owner) };
  const known = { chatId: chat.chatId, appliedTitle: state.title, ...owner };
  await run.checkpoint((tx) => save(tx, companion.id, known));
  Object.assign(companion, known);
  return { chatId: chat.chatId };
}

/**
 * Chat.add is never deduplicated: that it was begun is committed before the call, so that whoever comes after a crash
 * or a lost answer looks before creating.
 */
async function create(
  companion: CompanionContext,
  bot: { botId: string; token: string },
  bots: Bots,
  run: Run,
  { clock, log }: CompanionDeps,
): Promise<string> {
  const begun = { createStartedAt: new Date(clock.now()) };
  await run.checkpoint((tx) => save(tx, companion.id, begun));
  const wanted = wantedState(companion);
  try {
    const { chatId, keyEchoed } = await bots.addChat({
      ...bot,
      key: companion.key,
      title: wantedCompanionTitle(companion.conversation),
      ...(wanted.description === null ? {} : { description: wanted.description }),
      ...(wanted.color === null ? {} : { color: wanted.color }),
      ...(companion.avatar === null ? {} : { avatar: companion.avatar }),
      userIds: wanted.memberIds.map(String),
    });
    if (!keyEchoed) log.warn('companion.keyIgnored', { companionId: companion.id, chatId });
    const made = {
      chatId,
      appliedTitle: wanted.title,
      appliedDescription: wanted.description,
      appliedColor: wanted.color,
      appliedAvatarHash: wanted.avatarHash,
    };
    await run.checkpoint((tx) => save(tx, companion.id, made));
    Object.assign(companion, made);
    log.info('companion.created', { companionId: companion.id, conversationId: companion.conversationId, chatId });
    return chatId;
  } catch (error) {
    // Surely not executed: nothing has to be waited for before the next try.
    if (error instanceof DeliveryError && error.verdict !== 'unsure') {
      await run.checkpoint((tx) => save(tx, companion.id, { createStartedAt: companion.createStartedAt }));
    }
    throw error;
  }
}

async function converge(
  companion: CompanionContext,
  chat: ChatRef,
  bots: Bots,
  job: Job,
  deps: CompanionDeps,
): Promise<Result> {
  const plan = planCompanion(wantedState(companion), appliedState(companion), companion.unusableUserIds);
  const applied = isEmpty(plan) ? {} : await applyCompanion(plan, companion, chat, bots);
  const data = { lastError: null, ...applied, state: 'ready', readyAt: new Date(deps.clock.now()) };
  return {
    outcome: 'done',
    async commit(tx) {
      await save(tx, companion.id, data);
      const conversation = await lockConversation(tx, companion.conversationId);
      // The name may have moved while the portal was working. Not when the title cannot follow any more.
      if (conversation && data.lastError === null) await convergeTitles(tx, conversation, job.requestId);
    },
  };
}

/** Somebody deleted the chat: only this answer allows to make another (contract imbot trap 15). */
function startOver(companionId: string, log: Logger): Result {
  log.warn('companion.chatGone', { companionId });
  const nothing = {
    chatId: null,
    createStartedAt: null,
    appliedTitle: null,
    appliedDescription: null,
    appliedColor: null,
    appliedAvatarHash: null,
    appliedOwnerId: null,
    appliedManagerIds: [],
    appliedMemberIds: [],
    unusableUserIds: [],
    state: 'pending',
  };
  return { outcome: 'later', afterMs: 0, reason: 'the chat is gone', commit: (tx) => save(tx, companionId, nothing) };
}

async function save(tx: OutboxTx, id: string, data: Prisma.CompanionUncheckedUpdateInput): Promise<void> {
  await tx.prisma.companion.update({ where: { id }, data });
}
