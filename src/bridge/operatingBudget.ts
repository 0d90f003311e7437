import { operatingRoom, BULK_SHARE, OPERATING_LIMIT_S, type OperatingUse } from '../bitrix24/limits.ts';
import type { MethodUse, OperatingBudget } from '../bitrix24/portalApi.ts';
import type { Database } from '../db/database.ts';
import type { Clock } from '../kit/clock.ts';
import { DeliveryError } from '../kit/errors.ts';
import type { Logger } from '../kit/logger.ts';

/**
 * What each method of a portal has used of its operating time, in a table that all processes share (contract platform
 * §4.3). Only what comes near the limit is written: most methods never do, and their calls cost no statement.
 */

/** How long what another process learned may stay unnoticed here. */
const FRESH_MS = 2_000;
/** Below this nobody has to wait soon. */
const NOTABLE_S = (OPERATING_LIMIT_S * BULK_SHARE) / 2;
/** Where the portal does not say when the window moves on. */
const UNKNOWN_RESET_MS = 60_000;
/** Whoever refuses has counted more than we know of. */
const EXHAUSTED_S = OPERATING_LIMIT_S * 2;

interface LimitRow {
  method: string;
  operating: number;
  resetAt: Date;
}

const READ = `
select method, operating_s::float8 as operating, reset_at as "resetAt" from method_limit where portal_id = $1::uuid`;

/** The newest word counts, whoever heard it. $1 portal, $2 method, $3 seconds, $4 when the window moves on. */
const WRITE = `
insert into method_limit (portal_id, method, operating_s, reset_at) values ($1::uuid, $2, $3::float8, $4::timestamptz)
on conflict (portal_id, method) do update set operating_s = excluded.operating_s, reset_at = excluded.reset_at`;

export function createOperatingBudget(
  portalId: string,
  { db, clock, log }: { db: Database; clock: Clock; log: Logger },
): OperatingBudget {
  let known = new Map<string, Required<OperatingUse>>();
  let readAt = -Infinity;

  async function refresh(): Promise<void> {
    const now = clock.now();
    if (now - readAt < FRESH_MS) return;
    readAt = now;
    const rows = await db.sql.rows<LimitRow>(READ, portalId);
    known = new Map(
      rows.map((row) => [row.method, { operating: row.operating, operatingResetAt: row.resetAt.getTime() }]),
    );
  }

  async function write(method: string, use: Required<OperatingUse>): Promise<void> {
    known.set(method, use);
    await db.sql.rows(WRITE, portalId, method, use.operating, new Date(use.operatingResetAt));
  }

  return {
    async admit(methods) {
      await refresh();
      const now = clock.now();
      // Bulk work goes out in batches and leaves a share to live calls.
      const share = methods.length > 1 || methods[0] === 'batch' ? BULK_SHARE : 1;
      for (const method of methods) {
        const room = operatingRoom(known.get(method) ?? {}, { now, share });
        if (!room.room) throw waitFor(method, room.until - now);
      }
    },
    async used(uses: readonly MethodUse[]) {
      const now = clock.now();
      for (const { method, operating, operatingResetAt = now + UNKNOWN_RESET_MS } of uses) {
        const before = known.get(method);
        const wasNotable = before !== undefined && before.operatingResetAt > now && before.operating >= NOTABLE_S;
        if (operating >= NOTABLE_S || wasNotable) await write(method, { operating, operatingResetAt });
      }
    },
    async exhausted(method, afterMs) {
      const operatingResetAt = clock.now() + (afterMs > 0 ? afterMs : UNKNOWN_RESET_MS);
      log.warn('method.exhausted', { portalId, method, until: new Date(operatingResetAt) });
      await write(method, { operating: EXHAUSTED_S, operatingResetAt });
    },
  };
}

const waitFor = (method: string, ms: number): DeliveryError =>
  new DeliveryError({
    verdict: 'retry',
    code: 'OPERATION_TIME_LIMIT',
    detail: `the operating time of ${method} is used up`,
    retryAfterMs: Math.max(1_000, ms),
    limited: true,
  });
