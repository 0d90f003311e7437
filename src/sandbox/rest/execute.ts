import { isoSeconds } from '../clock.ts';
import type { Hit } from '../hit.ts';
import type { LedgerEntry } from '../ledger.ts';
import { isPage, type Method } from '../methods/method.ts';
import { isArray, type Params } from '../php/values.ts';
import { Refusal, refuse } from '../refusal.ts';
import type { Caller } from './caller.ts';
import type { HitMeter } from './operatingTime.ts';
import type { RestService } from './service.ts';

/** One hit of REST: a call, or a batch with all its commands. */
export interface RestHit {
  readonly service: RestService;
  readonly caller: Caller;
  readonly hit: Hit;
  readonly meter: HitMeter;
}

/** The body of the answer; `status` is the HTTP status of a call of its own. */
export interface Executed {
  readonly status: number;
  readonly body: Params;
}

/** The gates of a known method, in the portal's order (contract platform §3.4). */
export function checkGates({ service, caller }: RestHit, method: Method): void {
  if (method.scopes && !method.scopes.some((scope) => caller.scopes.includes(scope))) {
    const status = service.switches.insufficientScopeStatus;
    refuse('insufficient_scope', 'The request requires higher privileges than provided', { status });
  }
  if (!caller.user.active) refuse('authorization_error', 'Unable to authorize user', { status: 401 });
  if (caller.denied) refuse('user_access_error', 'The user does not have access to the application', { status: 403 });
  service.operating?.check(caller.account, method.name.toLowerCase());
  if (method.applicationOnly && !caller.application) {
    const problem = 'Current authorization type is denied for this method Application context required';
    refuse('WRONG_AUTH_TYPE', problem, { status: 403 });
  }
}

/** Runs a method and shapes its answer. What it throws on purpose becomes an error body. */
export async function execute(rest: RestHit, method: Method, name: string, params: Params, entry: LedgerEntry) {
  const started = performance.now();
  const startedAt = rest.service.portal.clock.now();
  try {
    checkGates(rest, method);
    entry.executed = true;
    const value = await method.run({ ...callOf(rest), method: name, params });
    spend(rest, name);
    return record(entry, { status: 200, body: shape(value, timeBlock(rest, name, startedAt, started)) });
  } catch (error) {
    if (error instanceof Refusal) entry.executed = false;
    return record(entry, errorAnswer(error));
  }
}

export function record(entry: LedgerEntry, executed: Executed): Executed {
  entry.status = executed.status;
  entry.error = typeof executed.body.error === 'string' ? executed.body.error : null;
  return executed;
}

function callOf({ caller, hit }: RestHit) {
  return { ...hit, user: caller.user, userId: caller.user.id, application: caller.application };
}

function spend({ service, meter }: RestHit, name: string): void {
  const cost = service.costOf(name);
  if (cost > 0) meter.spend(name, cost);
}

/** `total` and `next` are lifted out; an array with `error` and its text goes out unwrapped (contract platform §3.2, §3.3). */
function shape(value: unknown, time: Params): Params {
  if (isPage(value)) {
    const { items, total, next } = value;
    return { result: items, ...(next === undefined ? {} : { next }), total, time };
  }
  if (isArray(value) && value.error && value.error_description) return value;
  return { result: value === undefined ? null : value, time };
}

export function timeBlock(rest: RestHit, name: string, startedAt: number, started: number): Params {
  const { service, caller } = rest;
  const duration = (performance.now() - started) / 1000;
  return {
    start: startedAt / 1000,
    finish: startedAt / 1000 + duration,
    duration,
    processing: service.costOf(name) || duration,
    date_start: isoSeconds(startedAt),
    date_finish: isoSeconds(startedAt + duration * 1000),
    ...service.operating?.state(caller.account, name),
  };
}

export function errorAnswer(error: unknown): Executed {
  if (error instanceof Refusal) {
    return { status: error.status, body: { error: error.code, error_description: error.message, ...error.extra } };
  }
  // A mistake of the sandbox itself; the text helps whoever sees it, there is nothing to hide here.
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return { status: 500, body: { error: 'INTERNAL_SERVER_ERROR', error_description: text } };
}

export function methodNotFound(): Executed {
  return { status: 404, body: { error: 'ERROR_METHOD_NOT_FOUND', error_description: 'Method not found!' } };
}
