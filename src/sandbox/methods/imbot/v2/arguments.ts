import { isArray, isSet, toInt, toText, type Params } from '../../../php/values.ts';
import { refuse } from '../../../refusal.ts';
import { privateChat } from '../chats.ts';
import type { BotCall } from './botCall.ts';

// Binding of arguments; its refusals carry the code "100" and come after those of the bot (contract imbot §1.9, §2.2).

function refuseMissing(name: string): never {
  refuse('100', `Could not find value for parameter {${name}}`);
}

function refuseType(name: string, value: unknown, type: string): never {
  refuse('100', `Invalid value {${toText(value)}} to match with parameter {${name}}. Should be value of type ${type}.`);
}

export function intArgument(params: Params, name: string): number {
  const value = params[name];
  if (!isSet(value)) refuseMissing(name);
  return asInt(name, value);
}

export function optionalInt(params: Params, name: string, otherwise: number): number {
  const value = params[name];
  return isSet(value) ? asInt(name, value) : otherwise;
}

function asInt(name: string, value: unknown): number {
  if (!/^\s*-?\d+\s*$/.test(toText(value))) refuseType(name, value, 'int');
  return toInt(value);
}

/** A missing list is an empty one. */
export function intListArgument(params: Params, name: string): number[] {
  const value = params[name];
  if (!isSet(value)) return [];
  if (!isArray(value)) refuseType(name, value, 'array');
  return intList(value);
}

export function intList(value: unknown): number[] {
  if (!isArray(value)) return [];
  return [...new Set(Object.values(value).map(toInt))].filter((id) => id > 0);
}

/** Only the lower-case name is read (contract imbot §1.14); a missing map is an empty one. */
export function fieldsArgument(params: Params): Params {
  const value = params.fields;
  if (!isSet(value)) return {};
  if (!isArray(value)) refuseType('fields', value, 'array');
  return value;
}

/** `add` and `register` read UPPER_SNAKE too, `update` does not (contract imbot §1.14). */
export function eitherCase(fields: Params, name: string): unknown {
  return fields[name] ?? fields[name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()];
}

/** Real booleans count only since revision 33; before that it had to be "Y" (contract imbot §1.13). */
export function isTrue(value: unknown, revision: number): boolean {
  if (revision < 33) return value === 'Y';
  return ['1', 'y', 'true'].includes(toText(value).toLowerCase());
}

/** Number of the chat meant by `dialogId` or `chatId`; whether there is such a chat is asked later. */
export function chatArgument({ call, bot, params }: BotCall): number {
  const dialogId = toText(params.dialogId);
  const group = /^chat([1-9]\d*)$/.exec(dialogId)?.[1];
  if (group !== undefined) return Number(group);
  if (/^[1-9]\d*$/.test(dialogId)) return privateChat(call, bot.id, Number(dialogId))?.id ?? 0;
  if (/^(sg[1-9]\d*|crm\|.+)$/.test(dialogId)) return 0;
  const chatId = dialogId === '' ? toInt(params.chatId) : 0;
  if (chatId > 0) return chatId;
  refuse('100', 'Could not find value to build auto wired argument {Bitrix\\Im\\V2\\Chat $chat}');
}
