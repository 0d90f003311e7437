import { setTimeout as sleep } from 'node:timers/promises';
import type { Sql } from '../db/database.ts';
import type { Clock } from '../kit/clock.ts';
import { DeliveryError } from '../kit/errors.ts';
import * as statements from './statements.ts';

/** A request bucket: `burst` requests at once, then `perSecond`. Undefined: no limit. */
export interface Rate {
  burst: number;
  perSecond: number;
}

export interface TakeOptions {
  signal?: AbortSignal;
  maxWaitMs?: number;
  /** For whoever looks whether the cause of a block is gone. What an administrator paused stays paused. */
  evenBlocked?: boolean;
}

export interface Blocked {
  gateId: string;
  reason: string;
  /** This one included. */
  rechecks: number;
}

/** The request bucket of one portal (or messenger), one row shared by every process. */
export interface Gate {
  /** Waits until a request may go out. @throws DeliveryError `blocked` when nothing passes, `retry` when it takes too long. */
  take(gateId: string, options?: TakeOptions): Promise<void>;
  /** The request that was paid for did not happen. */
  giveBack(gateId: string): Promise<void>;
  /** Empties the bucket for so long: somebody was too fast. */
  pauseFor(gateId: string, ms: number): Promise<void>;
  /** Nothing passes for so long, or until the cause is found to be gone. */
  block(gateId: string, ms: number, reason: string): Promise<void>;
  /**
   * Blocked gates, by the start of their keys, of which it is time to find out whether the cause is gone: half a minute
   * after the block, and less and less often. Each is given to one caller of all processes.
   */
  dueRechecks(keyPrefix: string): Promise<Blocked[]>;
  /** `reason`: only if that is still why. Returns whether it was blocked. */
  unblock(gateId: string, reason?: string | null): Promise<boolean>;
}

const MAX_WAIT_MS = 30_000;
const SHORTEST_SLEEP_MS = 20;

/** Requests of the bucket that are left alone, and how much slower than the limit: arrival jitters by milliseconds. */
const SPARE_REQUESTS = 2;
const SLOWER_BY = 1.01;

/** Columns of a gate with this rate: GCRA with a tolerance of burst - 1 requests, a little below what is allowed. */
export function gateColumns(rate: Rate | undefined): { stepMs: number; burstMs: number } {
  if (!rate) return { stepMs: 0, burstMs: 0 };
  const stepMs = Math.ceil((1000 / rate.perSecond) * SLOWER_BY);
  const burst = Math.max(1, rate.burst - SPARE_REQUESTS);
  return { stepMs, burstMs: stepMs * (burst - 1) };
}

/** The process stops, or the lane is somebody else's: nothing was asked of anybody, so no attempt is used up. */
function givenUp(cause: unknown): never {
  const detail = 'given up while it waited for the request bucket';
  throw new DeliveryError({ verdict: 'retry', code: 'aborted', detail, limited: true, retryAfterMs: 0, cause });
}

export function createGate(deps: { sql: Sql; clock?: Clock }): Gate {
  const at = (): Date | null => (deps.clock ? new Date(deps.clock.now()) : null);

  return {
    async take(gateId, { signal, maxWaitMs = MAX_WAIT_MS, evenBlocked = false } = {}) {
      for (let waitedMs = 0; ;) {
        const [row] = await deps.sql.rows<{ taken: boolean; blocked: boolean; reason: string | null; afterMs: number }>(
          statements.TAKE_TOKEN,
          gateId,
          at(),
          evenBlocked,
        );
        if (row?.taken) return;
        if (!row || row.blocked) {
          const detail = row?.reason ?? 'nothing passes until it is resumed';
          throw new DeliveryError({ verdict: 'blocked', code: 'gate_closed', detail });
        }
        const waitMs = Math.max(SHORTEST_SLEEP_MS, row.afterMs);
        if (waitedMs + waitMs > maxWaitMs) {
          throw new DeliveryError({ verdict: 'retry', code: 'gate_busy', detail: 'the request bucket is used up' });
        }
        await sleep(waitMs, undefined, signal ? { signal } : undefined).catch(givenUp);
        waitedMs += waitMs;
      }
    },
    async giveBack(gateId) {
      await deps.sql.rows(statements.GIVE_BACK, gateId);
    },
    async pauseFor(gateId, ms) {
      await deps.sql.rows(
        `update gate set tat = greatest(tat, coalesce($3::timestamptz, clock_timestamp())
           + (burst_ms + $2::int) * interval '1 ms') where id = $1::bigint`,
        gateId,
        Math.ceil(ms),
        at(),
      );
    },
    async block(gateId, ms, reason) {
      await deps.sql.rows(statements.BLOCK, gateId, ms, reason, at());
    },
    dueRechecks: (keyPrefix) => deps.sql.rows<Blocked>(statements.CLAIM_RECHECKS, keyPrefix, at()),
    async unblock(gateId, reason = null) {
      return (await deps.sql.rows(statements.UNBLOCK, gateId, reason)).length > 0;
    },
  };
}
