import type { BotEvent, Bots, JoinedChat } from '../bitrix24/bots/bots.ts';
import type { Database } from '../db/database.ts';
import type { Clock } from '../kit/clock.ts';
import { DeliveryError } from '../kit/errors.ts';
import type { Logger } from '../kit/logger.ts';
import type { OutboxTx, Result, Run } from '../outbox/job.ts';
import { type CompanionContext, type CompanionData, wantedState } from './companionSteps.ts';

/** Exactly one chat per companion (contract imbot §19.2): known, found by its key, or made. */

/** A lost Chat.add may go on for so long: the cloud cuts requests off at 60 s (contract platform §4.2). */
export const CREATE_MAY_RUN_MS = 62_000;
const LOOK_AGAIN_AFTER_MS = 5_000;

export interface ChatDeps {
  db: Database;
  clock: Clock;
  log: Logger;
}

interface BotKey {
  botId: string;
  token: string;
}

/** What looking for the chat came to. */
type Found = { chatId: string } | { result: Result };

/** Looked for before every making: the mapping, or the whole database, may have been lost. */
export async function ensureChat(
  companion: CompanionContext,
  bot: BotKey,
  bots: Bots,
  run: Run,
  deps: ChatDeps,
): Promise<Found> {
  if (companion.chatId !== null) return { chatId: companion.chatId };
  const existing = await bots.findChat({ key: companion.key });
  if (existing !== undefined) return adopt(companion, bot, existing, bots, run, deps);
  const startedAt = companion.createStartedAt?.getTime();
  if (startedAt !== undefined) {
    const leftMs = startedAt + CREATE_MAY_RUN_MS - deps.clock.now();
    if (leftMs > 0) {
      const afterMs = Math.min(LOOK_AGAIN_AFTER_MS, leftMs);
      return { result: { outcome: 'later', afterMs, reason: 'a chat may still be on its way' } };
    }
    const unkeyed = await findUnkeyed(companion, bot, bots, deps.db);
    if (unkeyed !== undefined) return adopt(companion, bot, unkeyed, bots, run, deps);
  }
  return { chatId: await create(companion, bot, bots, run, deps) };
}

/** A chat with our key: ours, unless somebody made it look so. The look-up asks no rights, so they are checked. */
async function adopt(
  companion: CompanionContext,
  bot: BotKey,
  chatId: string,
  bots: Bots,
  run: Run,
  { clock, log }: ChatDeps,
): Promise<Found> {
  const state = await bots.getChat({ ...bot, chatId, key: companion.key });
  if (state === 'gone') throw new DeliveryError({ verdict: 'retry', code: 'chat_vanished', detail: chatId });
  if (state === 'notMember') return { result: botRemoved(chatId) };
  const ours = state.owner === bot.botId || state.managers.includes(bot.botId);
  if ((state.key !== '' && state.key !== companion.key) || !ours) {
    throw new DeliveryError({ verdict: 'refused', code: 'key_taken', detail: `chat ${chatId} is not ours` });
  }
  const known = {
    chatId,
    appliedTitle: state.title,
    ...(state.owner === bot.botId ? {} : { appliedOwnerId: Number(state.owner) }),
    // Closed by an earlier archiving: to be opened again.
    ...(state.textFieldEnabled ? {} : { archivedAt: new Date(clock.now()) }),
  };
  await run.checkpoint((tx) => save(tx, companion.id, known));
  Object.assign(companion, known);
  log.info('companion.adopted', { companionId: companion.id, conversationId: companion.conversationId, chatId });
  return { chatId };
}

/** Nobody can add a bot but a person; the portal tells when it happened, and the work goes on. */
export const botRemoved = (chatId: string): Result & { outcome: 'parked' } => ({
  outcome: 'parked',
  code: 'bot_removed',
  reason: `the bot is not in chat ${chatId} any more: add it there again, or delete the chat and resync`,
});

/**
 * A portal that does not keep our key makes chats nobody can look up. Its events still tell of them: one the bot made
 * itself, under our title, that no companion has (contract imbot §12, §19.2 variant B).
 */
async function findUnkeyed(
  { bot, appliedTitle, createStartedAt }: CompanionContext,
  ref: BotKey,
  bots: Bots,
  db: Database,
): Promise<string | undefined> {
  if (createStartedAt === null) return undefined;
  const { events } = await bots.readEvents({ ...ref, offset: bot.eventOffset.toString(), limit: 1000 });
  const made = events.flatMap((event) => madeBy(event, ref.botId)).filter(({ title }) => title === appliedTitle);
  const taken = await db.prisma.companion.findMany({
    where: { botId: bot.id, chatId: { in: made.map(({ chatId }) => chatId) } },
    select: { chatId: true },
  });
  const free = made.map(({ chatId }) => chatId).filter((id) => !taken.some(({ chatId }) => chatId === id));
  return free.sort((left, right) => Number(left) - Number(right))[0];
}

/** The chat without a key that the bot made itself, if the event tells of one. */
export const madeBy = (event: BotEvent, botId: string): JoinedChat[] =>
  event.kind === 'joined' && event.chat.key === '' && event.chat.byUserId === botId && event.chat.owner === botId
    ? [event.chat]
    : [];

/**
 * Chat.add is never deduplicated: that it was begun is committed before the call, so that whoever comes after a crash
 * or a lost answer looks before creating.
 */
async function create(
  companion: CompanionContext,
  bot: BotKey,
  bots: Bots,
  run: Run,
  { clock, log }: ChatDeps,
): Promise<string> {
  const wanted = wantedState(companion);
  const title = wanted.title ?? companion.key;
  await run.checkpoint((tx) => save(tx, companion.id, { createStartedAt: new Date(clock.now()), appliedTitle: title }));
  try {
    const { chatId, keyEchoed } = await bots.addChat({
      ...bot,
      key: companion.key,
      title,
      ...(wanted.description === null ? {} : { description: wanted.description }),
      ...(wanted.color === null ? {} : { color: wanted.color }),
      ...(companion.avatar === null || wanted.avatarHash === null ? {} : { avatar: companion.avatar }),
      userIds: wanted.memberIds.map(String),
    });
    if (!keyEchoed) log.warn('companion.keyIgnored', { companionId: companion.id, chatId });
    const made = {
      chatId,
      appliedTitle: title,
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

export async function save(tx: OutboxTx, id: string, data: CompanionData): Promise<void> {
  await tx.prisma.companion.update({ where: { id }, data });
}
