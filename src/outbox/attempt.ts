import { isDatabaseGone } from '../db/database.ts';
import { DeliveryError } from '../kit/errors.ts';
import type { Clock } from '../kit/clock.ts';
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
export class LaneLost extends Error {
  override readonly name = 'LaneLost';
}

/** What is written when an attempt ends. */
export interface Ending {
  settlement: Partial<Settlement> & Pick<Settlement, 'outcome'>;
  commit?: ((tx: OutboxTx) => Promise<void>) | undefined;
}

export const fenceOf = (claimed: Claimed): Pick<Settlement, 'laneId' | 'claimNo' | 'tail' | 'seq' | 'jobId'> => ({
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

/** What a handler may do while it runs. `token` pays at the gate. */
export const runOf = (claimed: Claimed, deps: ExecuteDeps, rest: Omit<Run, 'checkpoint'>): Run => ({
  ...rest,
  checkpoint: (work) => deps.outbox.transaction((tx) => fenced(tx, claimed, deps, () => work(tx))),
});

/** One try of a job. Never throws but when the lane was lost. */
export async function attempt(job: Job, run: Run, deps: ExecuteDeps): Promise<Ending> {
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
      const { afterMs: delayMs, reason: detail, progress = false } = result;
      const settlement = { outcome: 'retry', verdict: 'later', delayMs, counts: false, progress, detail } as const;
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
