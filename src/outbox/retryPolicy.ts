import { DeliveryError } from '../kit/errors.ts';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/** First delays; after them every hour, so that the last attempt is at least 72 hours after the first. */
const FIRST_DELAYS_MS = [
  SECOND,
  3 * SECOND,
  10 * SECOND,
  30 * SECOND,
  MINUTE,
  2 * MINUTE,
  5 * MINUTE,
  10 * MINUTE,
  15 * MINUTE,
  30 * MINUTE,
];
const HOURLY_ATTEMPTS = 90;
export const MAX_ATTEMPTS = FIRST_DELAYS_MS.length + HOURLY_ATTEMPTS;
const JITTER = 0.2;

/**
 * How long a blocked portal, or a line of it, is left alone before a job tries again. Whether a portal's cause is gone
 * is looked for sooner, and without a job.
 */
export const RECHECK_PORTAL_AFTER_MS = 10 * MINUTE;
export const RECHECK_LINE_AFTER_MS = 5 * MINUTE;

export interface Decision {
  outcome: 'retry' | 'dead';
  delayMs: number;
  /** Uses up one attempt. */
  counts: boolean;
  doubt: boolean;
  /** Nothing passes this gate for so long. */
  pauseGateMs?: number;
  /** Nothing passes this gate for so long, and a person should look. */
  blockGateMs?: number;
}

/** Delay before attempt number `attempts` + 1, ms. `random` in [0, 1). */
export function backoffMs(attempts: number, random: number): number {
  const base = FIRST_DELAYS_MS[attempts - 1] ?? HOUR;
  return Math.round(base * (1 + JITTER * (random - 0.5) * 2));
}

/** What a failed attempt means for its job. Pure. */
export function decide(error: DeliveryError, attempts: number, random: number): Decision {
  const giveUp = attempts >= MAX_ATTEMPTS;
  const delayMs = Math.max(backoffMs(attempts, random), error.retryAfterMs ?? 0);
  switch (error.verdict) {
    case 'refused':
      return { outcome: 'dead', delayMs: 0, counts: true, doubt: false };
    case 'blocked':
      return error.scope === 'line'
        ? { outcome: 'retry', delayMs: RECHECK_LINE_AFTER_MS, counts: false, doubt: false }
        : { outcome: 'retry', delayMs: 0, counts: false, doubt: false, blockGateMs: RECHECK_PORTAL_AFTER_MS };
    case 'unsure':
      return { outcome: giveUp ? 'dead' : 'retry', delayMs, counts: true, doubt: true };
    case 'retry':
      if (error.throttled) {
        const pause = error.retryAfterMs ?? SECOND;
        return { outcome: 'retry', delayMs: pause, counts: false, doubt: false, pauseGateMs: pause };
      }
      if (error.limited)
        return { outcome: 'retry', delayMs: error.retryAfterMs ?? MINUTE, counts: false, doubt: false };
      return { outcome: giveUp ? 'dead' : 'retry', delayMs, counts: true, doubt: false };
  }
}
