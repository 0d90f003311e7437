import type { Hit, Portal } from '../../hit.ts';
import { cutText } from '../../php/values.ts';
import { fullName, users } from '../../users.ts';
import { announceJoin } from './announce.ts';
import { countMembership } from './bots.ts';
import { automaticColor, colorTitle } from './colors.ts';
import { postSystem } from './messages.ts';
import { isMember } from './roles.ts';
import { bots, chatPairs, chats, type ChatRow, type Member } from './tables.ts';

const TITLE_LENGTH = 255;
const NOBODY = 0;

export interface NewChat {
  readonly type: 'C' | 'O';
  readonly title: string;
  readonly description: string;
  readonly color: string | undefined;
  readonly avatar: string;
  readonly ownerId: number;
  readonly userIds: readonly number[];
  readonly entityType: string;
  readonly entityId: string;
}

/** Always inserts: not even an equal entity pair is looked at (contract imbot §6.1). */
export function addChat(hit: Hit, creatorId: number, wanted: NewChat): ChatRow {
  const { portal } = hit;
  const id = portal.nextId('chat');
  const color = wanted.color ?? automaticColor(id);
  const ownerId = users(portal).get(wanted.ownerId)?.active ? wanted.ownerId : NOBODY;
  const joining = [...new Set([creatorId, ownerId, ...wanted.userIds])].filter((userId) => mayJoin(portal, userId));
  const { type, description, avatar, entityType, entityId } = wanted;
  const row: ChatRow = {
    ...{ id, type, description, avatar, entityType, entityId },
    title: cutTitle(wanted.title) || automaticTitle(portal, color),
    color,
    ownerId,
    members: joining.map((userId) => newMember(portal, type, userId, userId === ownerId)),
    textFieldEnabled: true,
    createdAt: portal.clock.now(),
    messageCount: 0,
    lastMessageId: 0,
  };
  chats(portal).put(id, row);
  rememberPair(portal, row);
  return row;
}

/** What people see and bots hear of a new chat, in this order (contract imbot §6.1, side effects). */
export function announceChat(hit: Hit, { id }: ChatRow, creatorId: number): void {
  const { portal } = hit;
  const row = chatById(portal, id);
  if (row.entityType === '') postSystem(hit, id, `${nameOf(portal, creatorId)} created the chat`);
  const added = row.members.filter(({ userId }) => userId !== creatorId).map(({ userId }) => userId);
  if (added.length > 0) postSystem(hit, id, `${nameOf(portal, creatorId)} added ${namesOf(portal, added)}`);
  announceBots(hit, id, row.members, creatorId);
}

export function cutTitle(title: string): string {
  return cutText(title.trim(), TITLE_LENGTH);
}

/** Never the same twice, so that comparing a title with "" would loop (contract imbot §18.33). */
export function automaticTitle(portal: Portal, color: string): string {
  return `${colorTitle(color)} chat No. ${portal.nextId('chatTitle')}`;
}

export function chatById(portal: Portal, id: number): ChatRow {
  const row = chats(portal).get(id);
  if (!row) throw new Error(`No chat ${id}`);
  return row;
}

export function changeChat(portal: Portal, id: number, change: Partial<ChatRow>): ChatRow {
  const next = { ...chatById(portal, id), ...change };
  chats(portal).put(id, next);
  return next;
}

/** One of them when several have the pair. The database compares without case (contract imbot §12). */
export function chatByPair(portal: Portal, entityType: string, entityId: string): ChatRow | undefined {
  const ids = chatPairs(portal).get(pairKey(entityType, entityId)) ?? [];
  return ids.map((id) => chats(portal).get(id)).find((row) => row !== undefined);
}

function pairKey(entityType: string, entityId: string): string {
  return `${entityType}\n${entityId}`.toLowerCase();
}

function rememberPair(portal: Portal, { id, entityType, entityId }: ChatRow): void {
  if (entityType === '' && entityId === '') return;
  const key = pairKey(entityType, entityId);
  chatPairs(portal).put(key, [...(chatPairs(portal).get(key) ?? []), id]);
}

/** Dismissed people, guests, clients and strangers are left out without a word (contract imbot §6.1, §18.13). */
export function mayJoin(portal: Portal, userId: number): boolean {
  const user = users(portal).get(userId);
  return user !== undefined && user.active && (user.kind === 'employee' || user.kind === 'bot');
}

function newMember(portal: Portal, type: ChatRow['type'], userId: number, manager: boolean): Member {
  countMembership(portal, userId, type, 1);
  return { userId, manager, relationId: portal.nextId('relation') };
}

/** Adds who is not in yet and may join; returns the new ones. */
export function addMembers(hit: Hit, chatId: number, userIds: readonly number[], byUserId: number): readonly number[] {
  const { portal } = hit;
  const chat = chatById(portal, chatId);
  const fresh = [...new Set(userIds)].filter((userId) => !isMember(chat, userId) && mayJoin(portal, userId));
  if (fresh.length === 0) return fresh;
  const joined = fresh.map((userId) => newMember(portal, chat.type, userId, false));
  changeChat(portal, chatId, { members: [...chat.members, ...joined] });
  postSystem(hit, chatId, `${nameOf(portal, byUserId)} added ${namesOf(portal, fresh)}`);
  announceBots(hit, chatId, joined, byUserId);
  return fresh;
}

/** Takes a member out. A leaving owner hands the chat to some human in it, who becomes manager (contract imbot §6.5). */
export function removeMember(hit: Hit, chatId: number, userId: number, byUserId: number): void {
  const { portal } = hit;
  const chat = chatById(portal, chatId);
  const left = chat.members.filter((member) => member.userId !== userId);
  const heir = chat.ownerId === userId ? findHeir(portal, left) : undefined;
  const members = left.map((member) => (member === heir ? { ...member, manager: true } : member));
  changeChat(portal, chatId, { members, ownerId: heir?.userId ?? chat.ownerId });
  countMembership(portal, userId, chat.type, -1);
  const gone = nameOf(portal, userId);
  postSystem(
    hit,
    chatId,
    userId === byUserId ? `${gone} left the chat` : `${nameOf(portal, byUserId)} removed ${gone}`,
  );
}

/** The newest human: nobody can rely on who it is, least of all on the first who was added. */
function findHeir(portal: Portal, members: readonly Member[]): Member | undefined {
  const humans = members.filter(({ userId }) => {
    const user = users(portal).get(userId);
    return user?.active && user.kind === 'employee';
  });
  return humans.sort((left, right) => right.relationId - left.relationId)[0];
}

export function setManagers(portal: Portal, chatId: number, userIds: readonly number[], manager: boolean): void {
  const members = chatById(portal, chatId).members.map((member) =>
    userIds.includes(member.userId) ? { ...member, manager } : member,
  );
  changeChat(portal, chatId, { members });
}

/** The dialog of two; it comes into being when it is first looked at (contract imbot §1.16). */
export function privateChat(hit: Hit, botId: number, userId: number): ChatRow | undefined {
  const { portal } = hit;
  const pair = portal.table<number>('botDialogs');
  const known = pair.get(`${botId}/${userId}`);
  if (known !== undefined) return chats(portal).get(known);
  const user = users(portal).get(userId);
  if (!user?.active || userId === botId) return undefined;
  const id = portal.nextId('chat');
  const members = [botId, userId].map((one) => newMember(portal, 'P', one, false));
  chats(portal).put(id, {
    ...{ id, type: 'P', title: fullName(user), description: '', color: automaticColor(id), avatar: '' },
    ...{ ownerId: botId, members, entityType: '', entityId: '', textFieldEnabled: true },
    ...{ createdAt: portal.clock.now(), messageCount: 0, lastMessageId: 0 },
  });
  pair.put(`${botId}/${userId}`, id);
  announceBots(hit, id, members, botId);
  return chatById(portal, id);
}

function announceBots(hit: Hit, chatId: number, members: readonly Member[], byUserId: number): void {
  for (const { userId } of members) {
    const bot = bots(hit.portal).get(userId);
    if (bot) announceJoin(hit, bot, chatById(hit.portal, chatId), byUserId);
  }
}

export function nameOf(portal: Portal, userId: number): string {
  const user = users(portal).get(userId);
  return user ? fullName(user) : 'Somebody';
}

function namesOf(portal: Portal, userIds: readonly number[]): string {
  return userIds.map((userId) => nameOf(portal, userId)).join(', ');
}
