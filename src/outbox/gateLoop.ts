import { isDatabaseGone } from '../db/database.ts';
import type { LaneClass } from './job.ts';
import type { Logger } from '../kit/logger.ts';
import type { Claimed, Outbox } from './outbox.ts';

export interface GateLoopDeps {
  outbox: Outbox;
  log: Logger;
  leaseMs: number;
  /** Of this process, as the holder of bulk slots. */
  holder: string;
  /** Live jobs of one gate at the same time. */
  slots: number;
  runLive(claimed: Claimed): Promise<void>;
  runBulk(gateId: string, claimed: readonly Claimed[]): Promise<void>;
}

/** Commands of one batch request (contract platform §3.5). */
const MOST_BULK = 50;
const FEWEST_BULK = 5;
/** A portal that works longer than this on a batch gets a smaller one, so that live work is not held up behind it. */
const SLOW_BULK_MS = 4_000;
/** However much live work there is, bulk work gets a turn this often. */
const BULK_TURN_MS = 10_000;
const AFTER_ERROR_MS = 1_000;

/** Drains one gate: each has its own loop and its own slots, so a slow portal delays nobody else. */
export class GateLoop {
  readonly #gateId: string;
  readonly #deps: GateLoopDeps;
  readonly #live = new Set<Promise<void>>();
  /** Lanes under way: never claimed a second time by whoever knows that they are, whatever the clock says of leases. */
  readonly #held = new Set<string>();
  #bulk: Promise<void> | undefined;
  #bulkSize = MOST_BULK;
  #bulkServedAt = Date.now();
  /** Until then only a full party goes: a request of its own for every few jobs would use the bucket up. */
  #bulkFullUntil = 0;
  #woken = false;
  #draining: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #stopping = false;

  constructor(gateId: string, deps: GateLoopDeps) {
    this.#gateId = gateId;
    this.#deps = deps;
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

  /** Claims nothing more; resolves when everything under way is settled. */
  async stop(): Promise<void> {
    this.#stopping = true;
    clearTimeout(this.#timer);
    await this.#draining;
    await Promise.all([...this.#live, this.#bulk]);
  }

  async #drain(): Promise<void> {
    try {
      while (!this.#stopping) {
        this.#woken = false;
        if (this.#live.size >= this.#deps.slots) await Promise.race(this.#live);
        else if (!(await this.#claim()) && !this.#woken) break;
      }
      if (!this.#stopping) await this.#sleepUntilDue();
    } catch (error) {
      const level = isDatabaseGone(error) ? 'debug' : 'error';
      this.#deps.log[level]('worker.drainFailed', { gateId: this.#gateId, error });
      this.#woken = false;
      this.#wakeAfter(AFTER_ERROR_MS);
    }
  }

  /** Live work first, unless bulk work has waited for its turn too long. Returns whether anything was claimed. */
  async #claim(): Promise<boolean> {
    const isBulksTurn = Date.now() - this.#bulkServedAt > BULK_TURN_MS;
    if (isBulksTurn && (await this.#claimBulk()) > 0) return true;
    const room = this.#deps.slots - this.#live.size;
    const live = await this.#claimLive(room);
    const bulk = isBulksTurn ? 0 : await this.#claimBulk();
    // Live work left tokens over and there was still nothing to do: nobody is waiting for a turn.
    if (bulk === 0 && live < room && !this.#bulk) this.#bulkServedAt = Date.now();
    return live + bulk > 0;
  }

  async #claimLive(room: number): Promise<number> {
    const claimed = await this.#claimClass('live', room);
    for (const one of claimed) {
      const done = this.#deps.runLive(one).finally(() => {
        this.#live.delete(done);
        this.#held.delete(one.laneId);
        this.wake();
      });
      this.#live.add(done);
    }
    return claimed.length;
  }

  async #claimBulk(): Promise<number> {
    const startedAt = Date.now();
    if (this.#bulk || (startedAt < this.#bulkFullUntil && !(await this.#isPartyFull()))) return 0;
    const claimed = await this.#claimClass('bulk', this.#bulkSize);
    if (claimed.length === 0) return 0;
    this.#bulkServedAt = startedAt;
    // The first one goes at once; what little comes after it at the pace the gate allows for ever.
    this.#bulkFullUntil = startedAt + (claimed[0]?.stepMs ?? 0);
    this.#bulk = this.#deps.runBulk(this.#gateId, claimed).finally(async () => {
      this.#adapt(Date.now() - startedAt, claimed.length);
      await this.#deps.outbox.releaseBulk(this.#gateId, this.#deps.holder).catch(() => undefined);
      this.#bulk = undefined;
      for (const { laneId } of claimed) this.#held.delete(laneId);
      this.wake();
    });
    return claimed.length;
  }

  async #isPartyFull(): Promise<boolean> {
    return (await this.#deps.outbox.countDue(this.#gateId, 'bulk', this.#bulkSize)) >= this.#bulkSize;
  }

  async #claimClass(laneClass: LaneClass, limit: number): Promise<Claimed[]> {
    const { outbox, leaseMs, holder } = this.#deps;
    const except = [...this.#held];
    const claimed = await outbox.claim({ gateId: this.#gateId, class: laneClass, limit, leaseMs, holder, except });
    for (const { laneId } of claimed) this.#held.add(laneId);
    return claimed;
  }

  #adapt(tookMs: number, size: number): void {
    if (tookMs > SLOW_BULK_MS) this.#bulkSize = Math.max(FEWEST_BULK, Math.floor(size / 2));
    else if (size >= this.#bulkSize) this.#bulkSize = Math.min(MOST_BULK, this.#bulkSize * 2);
  }

  async #sleepUntilDue(): Promise<void> {
    const afterMs = await this.#deps.outbox.nextDueMs(this.#gateId, this.#deps.holder);
    if (afterMs !== undefined) this.#wakeAfter(afterMs);
  }

  #wakeAfter(ms: number): void {
    clearTimeout(this.#timer);
    // Never a tight loop over lanes that are due but held by another process, or wait for a slot of ours (which wakes).
    const pace = Math.max(5, this.#bulkFullUntil - Date.now());
    const shortest = this.#live.size > 0 || this.#bulk ? 100 : pace;
    if (!this.#stopping) this.#timer = setTimeout(() => this.wake(), Math.min(Math.max(ms, shortest), 60_000));
  }
}
