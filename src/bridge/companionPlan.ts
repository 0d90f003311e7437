import { createHash } from 'node:crypto';

/** What separates a companion from what it shall be. Pure. */

export interface CompanionState {
  title: string | null;
  description: string | null;
  color: string | null;
  avatarHash: string | null;
  ownerId: number | null;
  managerIds: readonly number[];
  /** Everybody who shall be in it, owner and managers included, the bot not. */
  memberIds: readonly number[];
}

export interface CompanionPlan {
  addMembers: number[];
  removeMembers: number[];
  addManagers: number[];
  removeManagers: number[];
  /** Only what differs. Description and avatar are visible posts, so never sent unchanged. */
  change: { title?: string; description?: string; color?: string; avatar?: true };
  /** Last of all: afterwards the bot may change nothing any more (contract imbot trap 3). */
  handOverTo: number | undefined;
  /** The bot shall own it again: only the present owner can give it back. */
  takesBack: boolean;
}

/**
 * The owner under the channel's policy: with `bot` the bot stays the owner, so that everything stays in step, and the
 * employee becomes a manager (contract imbot §19.4).
 */
export function rolesOf(
  policy: 'bot' | 'handover',
  wish: { ownerUserId: number | null; managerUserIds: readonly number[]; memberUserIds: readonly number[] },
): Pick<CompanionState, 'ownerId' | 'managerIds' | 'memberIds'> {
  const owner = wish.ownerUserId === null ? [] : [wish.ownerUserId];
  return {
    ownerId: policy === 'bot' ? null : wish.ownerUserId,
    managerIds: policy === 'bot' ? union(wish.managerUserIds, owner) : wish.managerUserIds,
    memberIds: union(wish.memberUserIds, wish.managerUserIds, owner),
  };
}

/** `unusable`: users the portal did not add before; they are not asked for again and again. */
export function planCompanion(
  wanted: CompanionState,
  applied: CompanionState,
  unusable: readonly number[],
): CompanionPlan {
  const usable = (id: number): boolean => !unusable.includes(id);
  return {
    addMembers: without(wanted.memberIds, applied.memberIds).filter(usable),
    removeMembers: without(applied.memberIds, wanted.memberIds),
    addManagers: without(wanted.managerIds, applied.managerIds).filter(usable),
    removeManagers: without(applied.managerIds, wanted.managerIds),
    change: {
      ...(wanted.title !== null && wanted.title !== applied.title ? { title: wanted.title } : {}),
      ...(wanted.description !== null && wanted.description !== applied.description
        ? { description: wanted.description }
        : {}),
      ...(wanted.color !== null && wanted.color !== applied.color ? { color: wanted.color } : {}),
      ...(wanted.avatarHash !== null && wanted.avatarHash !== applied.avatarHash ? { avatar: true as const } : {}),
    },
    handOverTo: wanted.ownerId !== null && wanted.ownerId !== applied.ownerId ? wanted.ownerId : undefined,
    takesBack: wanted.ownerId === null && applied.ownerId !== null,
  };
}

/** Whether only the owner of the chat may do it (contract imbot §3: Update, ChangeManagers, ChangeOwner). */
export const needsOwner = (plan: CompanionPlan): boolean =>
  plan.addManagers.length > 0 ||
  plan.removeManagers.length > 0 ||
  Object.keys(plan.change).length > 0 ||
  plan.handOverTo !== undefined ||
  plan.takesBack;

export const isEmpty = (plan: CompanionPlan): boolean =>
  !needsOwner(plan) && plan.addMembers.length === 0 && plan.removeMembers.length === 0;

const without = (ids: readonly number[], others: readonly number[]): number[] =>
  ids.filter((id) => !others.includes(id));

export const hashOf = (text: string): string => createHash('sha256').update(text).digest('base64url');

export const union = (...lists: readonly (readonly number[])[]): number[] => [...new Set(lists.flat())];
