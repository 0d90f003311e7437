import type { ChatRow } from './tables.ts';

export type Role = 'none' | 'member' | 'manager' | 'owner';
export type Right = 'send' | 'extend' | 'kick' | 'rename' | 'update' | 'changeOwner' | 'changeManagers';

const RANK: Readonly<Record<Role, number>> = { none: 0, member: 1, manager: 2, owner: 3 };

/** Settings of a chat nobody touched; neither API can change them (contract imbot §3). */
const NEEDED: Readonly<Record<Exclude<Right, 'update'>, Role>> = {
  send: 'member',
  extend: 'member',
  kick: 'manager',
  rename: 'member',
  changeOwner: 'owner',
  changeManagers: 'owner',
};

/** Authorship makes an owner only of somebody who is in the chat. */
export function roleOf(chat: ChatRow, userId: number): Role {
  const member = chat.members.find((one) => one.userId === userId);
  if (!member) return 'none';
  if (chat.ownerId === userId) return 'owner';
  return member.manager ? 'manager' : 'member';
}

export function isMember(chat: ChatRow, userId: number): boolean {
  return roleOf(chat, userId) !== 'none';
}

/** Exactly CHAT, or OPEN for an open chat, is the ordinary type again; every other entity type is not (contract imbot §3). */
export function isPlain({ type, entityType }: ChatRow): boolean {
  return entityType === '' || (type === 'C' && entityType === 'CHAT') || (type === 'O' && entityType === 'OPEN');
}

export function may(chat: ChatRow, userId: number, right: Right): boolean {
  const role = roleOf(chat, userId);
  if (chat.type === 'P') return right === 'send' && role !== 'none';
  // Update does not look at the settings: the owner, and in a chat of a custom type nobody.
  if (right === 'update') return role === 'owner' && isPlain(chat);
  return RANK[role] >= RANK[NEEDED[right]];
}
