// HOW A METHOD IS ADDED
//
// 1. Write it as a value of type `Method` in a file of its family, e.g. methods/imbot/chat.ts:
//
//      export const chatMethods: readonly Method[] = [
//        { name: 'imbot.v2.Chat.get', scopes: ['imbot'], run: (call) => chatOf(call, call.params.dialogId) },
//      ];
//
// 2. Put the list into methods/allMethods.ts (the imbot family collects its own in methods/imbot/methods.ts, which is
//    listed there already).
//
// What `run` gets: the decoded parameters exactly as sent (JSON types, or strings from a form; without the token), the
// portal, the user and the application of the token. What it returns is the `result` of the answer, so an empty PHP
// map is written as []. Use `paged` for lists with `total` and `next`; an object with `error` and `error_description` is
// sent as it is with HTTP 200 (contract platform §3.3); to refuse, call `refuse(code, text, { status })` of refusal.ts.
// Rows live in tables: `call.portal.table<BotRow>('bots')`; one file owns a table. Numbers come from
// `call.portal.nextId('chat')`. Events go out with `call.raise({ name, data, clientId, handlerUrl })`.
//
// Before `run` the server has checked: limits, token, application active, scope, user (contract platform §3.4).
// A name that ends in `.*` answers every name with that beginning which no other method has (contract imbot §1.8).
import type { ApplicationRow } from '../oauth/applications.ts';
import type { UserRow } from '../users.ts';
import type { Hit } from '../hit.ts';
import type { Params } from '../php/values.ts';
import type { Profile } from '../portalRow.ts';

export interface MethodCall extends Hit {
  /** The name as it was called, in lower case, without suffix. */
  readonly method: string;
  readonly params: Params;
  readonly user: UserRow;
  readonly userId: number;
  /** The application of the token; null for an inbound webhook. */
  readonly application: ApplicationRow | null;
}

export interface Method {
  /** The documented spelling; look-up ignores the case. */
  readonly name: string;
  /** The caller needs one of these; none listed: everybody may call. */
  readonly scopes?: readonly string[];
  /** Refused with 403 WRONG_AUTH_TYPE for inbound webhooks. */
  readonly applicationOnly?: boolean;
  /** Portals that have it; absent: all. */
  readonly profiles?: readonly Profile[];
  readonly run: (call: MethodCall) => unknown;
}

const PAGE = Symbol('page');

export interface Page {
  readonly [PAGE]: true;
  readonly items: unknown;
  readonly total: number;
  readonly next?: number;
}

/** A list whose `total` and `next` stand beside `result` in the answer (contract platform §3.2). */
export function paged(items: unknown, total: number, next?: number): Page {
  return { [PAGE]: true, items, total, ...(next === undefined ? {} : { next }) };
}

export function isPage(value: unknown): value is Page {
  return typeof value === 'object' && value !== null && PAGE in value;
}

/** The application of a call that is only possible with one. */
export function applicationOf(call: MethodCall): ApplicationRow {
  if (!call.application) throw new Error(`${call.method} needs applicationOnly`);
  return call.application;
}
