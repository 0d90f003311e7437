/**
 * The limits of a cloud portal (contract platform §4). All applications behind one address share the request bucket.
 */

export interface RequestBucket {
  /** Requests that may be sent at once. */
  burst: number;
  /** Requests the bucket drains per second. */
  perSecond: number;
}

export const PLANS = {
  standard: { burst: 50, perSecond: 2 },
  enterprise: { burst: 250, perSecond: 5 },
} as const satisfies Record<string, RequestBucket>;

/** By `LICENSE` of `app.info`, such as `ru_ent250`; the slower plan where it says nothing (§4.1). */
export const planOf = (license: string): keyof typeof PLANS => (/(^|_)ent/i.test(license) ? 'enterprise' : 'standard');

/** Seconds of execution of one method within ten minutes: 480 in the cloud, 420 where self-hosted (§4.3). */
export const OPERATING_LIMIT_S = 420;
/** What bulk work may use of it; the rest is for live messages. */
export const BULK_SHARE = 0.7;
const WINDOW_MS = 600_000;

export interface OperatingUse {
  /** Seconds used in the window, as the last answer said. */
  operating?: number;
  /** When part of it falls out of the window, milliseconds since the epoch. */
  operatingResetAt?: number;
}

/**
 * Whether a method may be called again now. Of a call that crosses the limit the portal still completes all, and
 * blocks the next (§4.3), so what remains must cover the whole next call: `neededS` seconds.
 */
export function operatingRoom(
  use: OperatingUse,
  { now, neededS = 0, share = BULK_SHARE }: { now: number; neededS?: number; share?: number },
): { room: true } | { room: false; until: number } {
  const { operating = 0, operatingResetAt } = use;
  if (operatingResetAt !== undefined && operatingResetAt <= now) return { room: true };
  if (operating + neededS <= OPERATING_LIMIT_S * share || operating === 0) return { room: true };
  return { room: false, until: operatingResetAt ?? now + WINDOW_MS / 10 };
}
