import type { Bots, ChatRef } from '../bitrix24/bots/bots.ts';
import { DeliveryError } from '../kit/errors.ts';
import type { Run } from '../outbox/job.ts';
import { type ChatDeps, save } from './companionChat.ts';
import { closeTextField, removePeople } from './companionFarewell.ts';
import { type CompanionContext, type CompanionData, NOTHING_APPLIED } from './companionSteps.ts';
import { cutTitle } from './titles.ts';

const MARK = '[duplicate] ';

/**
 * Chats with the key of one companion become one: the lowest id stays, whoever finds them; members are moved, the others
 * are renamed and left (contract imbot §19.2 step 7). Every step can be repeated. Returns the chat that stays.
 */
export async function sweepDuplicates(
  companion: CompanionContext,
  chat: ChatRef,
  bots: Bots,
  run: Run,
  { log }: ChatDeps,
): Promise<string> {
  if (companion.duplicateChatIds.length === 0) return chat.chatId;
  const ours = await stillOurs(companion, chat, bots);
  const [staying = chat.chatId, ...leaving] = [...new Set([chat.chatId, ...ours])].sort(byNumber);
  if (staying !== chat.chatId) await switchTo(companion, staying, leaving, run);
  for (const chatId of leaving) {
    await moveMembers({ ...chat, chatId }, { ...chat, chatId: staying }, bots);
    await letGo({ ...chat, chatId }, bots);
    log.warn('companion.duplicateLeft', { companionId: companion.id, chatId, staying });
  }
  const swept = { duplicateChatIds: [] };
  await run.checkpoint((tx) => save(tx, companion.id, swept));
  Object.assign(companion, swept, { state: 'pending' });
  return staying;
}

const byNumber = (left: string, right: string): number => Number(left) - Number(right);

/** The key asks no rights, so a chat that only looks like ours is left alone. */
async function stillOurs(companion: CompanionContext, chat: ChatRef, bots: Bots): Promise<string[]> {
  const ours: string[] = [];
  for (const chatId of companion.duplicateChatIds) {
    const state = await bots.getChat({ ...chat, chatId });
    if (typeof state !== 'string' && state.key === companion.key && state.owner === chat.botId) ours.push(chatId);
  }
  return ours;
}

/** Of the chat that stays nothing is believed. */
async function switchTo(
  companion: CompanionContext,
  chatId: string,
  leaving: readonly string[],
  run: Run,
): Promise<void> {
  const data = {
    chatId,
    duplicateChatIds: [...leaving],
    ...NOTHING_APPLIED,
    state: 'pending',
  } satisfies CompanionData;
  await run.checkpoint((tx) => save(tx, companion.id, data));
  Object.assign(companion, data);
}

async function moveMembers(from: ChatRef, to: ChatRef, bots: Bots): Promise<void> {
  const people = (await bots.listMembers(from)).filter((id) => id !== from.botId);
  await bots.addMembers({ ...to, userIds: people });
}

/** The bot leaves last and alone: as an owner it would hand the chat to an arbitrary person (contract imbot §6.5). */
async function letGo(chat: ChatRef, bots: Bots): Promise<void> {
  const state = await bots.getChat(chat);
  if (typeof state === 'string') return;
  if (!state.title.startsWith(MARK)) await bots.updateChat({ ...chat, title: cutTitle(`${MARK}${state.title}`) });
  if (state.textFieldEnabled) await closeTextField(chat, bots);
  await removePeople(chat, bots);
  try {
    await bots.leave(chat);
  } catch (error) {
    // The deprecated API may keep an owner in: then the bot stays in it, alone.
    if (!(error instanceof DeliveryError) || error.code !== 'ACCESS_ERROR') throw error;
  }
}
