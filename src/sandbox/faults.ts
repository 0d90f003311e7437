import { html, json, type Answer, type Outcome } from './http/answer.ts';
import { toText, type Params } from './php/values.ts';

export interface FaultMatch {
  /** Any case; absent: every method. */
  readonly method?: string;
  /** True: only commands inside a batch; false: only calls of their own; absent: both. */
  readonly batchCommand?: boolean;
  /** Parameters the call must have, compared as text. */
  readonly params?: Params;
  /** Calls to let pass first. */
  readonly skip?: number;
  /** How often it strikes; absent: until it is removed. */
  readonly times?: number;
  /** 0 to 1; absent: always. */
  readonly probability?: number;
}

export type FaultEffect =
  /** An error body; the call is not executed. */
  | { readonly status: number; readonly code: string; readonly description?: string; readonly extra?: Params }
  /** A page of a proxy; the call is not executed. */
  | { readonly html: number; readonly body?: string }
  /** Waits, then goes on as usual. */
  | { readonly delayMs: number }
  /** The connection breaks before or after the work was done. */
  | { readonly reset: 'before' | 'after' }
  /** The work is done and nobody hears of it: cut at once, or after silence. */
  | { readonly happensButNoAnswer: true; readonly holdMs?: number }
  /** HTTP 200 and nothing in it; `executed` tells whether the work was done. */
  | { readonly emptyBody: true; readonly executed?: boolean }
  /** An answer of your own; the call is not executed. */
  | { readonly result: unknown }
  /** A batch command that leaves no entry anywhere and is not executed. */
  | { readonly noEntry: true };

export interface Fault {
  readonly match?: FaultMatch;
  readonly effect: FaultEffect;
}

export interface FaultCandidate {
  readonly method: string;
  readonly params: Params;
  readonly batchCommand: boolean;
}

export interface Faults {
  add(fault: Fault): number;
  remove(id: number): void;
  clear(): void;
  list(): { readonly id: number; readonly fault: Fault; readonly struck: number }[];
  /** The effects on this call: any number of delays, then at most one other. */
  strike(call: FaultCandidate): FaultEffect[];
}

interface Armed {
  readonly id: number;
  readonly fault: Fault;
  seen: number;
  struck: number;
}

export function createFaults(random: () => number = Math.random): Faults {
  const armed: Armed[] = [];
  let lastId = 0;

  function strikes(entry: Armed, call: FaultCandidate): boolean {
    const match = entry.fault.match ?? {};
    if (!matches(match, call)) return false;
    entry.seen += 1;
    if (entry.seen <= (match.skip ?? 0) || entry.struck >= (match.times ?? Infinity)) return false;
    if (random() >= (match.probability ?? 1)) return false;
    entry.struck += 1;
    return true;
  }

  return {
    add(fault) {
      lastId += 1;
      armed.push({ id: lastId, fault, seen: 0, struck: 0 });
      return lastId;
    },
    remove(id) {
      const at = armed.findIndex((entry) => entry.id === id);
      if (at >= 0) armed.splice(at, 1);
    },
    clear: () => void armed.splice(0),
    list: () => armed.map(({ id, fault, struck }) => ({ id, fault, struck })),
    strike(call) {
      const effects: FaultEffect[] = [];
      for (const entry of armed) {
        if (!strikes(entry, call)) continue;
        effects.push(entry.fault.effect);
        if (!('delayMs' in entry.fault.effect)) break;
      }
      return effects;
    },
  };
}

function matches(match: FaultMatch, call: FaultCandidate): boolean {
  if (match.method !== undefined && match.method.toLowerCase() !== call.method.toLowerCase()) return false;
  if (match.batchCommand !== undefined && match.batchCommand !== call.batchCommand) return false;
  return Object.entries(match.params ?? {}).every(([key, value]) => toText(call.params[key]) === toText(value));
}

/** The process may end meanwhile: whoever asked is gone then, too. */
export function wait(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms).unref());
}

export function faultBody(effect: { code: string; description?: string; extra?: Params }): Params {
  return { error: effect.code, error_description: effect.description ?? effect.code, ...effect.extra };
}

/** Runs `work` under the effects on a whole request. */
export async function underFaults(effects: FaultEffect[], work: () => Promise<Outcome>): Promise<Outcome> {
  for (const effect of effects) {
    if ('delayMs' in effect) await wait(effect.delayMs);
    else return struck(effect, work);
  }
  return work();
}

async function struck(effect: FaultEffect, work: () => Promise<Outcome>): Promise<Outcome> {
  if ('reset' in effect) {
    if (effect.reset === 'after') await work();
    return { cut: true };
  }
  if ('happensButNoAnswer' in effect) {
    await work();
    return { cut: true, ...(effect.holdMs === undefined ? {} : { holdMs: effect.holdMs }) };
  }
  if ('emptyBody' in effect && effect.executed) await work();
  return { answer: insteadOf(effect) };
}

function insteadOf(effect: FaultEffect): Answer {
  if ('code' in effect) return json(effect.status, faultBody(effect));
  if ('html' in effect) return html(effect.html, effect.body ?? `<html><body><h1>${effect.html}</h1></body></html>`);
  if ('result' in effect) return json(200, { result: effect.result });
  return { status: 200, type: 'application/json; charset=utf-8', body: '' };
}
