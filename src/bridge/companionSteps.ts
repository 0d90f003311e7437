import type { BotChat, Bots, ChatRef } from '../bitrix24/bots/bots.ts';
import type { Prisma } from '../db/database.ts';
import { DeliveryError } from '../kit/errors.ts';
import { type CompanionPlan, type CompanionState, hashOf, needsOwner, union } from './companionPlan.ts';
import { wantedCompanionTitle, type withContext } from './conversations.ts';

/** The calls that carry out a plan. Each is idempotent or recognises its own repetition, so a crash in between is harmless. */

/** A companion with its conversation, as the work needs it. */
export type CompanionContext = Prisma.CompanionGetPayload<{
  include: { bot: true; conversation: { include: typeof withContext } };
}>;

type Applied = Prisma.CompanionUncheckedUpdateInput & { lastError?: string | null };

export const wantedState = (companion: CompanionContext): CompanionState => ({
  title: wantedCompanionTitle({ ...companion.conversation, companion }),
  description: companion.description,
  color: companion.color,
  avatarHash: companion.avatar === null ? null : hashOf(companion.avatar),
  ownerId: companion.ownerUserId,
  managerIds: companion.managerUserIds,
  memberIds: union(
    companion.memberUserIds,
    companion.managerUserIds,
    companion.ownerUserId === null ? [] : [companion.ownerUserId],
  ),
});

export const appliedState = (companion: CompanionContext): CompanionState => ({
  title: companion.appliedTitle,
  description: companion.appliedDescription,
  color: companion.appliedColor,
  avatarHash: companion.appliedAvatarHash,
  ownerId: companion.appliedOwnerId,
  managerIds: companion.appliedManagerIds,
  memberIds: companion.appliedMemberIds,
});

/** Returns what is applied now. What the portal does not let the bot do is recorded, not retried. */
export async function applyCompanion(
  plan: CompanionPlan,
  companion: CompanionContext,
  chat: ChatRef,
  bots: Bots,
): Promise<Applied> {
  const wanted = wantedState(companion);
  const members = await applyMembers(plan, chat, bots);
  const present = members ?? companion.appliedMemberIds;
  const missing = wanted.memberIds.filter((id) => !present.includes(id));
  const applied: Applied = {
    appliedMemberIds: wanted.memberIds.filter((id) => present.includes(id)),
    unusableUserIds: missing,
  };
  if (!needsOwner(plan)) return applied;
  const state = await bots.getChat(chat);
  if (state === 'gone') throw new DeliveryError({ verdict: 'refused', code: 'CHAT_NOT_FOUND', detail: chat.chatId });
  if (state === 'notMember') throw botRemoved(chat);
  if (state.owner !== chat.botId) return { ...applied, ...asHandedOver(state, wanted) };
  Object.assign(applied, await applyManagers(plan, wanted, chat, bots, present));
  Object.assign(applied, await applyAppearance(plan, wanted, companion, chat, bots));
  return { ...applied, ...(await handOver(plan, chat, bots, present)) };
}

const botRemoved = (chat: ChatRef): DeliveryError =>
  new DeliveryError({
    verdict: 'refused',
    code: 'bot_removed',
    detail: `the bot is not in chat ${chat.chatId} any more`,
  });

/**
 * Handed over, by us or by a person: from here on the bot may not change it (contract imbot §6.3). A repetition after
 * a crash finds everything done; anything else is shown as what the bot may no longer do.
 */
function asHandedOver(chat: BotChat, wanted: CompanionState): Applied {
  const managers = chat.managers.map(Number);
  const asWanted =
    chat.title === wanted.title &&
    (wanted.description === null || chat.description === wanted.description) &&
    wanted.managerIds.every((id) => managers.includes(id)) &&
    (wanted.ownerId === null || Number(chat.owner) === wanted.ownerId);
  return {
    appliedOwnerId: Number(chat.owner),
    appliedTitle: chat.title,
    appliedManagerIds: wanted.managerIds.filter((id) => managers.includes(id)),
    lastError: asWanted ? null : 'not_owner',
  };
}

/** The members the chat has afterwards; undefined when nothing was to be done. */
async function applyMembers(plan: CompanionPlan, chat: ChatRef, bots: Bots): Promise<number[] | undefined> {
  if (plan.addMembers.length + plan.removeMembers.length === 0) return undefined;
  let present = (await bots.listMembers(chat)).map(Number);
  const absent = plan.addMembers.filter((id) => !present.includes(id));
  if (absent.length > 0) {
    await bots.addMembers({ ...chat, userIds: absent.map(String) });
    // User.add says yes even when it added nobody (contract imbot §7.1).
    present = (await bots.listMembers(chat)).map(Number);
  }
  for (const id of plan.removeMembers) await bots.removeMember({ ...chat, userId: String(id) });
  return present.filter((id) => !plan.removeMembers.includes(id));
}

async function applyManagers(
  plan: CompanionPlan,
  wanted: CompanionState,
  chat: ChatRef,
  bots: Bots,
  present: readonly number[],
): Promise<Applied> {
  const add = plan.addManagers.filter((id) => present.includes(id));
  if (add.length > 0) await bots.addManagers({ ...chat, userIds: add.map(String) });
  if (plan.removeManagers.length > 0) {
    await bots.removeManagers({ ...chat, userIds: plan.removeManagers.map(String) });
  }
  return { appliedManagerIds: wanted.managerIds.filter((id) => present.includes(id)) };
}

async function applyAppearance(
  { change }: CompanionPlan,
  wanted: CompanionState,
  companion: CompanionContext,
  chat: ChatRef,
  bots: Bots,
): Promise<Applied> {
  const { avatar, ...texts } = change;
  if (Object.keys(change).length === 0) return {};
  await bots.updateChat({ ...chat, ...texts, ...(avatar && companion.avatar ? { avatar: companion.avatar } : {}) });
  return {
    appliedTitle: wanted.title,
    appliedDescription: wanted.description,
    appliedColor: wanted.color,
    appliedAvatarHash: wanted.avatarHash,
  };
}

/** Chat.setOwner checks nobody: only an active member gets the chat, as a manager first (contract imbot §19.4). */
async function handOver(
  { handOverTo: target }: CompanionPlan,
  chat: ChatRef,
  bots: Bots,
  present: readonly number[],
): Promise<Applied> {
  if (target === undefined) return {};
  const members = present.includes(target) ? present : (await bots.listMembers(chat)).map(Number);
  if (!members.includes(target)) return { lastError: 'owner_not_member' };
  await bots.addManagers({ ...chat, userIds: [String(target)] });
  await bots.setOwner({ ...chat, userId: String(target) });
  const state = await bots.getChat(chat);
  const owner = typeof state === 'string' ? undefined : Number(state.owner);
  if (owner !== target) throw new DeliveryError({ verdict: 'retry', code: 'owner_unchanged', detail: chat.chatId });
  return { appliedOwnerId: target };
}
