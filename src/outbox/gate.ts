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

/** The request bucket of one portal (or messenger), one row shared by every process. */
export interface Gate {
  /** Waits until a request may go out. @throws DeliveryError `blocked` when nothing passes, `retry` when it takes too long. */
  take(gateId: string, options?: { signal?: AbortSignal; maxWaitMs?: number }): Promise<void>;
  /** The request that was paid for did not happen. */
  giveBack(gateId: string): Promise<void>;
  /** Empties the bucket for so long: somebody was too fast. */
  pauseFor(gateId: string, ms: number): Promise<void>;
  /** Nothing passes for so long; then one job tries again. */
  block(gateId: string, ms: number, reason: string): Promise<void>;
  unblock(gateId: string): Promise<void>;
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
    async take(gateId, { signal, maxWaitMs = MAX_WAIT_MS } = {}) {
      for (let waitedMs = 0; ;) {
        const [row] = await deps.sql.rows<{ taken: boolean; blocked: boolean; reason: string | null; afterMs: number }>(
          statements.TAKE_TOKEN,
          gateId,
          at(),
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
      await deps.sql.rows(
        `update gate set blocked_reason = $3, blocked_until = coalesce($4::timestamptz, clock_timestamp())
           + $2::float8 * interval '1 ms' where id = $1::bigint`,
        gateId,
        ms,
        reason,
        at(),
      );
    },
    async unblock(gateId) {
      await deps.sql.rows(
        'update gate set blocked_until = null, blocked_reason = null where id = $1::bigint and blocked_reason is not null',
        gateId,
      );
    },
  };
}
