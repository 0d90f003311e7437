import { isDatabaseGone } from '../db/database.ts';
import { execute, type ExecuteDeps } from './execute.ts';
import type { LaneClass } from './job.ts';
import type { Claimed } from './outbox.ts';
import type { Wake } from './wake.ts';

export interface WorkerOptions extends ExecuteDeps {
  wake: Wake;
  /** Jobs of one gate at the same time; bulk work never takes more than half of them. */
  slotsPerGate?: number;
  sweepEveryMs?: number;
}

export interface Worker {
  start(): void;
  /** Claims nothing more, waits for what is under way, then aborts the rest. */
  stop(options?: { graceMs?: number }): Promise<void>;
  /** Whether the last look at the database succeeded. */
  readonly healthy: boolean;
}

/** The lease outlives a missed heartbeat; a dead process's lanes are free again after it. */
export const LEASE_MS = 15_000;
const SLOTS_PER_GATE = 8;
const SWEEP_EVERY_MS = 1_000;
const STOP_GRACE_MS = 20_000;
const AFTER_ERROR_MS = 1_000;

export function createWorker(options: WorkerOptions): Worker {
  const { outbox, wake, log, leaseMs } = options;
  const loops = new Map<string, GateLoop>();
  const inFlight = new Map<string, { claimed: Claimed; abort: AbortController }>();
  const timers: NodeJS.Timeout[] = [];
  let stopping = false;
  let healthy = true;

  async function run(claimed: Claimed): Promise<void> {
    const abort = new AbortController();
    inFlight.set(claimed.laneId, { claimed, abort });
    try {
      await execute(claimed, abort.signal, options);
    } catch (error) {
      // The lease runs out and the job runs again; nothing is lost.
      log.warn('job.unsettled', { jobId: claimed.job?.id, kind: claimed.job?.kind, error });
    } finally {
      inFlight.delete(claimed.laneId);
    }
  }

  function loopOf(gateId: string): GateLoop {
    let loop = loops.get(gateId);
    if (!loop) {
      loop = new GateLoop(gateId, options, run);
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
    const held = new Set(
      await outbox.renew(
        flights.map((flight) => flight.claimed),
        leaseMs,
      ),
    );
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
      }, graceMs);
      await idle;
      clearTimeout(patience);
      timers.splice(0).forEach((timer) => clearInterval(timer));
    },
    get healthy() {
      return healthy;
    },
  };
}

/** Drains one gate: each has its own loop and its own slots, so a slow portal delays nobody else. */
class GateLoop {
  readonly #gateId: string;
  readonly #options: WorkerOptions;
  readonly #run: (claimed: Claimed) => Promise<void>;
  readonly #slots: number;
  readonly #running = new Set<Promise<void>>();
  #runningBulk = 0;
  #woken = false;
  #draining: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #stopping = false;

  constructor(gateId: string, options: WorkerOptions, run: (claimed: Claimed) => Promise<void>) {
    this.#gateId = gateId;
    this.#options = options;
    this.#run = run;
    this.#slots = options.slotsPerGate ?? SLOTS_PER_GATE;
  }

  wake(): void {
    this.#woken = true;
    if (this.#stopping || this.#draining) return;
    clearTimeout(this.#timer);
    this.#draining = this.#drain().finally(() => {
      this.#draining = undefined;
      if (this.#woken && !this.#stopping) this.wake();
    });
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    clearTimeout(this.#timer);
    await this.#draining;
    await Promise.all(this.#running);
  }

  async #drain(): Promise<void> {
    try {
      while (!this.#stopping) {
        this.#woken = false;
        if (this.#running.size >= this.#slots) await Promise.race(this.#running);
        else if (!(await this.#claim()) && !this.#woken) break;
      }
      if (!this.#stopping) await this.#sleepUntilDue();
    } catch (error) {
      const level = isDatabaseGone(error) ? 'debug' : 'error';
      this.#options.log[level]('worker.drainFailed', { gateId: this.#gateId, error });
      this.#woken = false;
      this.#wakeAfter(AFTER_ERROR_MS);
    }
  }

  /** Claims live work first, bulk work with what is left. Returns whether anything was claimed. */
  async #claim(): Promise<boolean> {
    const live = await this.#claimClass('live', this.#slots - this.#running.size);
    const bulkRoom = Math.min(this.#slots - this.#running.size, Math.ceil(this.#slots / 2) - this.#runningBulk);
    const bulk = bulkRoom > 0 ? await this.#claimClass('bulk', bulkRoom) : 0;
    return live + bulk > 0;
  }

  async #claimClass(laneClass: LaneClass, limit: number): Promise<number> {
    if (limit <= 0) return 0;
    const { outbox, leaseMs } = this.#options;
    const claimed = await outbox.claim({ gateId: this.#gateId, class: laneClass, limit, leaseMs });
    for (const one of claimed) this.#start(one, laneClass);
    return claimed.length;
  }

  #start(claimed: Claimed, laneClass: LaneClass): void {
    if (laneClass === 'bulk') this.#runningBulk++;
    const done = this.#run(claimed).finally(() => {
      if (laneClass === 'bulk') this.#runningBulk--;
      this.#running.delete(done);
      this.wake();
    });
    this.#running.add(done);
  }

  async #sleepUntilDue(): Promise<void> {
    const afterMs = await this.#options.outbox.nextDueMs(this.#gateId);
    if (afterMs !== undefined) this.#wakeAfter(afterMs);
  }

  #wakeAfter(ms: number): void {
    clearTimeout(this.#timer);
    // Never a tight loop over lanes that are due but held by another process, or wait for a slot of ours (which wakes).
    const shortest = this.#running.size > 0 ? 100 : 5;
    if (!this.#stopping) this.#timer = setTimeout(() => this.wake(), Math.min(Math.max(ms, shortest), 60_000));
  }
}
