import { setTimeout as sleep } from 'node:timers/promises';
import { isDatabaseGone } from '../db/database.ts';
import type { Clock } from '../kit/clock.ts';
import { DeliveryError } from '../kit/errors.ts';
import type { Logger } from '../kit/logger.ts';
import type { Gate } from './gate.ts';
import type { Failure, Handler, Job, OutboxTx, Result, Run } from './job.ts';
import type { Claimed, Outbox, Settlement } from './outbox.ts';
import { decide } from './retryPolicy.ts';

export interface ExecuteDeps {
  outbox: Outbox;
  gate: Gate;
  handlers: Readonly<Record<string, Handler>>;
  clock: Clock;
  log: Logger;
  leaseMs: number;
  random?: () => number;
}

/** The lane was claimed by another process meanwhile: whatever we found out is not ours to write. */
class LaneLost extends Error {
  override readonly name = 'LaneLost';
}

/** What is written when an attempt ends. */
interface Ending {
  settlement: Partial<Settlement> & Pick<Settlement, 'outcome'>;
  commit?: ((tx: OutboxTx) => Promise<void>) | undefined;
}

const COMMIT_RETRY_AFTER_MS = 500;
const COMMIT_PATIENCE_MS = 120_000;

/** Runs the job of one claimed lane and settles it: one transaction for state, attempt and job. */
export async function execute(claimed: Claimed, signal: AbortSignal, deps: ExecuteDeps): Promise<void> {
  const startedAt = deps.clock.now();
  const { job } = claimed;
  if (!job) {
    await deps.outbox.settle([{ ...fence(claimed), outcome: 'done', startedAt, durationMs: 0 }]);
    return;
  }
  let tokens = 0;
  const run: Run = {
    signal,
    async token() {
      if (tokens++ > 0 || !claimed.paid) await deps.gate.take(job.gateId, { signal });
    },
    checkpoint: (work) => deps.outbox.transaction((tx) => fenced(tx, claimed, deps, () => work(tx))),
  };
  const ending = await attempt(job, run, deps);
  if (claimed.paid && tokens === 0) await deps.gate.giveBack(job.gateId).catch(() => undefined);
  const times = { startedAt, durationMs: Math.max(0, deps.clock.now() - startedAt) };
  const settlement: Settlement = { ...fence(claimed), ...times, ...ending.settlement };
  const written = await commit(job, settlement, ending.commit, deps);
  deps.log.info('job.attempted', {
    jobId: job.id,
    kind: job.kind,
    outcome: written,
    verdict: settlement.verdict,
    code: settlement.code,
    attempts: job.attempts,
    durationMs: times.durationMs,
    requestId: job.requestId,
    portalId: job.portalId,
    conversationId: job.conversationId,
  });
}

const fence = (claimed: Claimed): Pick<Settlement, 'laneId' | 'claimNo' | 'tail' | 'seq' | 'jobId'> => ({
  laneId: claimed.laneId,
  claimNo: claimed.claimNo,
  tail: claimed.tail,
  seq: claimed.seq,
  jobId: claimed.job?.id,
});

async function fenced(tx: OutboxTx, claimed: Claimed, deps: ExecuteDeps, work: () => Promise<void>): Promise<void> {
  const [held] = await deps.outbox.renew([claimed], deps.leaseMs, tx.sql);
  if (held !== claimed.laneId) throw new LaneLost();
  await work();
}

async function attempt(job: Job, run: Run, deps: ExecuteDeps): Promise<Ending> {
  const handler = deps.handlers[job.kind];
  try {
    if (!handler) throw new DeliveryError({ verdict: 'refused', code: 'unknown_kind', detail: job.kind });
    return endingOf(await handler.run(job, run), job, handler);
  } catch (error) {
    if (error instanceof LaneLost) throw error;
    return endingOfError(toDeliveryError(error, job, deps.log), job, handler, deps);
  }
}

function endingOf(result: Result, job: Job, handler: Handler): Ending {
  switch (result.outcome) {
    case 'done':
      return { settlement: { outcome: 'done' }, commit: result.commit };
    case 'later': {
      const { afterMs: delayMs, reason: detail } = result;
      const settlement = { outcome: 'retry', verdict: 'later', delayMs, counts: false, detail } as const;
      return { settlement, commit: result.commit };
    }
    case 'parked': {
      const failure: Failure = { outcome: 'parked', code: result.code, detail: result.reason };
      return {
        settlement: { outcome: 'parked', code: result.code, detail: result.reason },
        commit: async (tx) => {
          await handler.failed?.(tx, job, failure);
          await result.commit?.(tx);
        },
      };
    }
  }
}

/** A thrown error that is not a delivery failure is a bug of ours; it may have struck after the call. */
function toDeliveryError(error: unknown, job: Job, log: Logger): DeliveryError {
  if (error instanceof DeliveryError) return error;
  const gone = isDatabaseGone(error);
  if (!gone) log.error('job.crashed', { jobId: job.id, kind: job.kind, requestId: job.requestId, error });
  const detail = gone ? 'the database could not be reached' : 'the gateway failed; the log tells more';
  const code = gone ? 'database_gone' : 'internal';
  return new DeliveryError({ verdict: 'unsure', code, detail, cause: error });
}

async function endingOfError(
  error: DeliveryError,
  job: Job,
  handler: Handler | undefined,
  deps: ExecuteDeps,
): Promise<Ending> {
  const decision = decide(error, job.attempts, (deps.random ?? Math.random)());
  if (decision.pauseGateMs !== undefined) await deps.gate.pauseFor(job.gateId, decision.pauseGateMs);
  if (decision.blockGateMs !== undefined && error.code !== 'gate_closed') {
    await deps.gate.block(job.gateId, decision.blockGateMs, error.code);
    deps.log.warn('gate.blocked', { gateId: job.gateId, portalId: job.portalId, code: error.code });
  }
  const { outcome, delayMs, counts, doubt } = decision;
  const { code, message: detail } = error;
  const failure: Failure = { outcome, code, detail, ...(error.verdict === 'blocked' ? { blocked: error.scope } : {}) };
  return {
    settlement: {
      outcome,
      delayMs,
      counts,
      doubt,
      code,
      detail,
      verdict: error.verdict,
      ...(error.mayRunUntil === undefined ? {} : { mayRunUntil: error.mayRunUntil }),
      ...(error.status === undefined ? {} : { status: error.status }),
    },
    commit: handler?.failed && ((tx) => handler.failed?.(tx, job, failure) ?? Promise.resolve()),
  };
}

/** Writes the ending. Returns what was written: the outcome, or why it was not. */
async function commit(
  job: Job,
  settlement: Settlement,
  work: Ending['commit'],
  deps: ExecuteDeps,
): Promise<Settlement['outcome'] | 'lost'> {
  const deadline = Date.now() + COMMIT_PATIENCE_MS;
  for (;;) {
    try {
      return (await writeOnce(settlement, work, deps)) ? settlement.outcome : 'lost';
    } catch (error) {
      if (error instanceof LaneLost) return 'lost';
      if (!isDatabaseGone(error)) return commitFailed(job, settlement, error, deps);
      if (Date.now() > deadline) throw error;
      await sleep(COMMIT_RETRY_AFTER_MS);
    }
  }
}

async function writeOnce(settlement: Settlement, work: Ending['commit'], deps: ExecuteDeps): Promise<boolean> {
  if (!work) return (await deps.outbox.settle([settlement])).has(settlement.laneId);
  await deps.outbox.transaction(async (tx) => {
    // State rows before lanes, here as everywhere: the other way round two jobs of one conversation deadlock.
    await work(tx);
    const held = await deps.outbox.settle([settlement], tx.sql);
    if (!held.has(settlement.laneId)) throw new LaneLost();
  });
  return true;
}

/** The call was made but its result could not be written: a bug, and the next attempt has to look first. */
async function commitFailed(
  job: Job,
  settlement: Settlement,
  error: unknown,
  deps: ExecuteDeps,
): Promise<'retry' | 'dead' | 'lost'> {
  deps.log.error('job.commitFailed', { jobId: job.id, kind: job.kind, requestId: job.requestId, error });
  const cause = new DeliveryError({ verdict: 'unsure', code: 'internal', detail: 'the result could not be written' });
  const { outcome, delayMs, counts, doubt } = decide(cause, job.attempts, Math.random());
  const { code, message: detail } = cause;
  const again = { ...settlement, outcome, delayMs, counts, doubt, code, detail, verdict: 'unsure' };
  return (await deps.outbox.settle([again])).has(settlement.laneId) ? outcome : 'lost';
}
