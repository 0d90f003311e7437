import { isSet, toInt, toText, upperKeys, type Params } from '../../../php/values.ts';
import { refuse } from '../../../refusal.ts';
import type { Method, MethodCall } from '../../method.ts';
import { botsOf } from '../bots.ts';
import { tokenIdentity } from '../identity.ts';
import { bots, chats, type BotRow, type ChatRow } from '../tables.ts';

/** A call with its parameter names folded, as the deprecated methods read them (contract imbot §11). */
export interface LegacyCall {
  readonly call: MethodCall;
  readonly params: Params;
}

export function legacyMethod(name: string, run: (legacy: LegacyCall) => unknown): Method {
  const folded = (call: MethodCall) => run({ call, params: upperKeys(call.params) });
  return { name: `imbot.${name}`, scopes: ['imbot'], run: folded };
}

export function legacyIdentity({ call, params }: LegacyCall): string {
  if (call.application) return call.application.clientId;
  const identity = tokenIdentity(toText(params.CLIENT_ID));
  if (identity === '') refuse('ACCESS_DENIED', 'Access denied! Client ID not specified', { status: 403 });
  return identity;
}

/** Without BOT_ID the first bot of the caller. Comes after the errors of all parameters (contract imbot §11). */
export function legacyBot(legacy: LegacyCall): BotRow {
  const identity = legacyIdentity(legacy);
  if (isSet(legacy.params.BOT_ID)) return namedBot(legacy);
  return botsOf(legacy.call.portal, identity)[0] ?? refuseBot();
}

export function namedBot(legacy: LegacyCall): BotRow {
  const identity = legacyIdentity(legacy);
  const bot = bots(legacy.call.portal).get(toInt(legacy.params.BOT_ID)) ?? refuseBot();
  if (bot.appId !== identity) refuse('APP_ID_ERROR', 'Bot was installed by another rest application');
  return bot;
}

function refuseBot(): never {
  refuse('BOT_ID_ERROR', 'Bot not found');
}

/** CHAT_ID, or DIALOG_ID in its group form. */
export function legacyChatId({ params }: LegacyCall): number {
  if (isSet(params.DIALOG_ID)) return groupId(params.DIALOG_ID) ?? refuseDialog();
  const chatId = toInt(params.CHAT_ID);
  return chatId > 0 ? chatId : refuse('CHAT_ID_EMPTY', "Chat ID can't be empty");
}

export function groupId(dialogId: unknown): number | undefined {
  const id = /^chat([1-9]\d*)$/.exec(toText(dialogId))?.[1];
  return id === undefined ? undefined : Number(id);
}

export function refuseDialog(): never {
  refuse('DIALOG_ID_EMPTY', "Dialog ID can't be empty");
}

export function legacyUserId({ params }: LegacyCall): number {
  const userId = toInt(params.USER_ID);
  return userId > 0 ? userId : refuse('USER_ID_EMPTY', "User ID can't be empty");
}

export function groupChat({ call }: LegacyCall, chatId: number): ChatRow | undefined {
  const chat = chats(call.portal).get(chatId);
  return chat?.type === 'P' ? undefined : chat;
}

export function refuseRequest(description: string): never {
  refuse('WRONG_REQUEST', description);
}

/** "Y" is the only yes of the deprecated methods. */
export function isYes(value: unknown): boolean {
  return value === 'Y' || value === true;
}
