import { setTimeout as sleep } from 'node:timers/promises';
import { isDatabaseGone } from '../db/database.ts';
import { DeliveryError } from '../kit/errors.ts';
import { type Ending, type ExecuteDeps, LaneLost } from './attempt.ts';
import type { Job } from './job.ts';
import type { Settlement } from './outbox.ts';
import { decide } from './retryPolicy.ts';

/** How the ending of an attempt becomes durable: one transaction for state, attempt and job. */

const COMMIT_RETRY_AFTER_MS = 500;
const COMMIT_PATIENCE_MS = 120_000;

export type Written = Settlement['outcome'] | 'lost';

export interface Finished {
  job: Job;
  settlement: Settlement;
  work: Ending['commit'];
}

/** Writes the ending. Returns what was written: the outcome, or why it was not. */
export async function commit({ job, settlement, work }: Finished, deps: ExecuteDeps): Promise<Written> {
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

/** Many endings in one transaction; one by one where that fails, so that one of them does not spoil the others. */
export async function commitTogether(finished: readonly Finished[], deps: ExecuteDeps): Promise<Written[]> {
  if (finished.length > 1) {
    try {
      await deps.outbox.transaction(async (tx) => {
        for (const { work } of finished) await work?.(tx);
        const settlements = finished.map(({ settlement }) => settlement);
        const held = await deps.outbox.settle(settlements, tx.sql);
        if (held.size < finished.length) throw new LaneLost();
      });
      return finished.map(({ settlement }) => settlement.outcome);
    } catch (error) {
      deps.log.debug('outbox.commitSplit', { jobs: finished.length, error });
    }
  }
  const written: Written[] = [];
  for (const one of finished) written.push(await commit(one, deps));
  return written;
}

export function logAttempt({ job, settlement }: Finished, written: Written, { log }: ExecuteDeps): void {
  // What needs a person is seen at a glance; everything else is the day's work.
  const level = written === 'dead' || written === 'parked' ? 'warn' : 'info';
  log[level]('job.attempted', {
    jobId: job.id,
    kind: job.kind,
    outcome: written,
    verdict: settlement.verdict,
    code: settlement.code,
    attempts: job.attempts,
    durationMs: settlement.durationMs,
    requestId: job.requestId,
    portalId: job.portalId,
    conversationId: job.conversationId,
  });
}
