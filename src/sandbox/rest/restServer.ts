import type { Request, Response } from 'express';
import { createHit } from '../events/hit.ts';
import { underFaults } from '../faults.ts';
import { deliver, html, json, type Outcome } from '../http/answer.ts';
import type { LedgerEntry } from '../ledger.ts';
import { runBatch } from './batch.ts';
import { findCaller, type Caller } from './caller.ts';
import {
  checkGates,
  errorAnswer,
  execute,
  methodNotFound,
  record,
  timeBlock,
  type Executed,
  type RestHit,
} from './execute.ts';
import { createHitMeter } from './operatingTime.ts';
import { readRequest, type RestRequest } from './request.ts';
import type { RestService } from './service.ts';

/** The REST door of a portal: limits, faults, gates, the method, the answer, and then the events of the hit. */
export function restHandler(service: RestService) {
  return async (req: Request, res: Response): Promise<void> => {
    service.runAgents();
    const request = readRequest(req);
    const { portal, ledger, faults } = service;
    const { method, params } = request;
    const entry = ledger.open({ at: portal.clock.now(), portal: portal.memberId, method, params });
    const effects = faults.strike({ method, params, batchCommand: false });
    const events: (() => void)[] = [];
    // The request limit stands in front of everything, faults of what lies behind it included.
    const limited = !service.bucket.take(request.sourceIp);
    const outcome = limited
      ? { answer: answerOf(record(entry, overLimit())) }
      : await underFaults(effects, () => serve(service, request, entry, events));
    entry.answered = await deliver(req, res, outcome);
    finish(entry, outcome);
    for (const send of events) send();
  };
}

function answerOf({ status, body }: Executed) {
  return json(status, body);
}

function overLimit(): Executed {
  return { status: 503, body: { error: 'QUERY_LIMIT_EXCEEDED', error_description: 'Too many requests' } };
}

/** What the caller saw wins over what the method meant. */
function finish(entry: LedgerEntry, outcome: Outcome): void {
  if (!('answer' in outcome)) {
    entry.status = null;
    return;
  }
  const { status, body } = outcome.answer;
  if (entry.status === null || entry.status !== status) {
    entry.status = status;
    entry.error = /"error":"([^"]*)"/.exec(body)?.[1] ?? null;
  }
}

async function serve(
  service: RestService,
  request: RestRequest,
  entry: LedgerEntry,
  events: (() => void)[],
): Promise<Outcome> {
  try {
    return await call(service, request, entry, events);
  } catch (error) {
    return { answer: answerOf(record(entry, errorAnswer(error))) };
  }
}

async function call(
  service: RestService,
  request: RestRequest,
  entry: LedgerEntry,
  events: (() => void)[],
): Promise<Outcome> {
  const name = request.method;
  const method = service.findMethod(name);
  // An unknown name is answered before anybody looks at the token (contract platform §3.4).
  if (!method && name !== 'batch') return { answer: answerOf(record(entry, methodNotFound())) };
  const caller = findCaller(service.portal, request);
  entry.app = caller.application?.clientId ?? null;
  entry.userId = caller.user.id;
  const rest = openHit(service, caller, !method, events);
  if (!method) return batch(rest, request, entry);
  return { answer: answerOf(await execute(rest, method, name, request.params, entry)) };
}

function openHit(service: RestService, caller: Caller, isBatch: boolean, events: (() => void)[]): RestHit {
  const { hit, end } = createHit(service.portal, service.sender, caller.user.id, caller.hopsLeft);
  events.push(end);
  const whole = isBatch && service.switches.batchBilling === 'batch';
  const meter = createHitMeter((name, seconds) =>
    service.operating?.add(caller.account, whole ? 'batch' : name, seconds),
  );
  return { service, caller, hit, meter };
}

async function batch(rest: RestHit, request: RestRequest, entry: LedgerEntry): Promise<Outcome> {
  const started = performance.now();
  const startedAt = rest.service.portal.clock.now();
  checkGates(rest, { name: 'batch', run: () => null });
  entry.executed = true;
  const done = await runBatch(rest, request.params);
  if (done === 'cut') return { cut: true };
  if (done === 'timeout') return { answer: html(504, '<html><body><h1>504 Gateway Time-out</h1></body></html>') };
  const time = timeBlock(rest, 'batch', startedAt, started);
  return { answer: answerOf(record(entry, { status: 200, body: { result: done.result, time } })) };
}
