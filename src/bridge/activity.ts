import type { Database } from '../db/database.ts';
import type { Clock } from '../kit/clock.ts';
import type { Logger } from '../kit/logger.ts';

/** Throughput and backlog over the last hours, counted once per five minutes: what is shown is read from a few rows. */

export const BUCKET_MS = 5 * 60_000;
/** What is caught up with after nobody was there to count. */
const CATCH_UP_MS = 6 * 3_600_000;
const KEEP_MS = 7 * 24 * 3_600_000;
/** What commits a little late still counts. */
const LATE_MS = 5_000;
/** Counting stops here: more than that is simply very much. */
export const COUNT_UP_TO = 100_000;

export interface ActivityRow {
  at: Date;
  received: number;
  done: number;
  failed: number;
  backlog: number | null;
}

/** Jobs that are still to be done. $1 count no further than this. */
const BACKLOG = `
select count(*)::int as backlog from (
  select 1 from job where state in ('waiting', 'running') limit $1::int) s`;

/** $1 first bucket, $2 end, both on a border of five minutes or the end now. A row per bucket. */
const COUNTS = `
with b as (
  select at from generate_series($1::timestamptz, $2::timestamptz - interval '1 ms', interval '5 minutes') at),
r as (
  select date_bin('5 minutes', received_at, $1::timestamptz) as at, count(*)::int as n from webhook_event
  where received_at >= $1::timestamptz and received_at < $2::timestamptz group by 1),
a as (
  select date_bin('5 minutes', started_at, $1::timestamptz) as at,
    count(*) filter (where outcome = 'done')::int as done,
    count(*) filter (where outcome not in ('done', 'later'))::int as failed
  from attempt where started_at >= $1::timestamptz and started_at < $2::timestamptz group by 1)
select b.at, coalesce(r.n, 0) as received, coalesce(a.done, 0) as done, coalesce(a.failed, 0) as failed
from b left join r using (at) left join a using (at) order by b.at`;

export const bucketOf = (moment: number): number => Math.floor(moment / BUCKET_MS) * BUCKET_MS;

export async function countBacklog({ sql }: Database): Promise<number> {
  const [row] = await sql.rows<{ backlog: number }>(BACKLOG, COUNT_UP_TO);
  return row?.backlog ?? 0;
}

/** What happened from one moment to another; the first one is the beginning of a bucket. */
export const countActivity = ({ sql }: Database, from: number, to: number): Promise<Omit<ActivityRow, 'backlog'>[]> =>
  sql.rows(COUNTS, new Date(from), new Date(to));

/** Writes the buckets that are over and not counted yet. Several processes may try: each bucket is written once. */
export async function recordActivity(db: Database, now: number): Promise<void> {
  const end = bucketOf(now);
  const last = await db.prisma.activity.findFirst({ orderBy: { at: 'desc' } });
  const from = Math.max(last ? last.at.getTime() + BUCKET_MS : 0, end - CATCH_UP_MS);
  if (from >= end) return;
  const counted = await countActivity(db, from, end);
  const backlog = await countBacklog(db);
  const data = counted.map((row) => ({ ...row, backlog: row.at.getTime() + BUCKET_MS === end ? backlog : null }));
  await db.prisma.activity.createMany({ data, skipDuplicates: true });
  await db.prisma.activity.deleteMany({ where: { at: { lt: new Date(now - KEEP_MS) } } });
}

export interface ActivityRecord {
  start(): void;
  stop(): Promise<void>;
}

/** Counts shortly after every five minutes, for as long as the process runs. */
export function createActivityRecord(deps: { db: Database; clock: Clock; log: Logger }): ActivityRecord {
  const { db, clock, log } = deps;
  let timer: NodeJS.Timeout | undefined;
  let counting: Promise<unknown> = Promise.resolve();

  const count = (): void => {
    counting = recordActivity(db, clock.now())
      .catch((error: unknown) => log.warn('activity.failed', { error }))
      .finally(plan);
  };
  let stopped = false;
  const plan = (): void => {
    if (!stopped) timer = setTimeout(count, bucketOf(clock.now()) + BUCKET_MS + LATE_MS - clock.now());
  };

  return {
    start: count,
    async stop() {
      stopped = true;
      clearTimeout(timer);
      await counting;
    },
  };
}
