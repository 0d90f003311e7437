import type { BotChat, Bots, ChatChange, ChatRef } from '../bitrix24/bots/bots.ts';
import type { Prisma } from '../db/database.ts';
import { DeliveryError } from '../kit/errors.ts';
import { type CompanionPlan, type CompanionState, hashOf, planCompanion, rolesOf } from './companionPlan.ts';
import { companionPolicy, wantedCompanionTitle, type withContext } from './conversations.ts';
import { imageTrouble } from './images.ts';

/** The calls that carry out a plan. Each is idempotent or recognises its own repetition, so a crash in between is harmless. */

/** A companion with its conversation, as the work needs it. */
export type CompanionContext = Prisma.CompanionGetPayload<{
  include: { bot: true; conversation: { include: typeof withContext } };
}>;

export type CompanionData = Prisma.CompanionUncheckedUpdateInput;

/** What could not be done, and stays so until somebody acts. Shown, not retried. */
interface Trouble {
  code: string;
  detail: string;
}

interface Work {
  plan: CompanionPlan;
  wanted: CompanionState;
  companion: CompanionContext;
  chat: ChatRef;
  bots: Bots;
  troubles: Trouble[];
}

/** A picture the portal would refuse, or take for "none", is not wanted at all. */
export function wantedState(companion: CompanionContext): CompanionState {
  const { conversation, avatar } = companion;
  const { ownerPolicy = 'handover' } = companionPolicy(conversation);
  return {
    title: wantedCompanionTitle({ ...conversation, companion }),
    description: companion.description,
    color: companion.color,
    avatarHash: avatar === null || imageTrouble(avatar) ? null : hashOf(avatar),
    ...rolesOf(ownerPolicy, companion),
  };
}

export const appliedState = (companion: CompanionContext): CompanionState => ({
  title: companion.appliedTitle,
  description: companion.appliedDescription,
  color: companion.appliedColor,
  avatarHash: companion.appliedAvatarHash,
  ownerId: companion.appliedOwnerId,
  managerIds: companion.appliedManagerIds,
  memberIds: companion.appliedMemberIds,
});

/** Of a chat nothing is believed. */
export const NOTHING_APPLIED = {
  appliedTitle: null,
  appliedDescription: null,
  appliedColor: null,
  appliedAvatarHash: null,
  appliedOwnerId: null,
  appliedManagerIds: [],
  appliedMemberIds: [],
} satisfies CompanionData;

/** What was applied, as far as the chat itself tells: what a person changed by hand is drift, and repaired. */
export function knownState(companion: CompanionContext, live: BotChat): CompanionState {
  const applied = appliedState(companion);
  const managers = live.managers.map(Number);
  return {
    ...applied,
    title: live.title,
    ownerId: live.owner === String(companion.bot.botId) ? null : Number(live.owner),
    managerIds: managers.filter((id) => [...applied.managerIds, ...companion.managerUserIds].includes(id)),
  };
}

/** `laterMs`: everything but the hand-over, because what is wanted is about to change; look again after so long. */
export interface AppliedCompanion {
  applied: CompanionData;
  laterMs: number | undefined;
}

/**
 * Returns what is applied now. What the portal does not let the bot do is recorded, not retried. `laterBy` is asked
 * before the owner is set, which ends what the bot may do.
 */
export async function applyCompanion(
  companion: CompanionContext,
  live: BotChat,
  chat: ChatRef,
  bots: Bots,
  laterBy: () => Promise<number | undefined>,
): Promise<AppliedCompanion> {
  const wanted = wantedState(companion);
  const known = knownState(companion, live);
  const plan = planCompanion(wanted, known, companion.unusableUserIds);
  const work: Work = { plan, wanted, companion, chat, bots, troubles: [] };
  const owns = live.owner === chat.botId;
  await openTextField(work, live);
  const members = await applyMembers(work);
  const applied: CompanionData = {
    appliedTitle: known.title,
    appliedOwnerId: known.ownerId,
    appliedManagerIds: [...known.managerIds],
    ...members.applied,
  };
  if (owns) Object.assign(applied, await applyManagers(work, members.present));
  else if (plan.addManagers.length + plan.removeManagers.length > 0) work.troubles.push(notOwner(chat));
  Object.assign(applied, await applyAppearance(work, owns));
  const laterMs = owns && plan.handOverTo !== undefined ? await laterBy() : undefined;
  if (laterMs === undefined && (plan.handOverTo !== undefined || plan.takesBack)) {
    Object.assign(applied, owns ? await handOver(work, members.present) : cannotHandOver(work));
  }
  return { applied: { ...applied, ...told(work) }, laterMs };
}

function told({ troubles, companion }: Work): CompanionData {
  const picture = companion.avatar === null ? undefined : imageTrouble(companion.avatar);
  if (picture) troubles.push(picture);
  const details = [...new Set(troubles.map(({ detail }) => detail))];
  return { lastError: troubles[0]?.code ?? null, lastErrorDetail: details.length > 0 ? details.join('; ') : null };
}

/** Does it, or notes why it cannot be done. Whatever may work later is thrown. `what`: is named where a right is missing. */
async function tryTo({ troubles }: Work, step: () => Promise<void>, what?: string): Promise<boolean> {
  try {
    await step();
    return true;
  } catch (error) {
    if (!(error instanceof DeliveryError) || error.verdict !== 'refused' || isAboutBot(error)) throw error;
    const code = ['ACCESS_DENIED', 'IM_ERROR_KICK'].includes(error.code) ? 'not_owner' : error.code;
    const subject = what !== undefined && code === 'not_owner' ? `${what}: ` : '';
    troubles.push({ code, detail: `${subject}${withoutCode(error)}` });
    return false;
  }
}

/** The bot or the chat itself is in question: no matter of one step. */
const isAboutBot = ({ code }: DeliveryError): boolean =>
  ['BOT_NOT_FOUND', 'BOT_OWNERSHIP_ERROR', 'BOT_ID_ERROR', 'APP_ID_ERROR', 'CHAT_NOT_FOUND'].includes(code);

export const withoutCode = ({ code, message }: DeliveryError): string =>
  message.startsWith(`${code}: `) ? message.slice(code.length + 2) : message;

const notOwner = ({ chatId }: ChatRef): Trouble => ({
  code: 'not_owner',
  detail: `the bot does not own chat ${chatId}: its owner can do it, or make the bot the owner again`,
});

/** Closed by us when it was archived; now it is wanted again. */
async function openTextField(work: Work, live: BotChat): Promise<void> {
  if (work.companion.archivedAt === null || live.textFieldEnabled) return;
  await tryTo(work, () => work.bots.setTextField({ ...work.chat, enabled: true }));
}

/** So many members a portal lists; of a bigger chat nobody can say who is not in it. */
export const LISTED = 400;

/** The members the chat has afterwards. */
async function applyMembers(work: Work): Promise<{ present: readonly number[]; applied: CompanionData }> {
  const { plan, wanted, chat, bots, companion } = work;
  if (plan.addMembers.length + plan.removeMembers.length === 0) {
    return { present: companion.appliedMemberIds, applied: {} };
  }
  let present = (await bots.listMembers(chat)).map(Number);
  const absent = plan.addMembers.filter((id) => !present.includes(id));
  if (absent.length > 0) {
    await tryTo(work, () => bots.addMembers({ ...chat, userIds: absent.map(String) }));
    // User.add says yes even when it added nobody (contract imbot §7.1).
    present = (await bots.listMembers(chat)).map(Number);
    if (present.length >= LISTED) present.push(...absent);
  }
  const leaving = plan.removeMembers.filter((id) => present.includes(id));
  for (const id of leaving) {
    if (await tryTo(work, () => bots.removeMember({ ...chat, userId: String(id) }))) {
      present = present.filter((other) => other !== id);
    }
  }
  const concerned = [...wanted.memberIds, ...plan.removeMembers];
  return {
    present,
    applied: {
      appliedMemberIds: concerned.filter((id) => present.includes(id)),
      unusableUserIds: wanted.memberIds.filter((id) => !present.includes(id)),
    },
  };
}

async function applyManagers(work: Work, present: readonly number[]): Promise<CompanionData> {
  const { plan, wanted, chat, bots } = work;
  const add = plan.addManagers.filter((id) => present.includes(id));
  if (add.length > 0) await tryTo(work, () => bots.addManagers({ ...chat, userIds: add.map(String) }));
  // Who left the chat is no manager of it any more; the deprecated API refuses to hear of them.
  const remove = plan.removeManagers.filter((id) => present.includes(id));
  if (remove.length > 0) await tryTo(work, () => bots.removeManagers({ ...chat, userIds: remove.map(String) }));
  return { appliedManagerIds: wanted.managerIds.filter((id) => present.includes(id)) };
}

/** The deprecated methods change one thing at a time: what is refused does not keep the rest from being done. */
async function applyAppearance(work: Work, owns: boolean): Promise<CompanionData> {
  const { plan, companion, chat, bots } = work;
  const { avatar, ...rest } = plan.change;
  const change: ChatChange = { ...rest, ...(avatar && companion.avatar ? { avatar: companion.avatar } : {}) };
  const isWhole = owns && bots.generation === 'v2';
  const applied: CompanionData = {};
  for (const part of isWhole && Object.keys(change).length > 0 ? [change] : partsOf(change)) {
    const changed = { ...chat, ...part };
    const send = () => (owns ? bots.updateChat(changed) : bots.updateChatAsMember(changed));
    const done = await tryTo(work, send, Object.keys(part).join(', '));
    if (done) Object.assign(applied, appliedBy(part, work.wanted));
  }
  return applied;
}

/** The description last: the least portals let it be changed. */
const partsOf = ({ description, ...visible }: ChatChange): ChatChange[] =>
  Object.entries({ ...visible, ...(description === undefined ? {} : { description }) }).map(([name, value]) => ({
    [name]: value,
  }));

const appliedBy = (change: ChatChange, wanted: CompanionState): CompanionData => ({
  ...(change.title === undefined ? {} : { appliedTitle: wanted.title }),
  ...(change.description === undefined ? {} : { appliedDescription: wanted.description }),
  ...(change.color === undefined ? {} : { appliedColor: wanted.color }),
  ...(change.avatar === undefined ? {} : { appliedAvatarHash: wanted.avatarHash }),
});

/** Chat.setOwner checks nobody: only an active member gets the chat, as a manager first (contract imbot §19.4). */
async function handOver(work: Work, present: readonly number[]): Promise<CompanionData> {
  const { plan, chat, bots, troubles } = work;
  const target = plan.handOverTo;
  if (target === undefined) return {};
  const members = present.includes(target) ? present : (await bots.listMembers(chat)).map(Number);
  if (!members.includes(target)) {
    troubles.push({ code: 'owner_not_member', detail: `user ${target} is not an active employee the portal adds` });
    return {};
  }
  const done = await tryTo(work, async () => {
    await bots.addManagers({ ...chat, userIds: [String(target)] });
    await bots.setOwner({ ...chat, userId: String(target) });
  });
  if (!done) return {};
  const state = await bots.getChat(chat);
  const owner = typeof state === 'string' ? undefined : Number(state.owner);
  if (owner !== target) throw new DeliveryError({ verdict: 'retry', code: 'owner_unchanged', detail: chat.chatId });
  return { appliedOwnerId: target };
}

function cannotHandOver({ troubles, chat }: Work): CompanionData {
  troubles.push(notOwner(chat));
  return {};
}
