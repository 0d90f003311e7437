import { attempt, type ExecuteDeps, fenceOf, runOf } from './attempt.ts';
import { commit, type Finished, logAttempt } from './commit.ts';
import type { Claimed } from './outbox.ts';

/** Runs the job of one claimed lane, and settles it. */
export async function execute(claimed: Claimed, signal: AbortSignal, deps: ExecuteDeps): Promise<void> {
  const startedAt = deps.clock.now();
  const { job } = claimed;
  if (!job) {
    await deps.outbox.settle([{ ...fenceOf(claimed), outcome: 'done', startedAt, durationMs: 0 }]);
    return;
  }
  const paid = claimed.stepMs > 0;
  let tokens = 0;
  const run = runOf(claimed, deps, {
    signal,
    async token() {
      if (tokens++ > 0 || !paid) await deps.gate.take(job.gateId, { signal });
    },
  });
  const ending = await attempt(job, run, deps);
  if (paid && tokens === 0) await deps.gate.giveBack(job.gateId).catch(() => undefined);
  const durationMs = Math.max(0, deps.clock.now() - startedAt);
  const settlement = { ...fenceOf(claimed), startedAt, durationMs, ...ending.settlement };
  const finished: Finished = { job, settlement, work: ending.commit };
  logAttempt(finished, await commit(finished, deps), deps);
}
