import { setTimeout as sleep } from 'node:timers/promises';
import type { NewJob } from '../../outbox/job.ts';
import type { Administration } from './deps.ts';

/** Work on the portal usually takes a moment: whoever asked for it is told how it ended, if it ends soon. */

const PATIENCE_MS = 5_000;
const EVERY_MS = 50;

async function until<T>(
  { settleWithinMs = PATIENCE_MS }: Pick<Administration, 'settleWithinMs'>,
  read: () => Promise<T>,
  isSettled: (value: T) => boolean,
): Promise<T> {
  const deadline = performance.now() + settleWithinMs;
  for (;;) {
    const value = await read();
    if (isSettled(value) || performance.now() >= deadline) return value;
    await sleep(EVERY_MS);
  }
}

/** The row once its state has left `pending`, or as it is after 5 seconds; null when it was deleted meanwhile. */
export const settled = <Row extends { state: string }>(
  deps: Pick<Administration, 'settleWithinMs'>,
  read: () => Promise<Row | null>,
): Promise<Row | null> => until(deps, read, (row) => row?.state !== 'pending');

/** $1 gate, $2 key of the lane. */
const LANE_HAS_WORK = `
select 1 as found from lane l join job j on j.lane_id = l.id and j.state in ('waiting', 'running')
where l.gate_id = $1::bigint and l.key = $2 limit 1`;

/** Whether everything queued in the lane of this job is over. */
export const isOver = (deps: Pick<Administration, 'db' | 'settleWithinMs'>, job: NewJob): Promise<boolean> =>
  until(
    deps,
    async () => (await deps.db.sql.rows(LANE_HAS_WORK, job.gateId, job.lane)).length === 0,
    (over) => over,
  );
