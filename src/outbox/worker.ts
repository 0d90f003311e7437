import { randomUUID } from 'node:crypto';
import type { ExecuteDeps } from './attempt.ts';
import { execute } from './execute.ts';
import { executeTogether } from './executeTogether.ts';
import { GateLoop } from './gateLoop.ts';
import type { Claimed } from './outbox.ts';
import type { Wake } from './wake.ts';

export interface WorkerOptions extends ExecuteDeps {
  wake: Wake;
  /** Live jobs of one gate at the same time. */
  slotsPerGate?: number;
  sweepEveryMs?: number;
  /** Ends the requests that jobs are waiting for: called when a stop has waited long enough. */
  giveUp?: () => void;
}

export interface Worker {
  start(): void;
  /** Claims nothing more, waits for what is under way, then aborts the rest. */
  stop(options?: { graceMs?: number }): Promise<void>;
  /** Whether the last look at the database succeeded. */
  readonly healthy: boolean;
  /** Lanes this process holds now. */
  readonly held: number;
}

/** The lease outlives a missed heartbeat; a dead process's lanes are free again after it. */
export const LEASE_MS = 15_000;
const SLOTS_PER_GATE = 8;
const SWEEP_EVERY_MS = 1_000;
const STOP_GRACE_MS = 20_000;

export function createWorker(options: WorkerOptions): Worker {
  const { outbox, wake, log, leaseMs } = options;
  const holder = randomUUID();
  const loops = new Map<string, GateLoop>();
  const inFlight = new Map<string, { claimed: Claimed; abort: AbortController }>();
  const timers: NodeJS.Timeout[] = [];
  let stopping = false;
  let healthy = true;

  /** Its lease is kept as long as it runs. */
  function track(claimed: Claimed): AbortSignal {
    const abort = new AbortController();
    inFlight.set(claimed.laneId, { claimed, abort });
    return abort.signal;
  }

  async function runLive(claimed: Claimed): Promise<void> {
    try {
      await execute(claimed, track(claimed), options);
    } catch (error) {
      // The lease runs out and the job runs again; nothing is lost.
      log.warn('job.unsettled', { jobId: claimed.job?.id, kind: claimed.job?.kind, error });
    } finally {
      inFlight.delete(claimed.laneId);
    }
  }

  async function runBulk(gateId: string, claimed: readonly Claimed[]): Promise<void> {
    const signals = new Map(claimed.map((one) => [one.laneId, track(one)]));
    const never = new AbortController().signal;
    try {
      await executeTogether(gateId, claimed, ({ laneId }) => signals.get(laneId) ?? never, options);
    } catch (error) {
      log.warn('job.unsettled', { gateId, jobs: claimed.length, error });
    } finally {
      for (const { laneId } of claimed) inFlight.delete(laneId);
    }
  }

  function loopOf(gateId: string): GateLoop {
    let loop = loops.get(gateId);
    if (!loop) {
      const slots = options.slotsPerGate ?? SLOTS_PER_GATE;
      loop = new GateLoop(gateId, { outbox, log, leaseMs, holder, slots, runLive, runBulk });
      loops.set(gateId, loop);
    }
    return loop;
  }

  async function sweep(): Promise<void> {
    try {
      const gateIds = await outbox.gatesWithWork();
      healthy = true;
      for (const gateId of gateIds) loopOf(gateId).wake();
    } catch (error) {
      if (healthy) log.warn('worker.databaseGone', { error });
      healthy = false;
    }
  }

  async function heartbeat(): Promise<void> {
    if (inFlight.size === 0) return;
    const flights = [...inFlight.values()];
    const claims = flights.map((flight) => flight.claimed);
    const held = new Set(await outbox.renew(claims, leaseMs));
    await outbox.holdBulk(holder, leaseMs);
    for (const flight of flights) if (!held.has(flight.claimed.laneId)) flight.abort.abort();
  }

  wake.onWake((gateId) => {
    if (!stopping && timers.length > 0) loopOf(gateId).wake();
  });

  return {
    start() {
      const every = (ms: number, work: () => Promise<void>): void =>
        void timers.push(setInterval(() => void work().catch(() => undefined), ms));
      every(options.sweepEveryMs ?? SWEEP_EVERY_MS, sweep);
      every(leaseMs / 3, heartbeat);
      void sweep();
    },
    async stop({ graceMs = STOP_GRACE_MS } = {}) {
      stopping = true;
      const idle = Promise.all([...loops.values()].map((loop) => loop.stop()));
      const patience = setTimeout(() => {
        for (const { abort } of inFlight.values()) abort.abort();
        options.giveUp?.();
      }, graceMs);
      await idle;
      clearTimeout(patience);
      timers.splice(0).forEach((timer) => clearInterval(timer));
    },
    get healthy() {
      return healthy;
    },
    get held() {
      return inFlight.size;
    },
  };
}
