import type { Database } from '../db/database.ts';
import type { Clock } from '../kit/clock.ts';
import type { Logger } from '../kit/logger.ts';
import { createRounds } from '../kit/rounds.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

/** Rows of one step: small enough that nobody waits behind it. */
const STEP = 2_000;
const EVERY_MS = 10 * 60_000;
/** What is left then waits for the next round. */
const ROUND_MS = 20_000;
/** Any number that is ours: one process at a time does this. */
const LOCK = 5_307_201;

interface Rule {
  name: string;
  keepMs: number;
  /** $1 older than, $2 at most so many. Returns one row each. */
  sql: string;
}

const olderThan = (table: string, column: string, more = ''): string => `
delete from ${table} where ctid in (select ctid from ${table} where ${column} < $1::timestamptz ${more} limit $2::int)
returning 1`;

/**
 * What is forgotten, and when. Webhook events stay four times as long as repeats have to be recognised (7 days); those
 * still to be applied, and jobs that need a decision, stay until somebody decides.
 */
export const RETENTION: readonly Rule[] = [
  { name: 'finishedJobs', keepMs: 14 * DAY, sql: olderThan('finished_job', 'finished_at') },
  {
    name: 'attempts',
    keepMs: 14 * DAY,
    sql: olderThan('attempt', 'started_at', 'and not exists (select 1 from job where job.id = attempt.job_id)'),
  },
  {
    name: 'webhookEvents',
    keepMs: 30 * DAY,
    sql: olderThan('webhook_event', 'received_at', "and state <> 'accepted'"),
  },
  { name: 'portalEvents', keepMs: 30 * DAY, sql: olderThan('portal_event', 'received_at', "and state <> 'accepted'") },
  { name: 'idempotentRequests', keepMs: DAY, sql: olderThan('idempotent_request', 'created_at') },
  { name: 'auditEntries', keepMs: 365 * DAY, sql: olderThan('audit_entry', 'at') },
  { name: 'deadJobs', keepMs: 90 * DAY, sql: olderThan('job', 'created_at', "and state = 'dead'") },
  {
    // The process that took the upload died; a request ends long before.
    name: 'brokenUploads',
    keepMs: HOUR,
    sql: `with broken as (
        update run set state = 'failed', last_error = 'upload_broken', finished_at = now() where id in (
          select id from run where state = 'uploading' and created_at < $1::timestamptz limit $2::int)
        returning id),
      lines as (delete from import_line l using broken where l.run_id = broken.id)
      select 1 as broken from broken`,
  },
  { name: 'runs', keepMs: 90 * DAY, sql: olderThan('run', 'created_at', "and state in ('done', 'failed')") },
  {
    // Events that name no conversation have a lane each, used once.
    name: 'usedLanes',
    keepMs: 0,
    sql: `delete from lane where id in (select id from lane l where l.key like 'event:#%' and l.due_at is null
      and $1::timestamptz is not null and not exists (select 1 from job j where j.lane_id = l.id)
      limit $2::int for update skip locked) returning 1`,
  },
];

export interface Retention {
  start(): void;
  stop(): Promise<void>;
  /** Forgets everything that is due, in small steps. Undefined: another process is at it. */
  prune(): Promise<Record<string, number> | undefined>;
}

export function createRetention(deps: { db: Database; clock: Clock; log: Logger }): Retention {
  const { db, clock, log } = deps;
  let stopping = false;

  async function apply({ keepMs, sql }: Rule, deadline: number): Promise<number> {
    const before = new Date(clock.now() - keepMs).toISOString();
    for (let total = 0; ;) {
      const { length } = await db.sql.rows(sql, before, STEP);
      total += length;
      if (length < STEP || stopping || Date.now() > deadline) return total;
    }
  }

  async function prune(): Promise<Record<string, number> | undefined> {
    return db.transaction(async ({ sql }) => {
      // Held for as long as this transaction lives; the steps themselves commit one by one.
      const [lock] = await sql.rows<{ free: boolean }>(`select pg_try_advisory_xact_lock(${LOCK}) as free`);
      if (!lock?.free) return undefined;
      const deadline = Date.now() + ROUND_MS;
      const forgotten: Record<string, number> = {};
      for (const rule of RETENTION) forgotten[rule.name] = await apply(rule, deadline);
      return forgotten;
    });
  }

  async function round(): Promise<void> {
    try {
      const forgotten = await prune();
      if (forgotten && Object.values(forgotten).some((count) => count > 0)) log.info('retention.pruned', forgotten);
    } catch (error) {
      log.warn('retention.failed', { error });
    }
  }

  const rounds = createRounds(EVERY_MS, round);
  return {
    prune,
    start: () => rounds.start(),
    async stop() {
      stopping = true;
      await rounds.stop();
    },
  };
}
