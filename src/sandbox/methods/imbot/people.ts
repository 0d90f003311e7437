import type { Hit, Portal } from '../../hit.ts';
import { refuse } from '../../refusal.ts';
import { announceMessage } from './announce.ts';
import { countMembership } from './bots.ts';
import { addMembers, changeChat, cutTitle, nameOf, removeMember, setManagers } from './chats.ts';
import { changeMessage, deleteMessage, messageById, post, postSystem } from './messages.ts';
import { isMember } from './roles.ts';
import { chats, messagesOf, type BotMessageRow, type ChatRow } from './tables.ts';

// What people do to a companion chat in the messenger of the portal. No bot event tells of most of it: a bot finds out
// by looking (contract imbot §10.1).

export function groupOf(portal: Portal, chatId: number): ChatRow {
  const chat = chats(portal).get(chatId);
  if (!chat) refuse('CHAT_NOT_FOUND', 'No such companion chat', { status: 404 });
  return chat;
}

export function personAdds(hit: Hit, chatId: number, userIds: readonly number[]): ChatRow {
  groupOf(hit.portal, chatId);
  addMembers(hit, chatId, userIds, hit.userId ?? 0);
  return groupOf(hit.portal, chatId);
}

/** Bots can be put out too; they get ACCESS_DENIED from then on. */
export function personRemoves(hit: Hit, chatId: number, userId: number): ChatRow {
  if (isMember(groupOf(hit.portal, chatId), userId)) removeMember(hit, chatId, userId, hit.userId ?? 0);
  return groupOf(hit.portal, chatId);
}

export function personDeletesChat({ portal }: Hit, chatId: number): void {
  const { members, type } = groupOf(portal, chatId);
  for (const { userId } of members) countMembership(portal, userId, type, -1);
  for (const { id } of messagesOf(portal, chatId).values()) messagesOf(portal, chatId).delete(id);
  chats(portal).delete(chatId);
}

export function personRenames(hit: Hit, chatId: number, title: string): ChatRow {
  groupOf(hit.portal, chatId);
  const row = changeChat(hit.portal, chatId, { title: cutTitle(title) });
  postSystem(hit, chatId, `${nameOf(hit.portal, hit.userId ?? 0)} changed the chat title to "${row.title}"`);
  return row;
}

/** Unlike the bot, people hand over the manager's flag with the chat (contract imbot §6.4). */
export function personHandsOver(hit: Hit, chatId: number, userId: number): ChatRow {
  const chat = groupOf(hit.portal, chatId);
  if (!isMember(chat, userId)) refuse('NOT_A_MEMBER', 'The new owner must be in the chat');
  setManagers(hit.portal, chatId, [chat.ownerId], false);
  setManagers(hit.portal, chatId, [userId], true);
  return changeChat(hit.portal, chatId, { ownerId: userId });
}

/** A disabled text field stops people (contract imbot §8.1). */
export function personWrites(hit: Hit, chatId: number, text: string): BotMessageRow {
  const chat = groupOf(hit.portal, chatId);
  const userId = hit.userId ?? 0;
  if (!isMember(chat, userId)) refuse('ACCESS_DENIED', 'Not a member of the chat');
  if (!chat.textFieldEnabled) refuse('TEXT_FIELD_DISABLED', 'The text field is disabled');
  return post(hit, { chatId, saidBy: userId, text });
}

export function personEdits(hit: Hit, messageId: number, text: string): BotMessageRow {
  const row = changeMessage(hit.portal, ownMessage(hit, messageId), { text });
  announceMessage(hit, 'MESSAGEUPDATE', groupOf(hit.portal, row.chatId), row, row.authorId);
  return row;
}

export function personErases(hit: Hit, messageId: number): void {
  const row = ownMessage(hit, messageId);
  deleteMessage(hit.portal, row, false);
  announceMessage(hit, 'MESSAGEDELETE', groupOf(hit.portal, row.chatId), row, row.authorId);
}

function ownMessage({ portal, userId }: Hit, messageId: number): BotMessageRow {
  const row = messageById(portal, messageId);
  if (!row || row.deleted) refuse('MESSAGE_NOT_FOUND', 'No such message', { status: 404 });
  if (row.authorId !== userId) refuse('ACCESS_DENIED', 'Somebody else wrote that');
  return row;
}
