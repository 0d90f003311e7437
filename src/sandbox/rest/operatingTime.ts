import type { Clock } from '../clock.ts';
import { refuse } from '../refusal.ts';

export interface OperatingState {
  readonly operating: number;
  readonly operating_reset_at: number;
}

export interface OperatingTime {
  /** Refuses before the call when the sum already is above the limit; the call that crosses it still runs. */
  check(account: string, method: string): void;
  add(account: string, method: string, seconds: number): void;
  state(account: string, method: string): OperatingState;
}

const MINUTE_MS = 60_000;
const BUCKETS = 10;

/** Time spent per (application, method) in ten buckets of a minute (contract platform §4.3). */
export function createOperatingTime(clock: Clock, limitSeconds: number): OperatingTime {
  const spent = new Map<string, Map<number, number>>();

  function bucketsOf(account: string, method: string): Map<number, number> {
    const key = `${account} ${method}`;
    const buckets = spent.get(key) ?? new Map<number, number>();
    spent.set(key, buckets);
    const oldest = Math.floor(clock.now() / MINUTE_MS) - BUCKETS;
    for (const minute of buckets.keys()) if (minute <= oldest) buckets.delete(minute);
    return buckets;
  }

  function sum(account: string, method: string): number {
    return [...bucketsOf(account, method).values()].reduce((total, seconds) => total + seconds, 0);
  }

  return {
    check(account, method) {
      if (sum(account, method) <= limitSeconds) return;
      refuse('OPERATION_TIME_LIMIT', 'Method is blocked due to operation time limit.', { status: 429 });
    },
    add(account, method, seconds) {
      const buckets = bucketsOf(account, method);
      const minute = Math.floor(clock.now() / MINUTE_MS);
      buckets.set(minute, (buckets.get(minute) ?? 0) + seconds);
    },
    state(account, method) {
      const first = Math.min(...bucketsOf(account, method).keys(), Math.floor(clock.now() / MINUTE_MS));
      const resetAt = (first * MINUTE_MS + BUCKETS * MINUTE_MS) / 1000;
      return { operating: sum(account, method), operating_reset_at: resetAt };
    },
  };
}

/** Below this sum within one hit nothing is billed; above it all of it is (contract platform §4.3). */
const FLOOR_SECONDS = 0.1;

export interface HitMeter {
  spend(method: string, seconds: number): void;
  readonly total: number;
}

export function createHitMeter(bill: (method: string, seconds: number) => void): HitMeter {
  const sums = new Map<string, { sum: number; billed: number }>();
  let total = 0;
  return {
    spend(method, seconds) {
      total += seconds;
      const { sum, billed } = sums.get(method) ?? { sum: 0, billed: 0 };
      const next = sum + seconds;
      const due = next > FLOOR_SECONDS ? next - billed : 0;
      if (due > 0) bill(method, due);
      sums.set(method, { sum: next, billed: billed + due });
    },
    get total() {
      return total;
    },
  };
}
