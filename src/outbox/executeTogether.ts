import { attempt, type ExecuteDeps, fenceOf, runOf } from './attempt.ts';
import { commitTogether, type Finished, logAttempt } from './commit.ts';
import type { Job } from './job.ts';
import type { Claimed } from './outbox.ts';
import { createParty, type PartyHost } from './party.ts';

/** A member that has finished waits this long for others, so that they are committed with it. */
const COMMIT_WITHIN_MS = 50;

type WithJob = Claimed & { job: Job };

/**
 * Runs jobs that were claimed together: those of one kind share requests, and those that finish together share a
 * commit. The claim has paid for one request; every further one is paid for here.
 */
export async function executeTogether(
  gateId: string,
  claimed: readonly Claimed[],
  signalOf: (claimed: Claimed) => AbortSignal,
  deps: ExecuteDeps,
): Promise<void> {
  const startedAt = deps.clock.now();
  const idle = claimed.filter(({ job }) => !job);
  const members = claimed.filter((one): one is WithJob => one.job !== undefined);
  const nothing = idle.map((one) => ({ ...fenceOf(one), outcome: 'done' as const, startedAt, durationMs: 0 }));
  if (nothing.length > 0) await deps.outbox.settle(nothing);
  const paid = members.some((one) => one.stepMs > 0);
  let tokens = 0;
  const token = async (signal: AbortSignal): Promise<void> => {
    if (tokens++ > 0 || !paid) await deps.gate.take(gateId, { signal });
  };
  const oneAtATime = createMutex();
  const committer = createCommitter(members.length, deps);
  const hosts = partiesOf(members, oneAtATime);
  const runMember = async (one: WithJob): Promise<void> => {
    const signal = signalOf(one);
    const host = hosts.get(one.job.kind);
    const run = runOf(one, deps, { signal, token: () => token(signal), ...(host ? { party: host.party } : {}) });
    try {
      const ending = await attempt(one.job, run, deps).finally(() => host?.leave());
      const durationMs = Math.max(0, deps.clock.now() - startedAt);
      const settlement = { ...fenceOf(one), startedAt, durationMs, ...ending.settlement };
      await committer.add({ job: one.job, settlement, work: ending.commit });
    } catch (error) {
      committer.expectOneLess();
      // The lease runs out and the job runs again; nothing is lost.
      deps.log.warn('job.unsettled', { jobId: one.job.id, kind: one.job.kind, error });
    }
  };
  await Promise.all(members.map(runMember));
  if (paid && tokens === 0) await deps.gate.giveBack(gateId).catch(() => undefined);
}

/** Jobs of different kinds go different ways: waiting for each other would only slow them down. */
function partiesOf(
  members: readonly WithJob[],
  oneAtATime: <T>(work: () => Promise<T>) => Promise<T>,
): Map<string, PartyHost> {
  const counts = new Map<string, number>();
  for (const { job } of members) counts.set(job.kind, (counts.get(job.kind) ?? 0) + 1);
  return new Map([...counts].map(([kind, count]) => [kind, createParty(count, oneAtATime)]));
}

function createMutex(): <T>(work: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const next = last.then(work, work);
    last = next.catch(() => undefined);
    return next;
  };
}

interface Committer {
  /** Resolves when the ending is durable. */
  add(finished: Finished): Promise<void>;
  /** A member ended without anything to commit. */
  expectOneLess(): void;
}

/** Commits what has finished: at once when nobody is left to wait for, else after a moment. */
function createCommitter(members: number, deps: ExecuteDeps): Committer {
  let expected = members;
  let pending: { finished: Finished; resolve: () => void; reject: (error: unknown) => void }[] = [];
  let timer: NodeJS.Timeout | undefined;

  function flush(): void {
    clearTimeout(timer);
    timer = undefined;
    const group = pending;
    pending = [];
    expected -= group.length;
    void commitTogether(
      group.map(({ finished }) => finished),
      deps,
    ).then(
      (written) =>
        group.forEach(({ finished, resolve }, index) => {
          logAttempt(finished, written[index] ?? 'lost', deps);
          resolve();
        }),
      (error: unknown) => {
        expected += group.length; // each of them says so itself
        group.forEach(({ reject }) => reject(error));
      },
    );
  }

  return {
    add: (finished) =>
      new Promise((resolve, reject) => {
        pending.push({ finished, resolve, reject });
        if (pending.length >= expected) flush();
        else timer ??= setTimeout(flush, COMMIT_WITHIN_MS);
      }),
    expectOneLess() {
      expected--;
      if (pending.length > 0 && pending.length >= expected) flush();
    },
  };
}
