import { toInt, toText, type Params } from '../../../php/values.ts';
import { refuse } from '../../../refusal.ts';
import type { Method, MethodCall } from '../../method.ts';
import { identityOf } from '../identity.ts';
import { may, isMember, type Right } from '../roles.ts';
import { bots, chats, revisionOf, type BotRow, type ChatRow } from '../tables.ts';

/** A call in which the bot acts, not the user of the token (contract imbot §2.5). */
export interface BotCall {
  readonly call: MethodCall;
  readonly bot: BotRow;
  readonly params: Params;
  readonly revision: number;
}

/** The nesting of every "ok" of v2 (contract imbot §5.5). */
export const OK = { result: true } as const;

export const V2_PROFILES = ['cloud', 'box-rev-32'] as const;

/** A method of the bot: steps 2 to 6 of the check order come before it, binding and rights are its own (§2.2). */
export function botMethod(name: string, run: (botCall: BotCall) => unknown): Method {
  return v2Method(name, (call) => run(actAsBot(call)));
}

export function v2Method(name: string, run: (call: MethodCall) => unknown): Method {
  return { name: `imbot.v2.${name}`, scopes: ['imbot'], profiles: V2_PROFILES, run };
}

export function actAsBot(call: MethodCall, identity = requireIdentity(call)): BotCall {
  const { params, portal } = call;
  const botId = toInt(params.botId ?? params.BOT_ID);
  if (botId <= 0) refuse('BOT_ID_REQUIRED', 'botId is required');
  const bot = bots(portal).get(botId);
  if (!bot) refuse('BOT_NOT_FOUND', 'Bot not found');
  if (bot.appId !== identity) refuse('BOT_OWNERSHIP_ERROR', 'Bot was installed by another rest application');
  return { call, bot, params, revision: revisionOf(portal) };
}

export function requireIdentity(call: MethodCall, more: readonly unknown[] = []): string {
  const identity = identityOf(call, more);
  if (identity === '') {
    refuse('BOT_TOKEN_NOT_SPECIFIED', 'Bot token not specified (botToken is required for webhook auth)');
  }
  return identity;
}

/** Texts of chat errors are the code itself where the portal has no phrase (contract imbot §1.10). */
export function refuseChat(code: string): never {
  refuse(code, code);
}

/** Gone and "not yours to see" are two different answers (contract imbot §2.2 step 8, §18.15). */
export function visibleChat({ call, bot }: BotCall, chatId: number): ChatRow {
  const chat = chats(call.portal).get(chatId);
  if (!chat) refuseChat(existsElsewhere(call, chatId) ? 'ACCESS_DENIED' : 'CHAT_NOT_FOUND');
  if (chat.type !== 'O' && !isMember(chat, bot.id)) refuseChat('ACCESS_DENIED');
  return chat;
}

/** Open Channel chats share the numbers; a companion bot is in none of them. */
function existsElsewhere({ portal }: MethodCall, chatId: number): boolean {
  return portal.table<unknown>('dialogs').get(chatId) !== undefined;
}

export function requireRight({ bot }: BotCall, chat: ChatRow, right: Right): void {
  if (!may(chat, bot.id, right)) refuseChat('ACCESS_DENIED');
}

export function requireGroup(chat: ChatRow): void {
  if (chat.type === 'P') refuseChat('WRONG_MESSAGE_TYPE');
}

/** A numeric avatar is a file of the Drive, and the sandbox has no Drive (contract imbot §6.1, §6.3). */
export function requireUploadedAvatar(avatar: unknown): void {
  const text = toText(avatar);
  if (/^\d+$/.test(text)) refuse('WRONG_PARAMETER', 'Wrong file type');
}
