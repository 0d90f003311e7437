import { afterEach, beforeEach, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { DeliveryError } from '../../../src/kit/errors.ts';
import type { Handler, NewJob } from '../../../src/outbox/job.ts';
import { type OutboxBench, createOutboxBench } from '../../support/outbox.ts';
import { until } from '../../support/until.ts';

let bench: OutboxBench;
beforeEach(async () => {
  bench = await createOutboxBench();
});
afterEach(() => bench.close());

const drained = async (): Promise<void> => {
  const left = (): Promise<number> => bench.db.prisma.job.count({ where: { state: { in: ['waiting', 'running'] } } });
  await until(left, (count) => count === 0, { withinMs: 50_000 });
};

/** What a portal would have seen: per lane, the numbers in the order their work was done. */
interface Ledger {
  done: Map<string, number[]>;
  handler: Handler;
}

/** Fails as `plan` says; otherwise writes into the ledger. Some work takes a moment, so that lanes overlap. */
function createLedger(plan: (lane: string, n: number, attempt: number) => 'ok' | 'retry' | 'dead'): Ledger {
  const done = new Map<string, number[]>();
  return {
    done,
    handler: {
      async run({ payload, attempts }, run) {
        const { lane = '', n = '' } = payload;
        if (Number(n) % 3 === 0) await run.token();
        const what = plan(lane, Number(n), attempts);
        if (what === 'retry') throw new DeliveryError({ verdict: 'retry', code: 'busy', detail: 'planned' });
        if (what === 'dead') throw new DeliveryError({ verdict: 'refused', code: 'no', detail: 'planned' });
        done.set(lane, [...(done.get(lane) ?? []), Number(n)]);
        return { outcome: 'done' };
      },
    },
  };
}

const job = (gateId: string, lane: string, n: number, more: Partial<NewJob> = {}): NewJob => ({
  gateId,
  lane,
  class: 'live',
  kind: 'work',
  payload: { lane, n: String(n) },
  ...more,
});

test('many producers and three workers: everything once, in order, and no deadlock', async () => {
  const gates = [await bench.addGate(), await bench.addGate({ burst: 500, perSecond: 500 })];
  const lanes = 20;
  const perLane = 60;
  const ledger = createLedger((lane, n, attempt) =>
    (n * 7 + lane.length) % 20 === 0 && attempt === 1 ? 'retry' : 'ok',
  );
  const workers = [1, 2, 3].map(() =>
    bench.startWorker({ work: ledger.handler }, { random: () => 0, sweepEveryMs: 100 }),
  );
  expect(workers).toHaveLength(3);
  // Every producer enqueues for all lanes at once, in an order of its own: unordered locks would deadlock here.
  const produce = async (from: number): Promise<void> => {
    for (let n = from; n < perLane; n += 4) {
      const all = Array.from({ length: lanes }, (_, lane) => job(gates[lane % 2] ?? '', `lane-${lane}`, n));
      await bench.outbox.enqueue(from % 2 === 0 ? all : all.reverse());
    }
  };
  await Promise.all([0, 1, 2, 3].map(produce));
  await drained();
  expect(ledger.done.size).toBe(lanes);
  for (const numbers of ledger.done.values()) {
    expect([...numbers].sort((a, b) => a - b)).toEqual(Array.from({ length: perLane }, (_, n) => n));
    // Each producer's own numbers keep their order.
    for (const from of [0, 1, 2, 3]) {
      const own = numbers.filter((n) => n % 4 === from);
      expect(own).toEqual([...own].sort((a, b) => a - b));
    }
  }
}, 60_000);

test('whatever fails and however often, each lane keeps its order and loses nothing', async () => {
  const steps = fc.constantFrom('ok' as const, 'ok' as const, 'ok' as const, 'retry' as const, 'dead' as const);
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(steps, { minLength: 1, maxLength: 6 }), { minLength: 1, maxLength: 5 }),
      async (schedule) => {
        const gateId = await bench.addGate();
        const planOf = (lane: string, n: number): 'ok' | 'retry' | 'dead' => schedule[Number(lane)]?.[n] ?? 'ok';
        const ledger = createLedger((lane, n, attempt) => {
          const planned = planOf(lane, n);
          return planned === 'retry' && attempt > 1 ? 'ok' : planned;
        });
        const worker = bench.startWorker({ work: ledger.handler }, { random: () => 0, sweepEveryMs: 100 });
        await bench.outbox.enqueue(
          schedule.flatMap((lane, index) => lane.map((_, n) => job(gateId, String(index), n))),
        );
        const retries = schedule.flat().filter((step) => step === 'retry').length;
        await drained();
        await worker.stop();
        schedule.forEach((lane, index) => {
          const expected = lane.flatMap((step, n) => (step === 'dead' ? [] : [n]));
          expect(ledger.done.get(String(index)) ?? []).toEqual(expected);
        });
        const attempts = await bench.db.prisma.attempt.count({ where: { outcome: 'retry' } });
        expect(attempts).toBeGreaterThanOrEqual(retries);
      },
    ),
    { numRuns: 6 },
  );
}, 60_000);

test('bulk jobs claimed together share one token, and none runs while another process holds the slot', async () => {
  const gateId = await bench.addGate({ burst: 5, perSecond: 1 });
  const bulk = (n: number): NewJob => job(gateId, `lane-${n}`, n, { class: 'bulk' });
  await bench.outbox.enqueue(Array.from({ length: 40 }, (_, n) => bulk(n)));
  const claim = (holder: string): ReturnType<OutboxBench['outbox']['claim']> =>
    bench.outbox.claim({ gateId, class: 'bulk', limit: 20, leaseMs: 60_000, holder });
  expect(await claim('a')).toHaveLength(20);
  expect(await claim('b')).toHaveLength(0);
  await bench.outbox.releaseBulk(gateId, 'a');
  expect(await claim('b')).toHaveLength(20);
  const [row] = await bench.db.sql.rows<{ left: number }>(
    `select 1 + floor(extract(epoch from clock_timestamp() + burst_ms * interval '1 ms' - tat) * 1000 / step_ms)::int as left
     from gate where id = $1::bigint`,
    gateId,
  );
  expect(row?.left).toBe(1);
});

test('bulk work gets its turn however much live work there is', async () => {
  const gateId = await bench.addGate({ burst: 1, perSecond: 20 });
  const ledger = createLedger(() => 'ok');
  await bench.outbox.enqueue(Array.from({ length: 400 }, (_, n) => job(gateId, `live-${n}`, 1)));
  await bench.outbox.enqueue([job(gateId, 'bulk', 1, { class: 'bulk' })]);
  bench.startWorker({ work: ledger.handler });
  await until(() => ledger.done.has('bulk'), Boolean, { withinMs: 25_000 });
  expect(ledger.done.size).toBeLessThan(401);
}, 60_000);
