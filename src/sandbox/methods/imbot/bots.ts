import type { Hit, Portal } from '../../hit.ts';
import { users, type UserRow } from '../../users.ts';
import { notify } from './notify.ts';
import { bots, chats, eventsOf, type BotRow, type ChatRow } from './tables.ts';

export const DEFAULT_POSITION = 'Chat bot';

export type BotProfile = Pick<UserRow, 'name' | 'lastName' | 'workPosition' | 'gender' | 'avatarUrl'>;
export type NewBot = Omit<BotRow, 'id' | 'countMessage' | 'countChat' | 'countUser'>;

/** The id of the bot is the id of its portal user (contract imbot §5.1). */
export function createBot(portal: Portal, bot: NewBot, profile: BotProfile): BotRow {
  const row: BotRow = { ...bot, id: portal.nextId('user'), countMessage: 0, countChat: 0, countUser: 0 };
  users(portal).put(row.id, { ...profile, id: row.id, kind: 'bot', active: true, admin: false });
  bots(portal).put(row.id, row);
  return row;
}

export function changeBot(portal: Portal, id: number, change: Partial<BotRow>): BotRow {
  const row = bots(portal).get(id);
  if (!row) throw new Error(`No bot ${id}`);
  const next = { ...row, ...change };
  bots(portal).put(id, next);
  return next;
}

export function changeProfile(portal: Portal, id: number, change: Partial<BotProfile>): void {
  const user = users(portal).get(id);
  if (user) users(portal).put(id, { ...user, ...change });
}

/** A member came into a chat or went out of it; of people nobody keeps count. */
export function countMembership(portal: Portal, userId: number, type: ChatRow['type'], by: 1 | -1): void {
  const bot = bots(portal).get(userId);
  if (!bot) return;
  const [countChat, countUser] =
    type === 'P' ? [bot.countChat, bot.countUser + by] : [bot.countChat + by, bot.countUser];
  bots(portal).put(userId, { ...bot, countChat, countUser });
}

export function botByCode(portal: Portal, code: string): BotRow | undefined {
  return bots(portal)
    .values()
    .find((bot) => bot.code === code);
}

export function botsOf(portal: Portal, appId: string): BotRow[] {
  return bots(portal)
    .values()
    .filter((bot) => bot.appId === appId);
}

/** Its chats stay and lose a member; the owner they name is nobody any more (contract imbot §5.5). */
export function removeBot(hit: Hit, bot: BotRow): void {
  notify(hit, bot, 'DELETE', { v2: {}, legacy: {} });
  forgetBot(hit.portal, bot);
}

/** Bots go with their application; it hears nothing of that any more. */
export function forgetBotsOf(portal: Portal, appId: string): void {
  for (const bot of botsOf(portal, appId)) forgetBot(portal, bot);
}

function forgetBot(portal: Portal, bot: BotRow): void {
  bots(portal).delete(bot.id);
  users(portal).delete(bot.id);
  dropEvents(portal, bot.id);
  for (const chat of chats(portal).values()) {
    if (!chat.members.some(({ userId }) => userId === bot.id)) continue;
    chats(portal).put(chat.id, { ...chat, members: chat.members.filter(({ userId }) => userId !== bot.id) });
  }
}

export function dropEvents(portal: Portal, botId: number): void {
  for (const event of eventsOf(portal, botId).values()) eventsOf(portal, botId).delete(event.id);
}
