import { isDatabaseGone } from '../db/database.ts';
import { type Due, isBulkDue, isBulkWaiting, isLiveDue, untilDueMs } from './due.ts';
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
/** The longest sleep: also the net under a clock that was set back. */
const MOST_SLEEP_MS = 60_000;

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
  #isNewWork = false;
  #draining: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #stopping = false;

  constructor(gateId: string, deps: GateLoopDeps) {
    this.#gateId = gateId;
    this.#deps = deps;
  }

  /** Something new may wait here. */
  wake(): void {
    this.#isNewWork = true;
    this.#turn();
  }

  #turn(): void {
    this.#woken = true;
    if (this.#stopping || this.#draining) return;
    clearTimeout(this.#timer);
    this.#draining = this.#drain().finally(() => {
      this.#draining = undefined;
      if (this.#woken && !this.#stopping) this.#turn();
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
      // A look before it would make every message that comes in wait for one.
      if (this.#isNewWork && !this.#isBulksTurn()) await this.#claimLive();
      this.#isNewWork = false;
      while (!this.#stopping) {
        this.#woken = false;
        const due = await this.#look();
        const claimed = due ? await this.#claim(due) : 0;
        if (this.#live.size >= this.#deps.slots) await Promise.race(this.#live);
        else if (claimed === 0 && !this.#woken) return this.#sleep(due);
      }
    } catch (error) {
      const level = isDatabaseGone(error) ? 'debug' : 'error';
      this.#deps.log[level]('worker.drainFailed', { gateId: this.#gateId, error });
      this.#woken = false;
      this.#wakeAfter(AFTER_ERROR_MS);
    }
  }

  #look(): Promise<Due | undefined> {
    return this.#deps.outbox.look(this.#gateId, { holder: this.#deps.holder, party: this.#bulkSize });
  }

  /** Live work first, unless bulk work has waited for its turn too long. Returns how many were claimed. */
  async #claim(due: Due): Promise<number> {
    const isBulkFirst = this.#isBulksTurn();
    if (!this.#bulk && !isBulkWaiting(due)) this.#bulkServedAt = Date.now();
    const first = isBulkFirst ? await this.#claimBulk(due) : 0;
    if (first > 0) return first;
    const live = isLiveDue(due) ? await this.#claimLive() : 0;
    return live + (isBulkFirst ? 0 : await this.#claimBulk(due));
  }

  #isBulksTurn(): boolean {
    return Date.now() - this.#bulkServedAt > BULK_TURN_MS;
  }

  async #claimLive(): Promise<number> {
    const room = this.#deps.slots - this.#live.size;
    const claimed = room > 0 ? await this.#claimClass('live', room) : [];
    for (const one of claimed) {
      const done = this.#deps.runLive(one).finally(() => {
        this.#live.delete(done);
        this.#held.delete(one.laneId);
        this.#turn();
      });
      this.#live.add(done);
    }
    return claimed.length;
  }

  async #claimBulk(due: Due): Promise<number> {
    const startedAt = Date.now();
    const isFull = due.bulkCount >= this.#bulkSize;
    if (this.#bulk || !isBulkDue(due) || (startedAt < this.#bulkFullUntil && !isFull)) return 0;
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
      this.#turn();
    });
    return claimed.length;
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

  #sleep(due: Due | undefined): void {
    if (!due) return;
    // The party under way wakes when it is done.
    const afterMs = this.#bulk ? untilDueMs({ ...due, bulkMs: undefined }) : untilDueMs(due, this.#paceMs());
    if (afterMs === undefined) return;
    // Never a tight loop over lanes that are due but in another process's hands.
    const busy = this.#live.size > 0 || this.#bulk;
    this.#wakeAfter(afterMs > 0 ? afterMs : busy ? 100 : 5);
  }

  #paceMs(): number {
    return Math.max(0, this.#bulkFullUntil - Date.now());
  }

  #wakeAfter(ms: number): void {
    clearTimeout(this.#timer);
    if (!this.#stopping) this.#timer = setTimeout(() => this.#turn(), Math.min(Math.ceil(ms), MOST_SLEEP_MS));
  }
}
