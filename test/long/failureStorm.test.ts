import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { calmLog } from '../../src/kit/calmLog.ts';
import { DeliveryError } from '../../src/kit/errors.ts';
import type { LogFields, Logger } from '../../src/kit/logger.ts';
import type { NewJob } from '../../src/outbox/job.ts';
import { createOutboxBench, type OutboxBench } from '../support/outbox.ts';
import { until } from '../support/until.ts';

const STORM = 10_000;

let bench: OutboxBench;
const lines: { level: string; event: string; fields: LogFields }[] = [];
const write =
  (level: string) =>
  (event: string, fields: LogFields = {}): void =>
    void lines.push({ level, event, fields });
const recorder: Logger = { error: write('error'), warn: write('warn'), info: write('info'), debug: write('debug') };

beforeAll(async () => {
  bench = await createOutboxBench();
});
afterAll(() => bench.close());

test('10,000 failing attempts write a bounded number of lines, and the lines and the summaries add up', async () => {
  const gateId = await bench.addGate();
  const jobs = Array.from({ length: STORM }, (_, n): NewJob => {
    const kind = n % 100 === 0 ? 'crash' : 'refuse';
    return { gateId, lane: `c-${n}`, class: 'bulk', kind, payload: {}, requestId: `r-${n}` };
  });
  await bench.outbox.enqueue(jobs);
  const log = calmLog(recorder);
  const handlers = {
    refuse: {
      run: () => Promise.reject(new DeliveryError({ verdict: 'refused', code: 'ACCESS_DENIED', detail: 'no' })),
    },
    crash: {
      run(): never {
        throw new Error('a bug');
      },
    },
  };
  const worker = bench.startWorker(handlers, { log });
  const attempts = (code?: string): Promise<number> =>
    bench.db.prisma.attempt.count({ where: code === undefined ? {} : { code } });
  await until(
    () => attempts(),
    (count) => count >= STORM,
    { withinMs: 50_000 },
  );
  await worker.stop();
  log.close();
  expect(linesOf('job.attempted')).toBe(await attempts());
  expect(linesOf('job.crashed')).toBe(await attempts('internal'));
  // Three sorts, twenty lines each and a summary in every window of ten seconds; the test itself ends within six.
  expect(lines.length).toBeLessThan(3 * 21 * 6);
  const errors = lines.filter(({ level }) => level === 'error');
  expect(errors.some(({ event }) => event === 'job.crashed')).toBe(true);
});

/** Lines of an event, those held back included. */
function linesOf(event: string): number {
  const written = lines.filter((line) => line.event === event).length;
  const held = lines.filter((line) => line.event === 'log.suppressed' && line.fields.of === event);
  return held.reduce((sum, { fields }) => sum + Number(fields.suppressed), written);
}
