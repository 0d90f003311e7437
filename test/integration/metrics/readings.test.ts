import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { systemClock } from '../../../src/kit/clock.ts';
import { createMetrics, type Metrics } from '../../../src/metrics/metrics.ts';
import { type OutboxBench, createOutboxBench } from '../../support/outbox.ts';

let bench: OutboxBench;
beforeAll(async () => {
  bench = await createOutboxBench();
});
afterAll(() => bench.close());

/** A fresh process that looks at the database. */
async function scrape(): Promise<string> {
  const metrics: Metrics = createMetrics({ version: 'test', role: 'all' });
  metrics.read({
    sql: bench.db.sql,
    clock: systemClock,
    kinds: ['convergeName', 'deliverMessage', 'keepGrant'],
    operatingLimitS: 420,
    staleSecrets: () => Promise.resolve(0),
    lanesHeld: () => 3,
  });
  const text = await metrics.text();
  metrics.close();
  return text;
}

const valueOf = (text: string, series: string): number =>
  Number(new RegExp(`^${series.replaceAll(/[{}"]/g, '\\$&')} (\\S+)$`, 'm').exec(text)?.[1]);

const addJobs = (count: number, kind: string, state: string, age = '1 minute'): Promise<unknown> =>
  bench.db.sql.rows(
    `insert into job (lane_id, gate_id, seq, kind, payload, state, created_at)
     select 1000000000 + n + (select coalesce(max(id), 0) from job), 1, n, $1, '{"conversationId": "0190f3a0-0000"}', $2,
       now() - $3::interval from generate_series(1, $4::int) n returning 1`,
    kind,
    state,
    age,
    count,
  );

test('jobs are counted one by one where they are few, and estimated where there are many', async () => {
  await addJobs(30_000, 'convergeName', 'waiting', '2 hours');
  await addJobs(3, 'deliverMessage', 'parked');
  await addJobs(2, 'deliverMessage', 'waiting', '1 hour');
  const text = await scrape();
  expect(valueOf(text, 'ocg_jobs{kind="deliverMessage",state="parked"}')).toBe(3);
  expect(valueOf(text, 'ocg_jobs{kind="deliverMessage",state="waiting"}')).toBe(2);
  expect(valueOf(text, 'ocg_jobs{kind="keepGrant",state="dead"}')).toBe(0);
  const many = valueOf(text, 'ocg_jobs{kind="convergeName",state="waiting"}');
  expect(many).toBeGreaterThan(20_000);
  expect(many).toBeLessThan(40_000);
});

test('the oldest waiting job of a kind is found behind any number of others', async () => {
  const text = await scrape();
  const age = valueOf(text, 'ocg_job_oldest_age_seconds{kind="deliverMessage"}');
  expect(age).toBeGreaterThanOrEqual(3_600);
  expect(age).toBeLessThan(7_000);
  expect(valueOf(text, 'ocg_job_oldest_age_seconds{kind="keepGrant"}')).toBe(0);
});

test('a database that cannot be asked is a value: what the process counts itself is still shown', async () => {
  const metrics = createMetrics({ version: 'test', role: 'worker' });
  metrics.read({
    sql: { rows: () => Promise.reject(new Error('ECONNREFUSED')) },
    clock: systemClock,
    kinds: ['convergeName'],
    operatingLimitS: 420,
    staleSecrets: () => Promise.resolve(0),
    lanesHeld: () => 3,
  });
  metrics.observe('info', 'job.attempted', { kind: 'convergeName', outcome: 'retry', verdict: 'retry' });
  const text = await metrics.text();
  metrics.close();
  expect(valueOf(text, 'ocg_database_up')).toBe(0);
  expect(text).not.toMatch(/^ocg_jobs\{/m);
  expect(valueOf(text, 'ocg_lanes_held')).toBe(3);
  expect(valueOf(text, 'ocg_attempts_total{kind="convergeName",outcome="retry",verdict="retry"}')).toBe(1);
});

test('codes that others make up cannot grow the metrics without bounds', async () => {
  const metrics = createMetrics({ version: 'test', role: 'all' });
  for (let n = 0; n < 500; n++) {
    metrics.observe('debug', 'portal.called', { method: 'batch', code: `MADE_UP_${n}`, durationMs: 1 });
  }
  metrics.observe('debug', 'portal.called', { method: 'batch', code: 'Name: Anna\nBerg', durationMs: 1 });
  const text = await metrics.text();
  metrics.close();
  expect(text.match(/^ocg_portal_calls_total\{/gm)).toHaveLength(101);
  expect(valueOf(text, 'ocg_portal_calls_total{method="batch",code="other"}')).toBe(401);
  expect(text).not.toContain('Anna');
});
