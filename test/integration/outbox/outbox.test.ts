import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { createDatabase } from '../../../src/db/database.ts';
import { DeliveryError } from '../../../src/kit/errors.ts';
import { silentLogger } from '../../../src/kit/logger.ts';
import type { Handler, NewJob } from '../../../src/outbox/job.ts';
import { type Outbox, createOutbox } from '../../../src/outbox/outbox.ts';
import { type Wake, createWake } from '../../../src/outbox/wake.ts';
import { MAX_ATTEMPTS } from '../../../src/outbox/retryPolicy.ts';
import { type OutboxBench, createOutboxBench } from '../../support/outbox.ts';
import { until } from '../../support/until.ts';

let bench: OutboxBench;
let gateId: string;

beforeEach(async () => {
  bench = await createOutboxBench();
  gateId = await bench.addGate();
});
afterEach(() => bench.close());

const job = (lane: string, n: number | string, extra: Partial<NewJob> = {}): NewJob => ({
  gateId,
  lane,
  class: 'live',
  kind: 'note',
  payload: { n: String(n) },
  ...extra,
});

const failing = (failure: ConstructorParameters<typeof DeliveryError>[0]): DeliveryError => new DeliveryError(failure);

/** Records what ran; throws what `plan` says for the given attempt of the given job. */
function recorder(plan: (n: string, attempt: number) => DeliveryError | undefined = () => undefined): {
  ran: string[];
  handler: Handler;
} {
  const ran: string[] = [];
  return {
    ran,
    handler: {
      run(one) {
        const error = plan(one.payload.n ?? '', one.attempts);
        if (error) return Promise.reject(error);
        ran.push(one.payload.n ?? '');
        return Promise.resolve({ outcome: 'done' });
      },
    },
  };
}

const waiting = (): Promise<number> => bench.db.prisma.job.count({ where: { state: { in: ['waiting', 'running'] } } });
const drained = (): Promise<number> => until(waiting, (left) => left === 0);

test('the jobs of a lane run in the order they were enqueued, even when one is retried', async () => {
  const { ran, handler } = recorder((n, attempt) =>
    n === '2' && attempt === 1 ? failing({ verdict: 'retry', code: 'busy', detail: 'once' }) : undefined,
  );
  await bench.outbox.enqueue(Array.from({ length: 20 }, (_, n) => job('a', n)));
  bench.startWorker({ note: handler }, { random: () => 0 });
  await drained();
  expect(ran).toEqual(Array.from({ length: 20 }, (_, n) => String(n)));
});

test('a refused job is dead with its reason and does not block its lane', async () => {
  const { ran, handler } = recorder((n) =>
    n === '1' ? failing({ verdict: 'refused', code: 'ERROR_ARGUMENT', detail: 'never', status: 400 }) : undefined,
  );
  await bench.outbox.enqueue([0, 1, 2].map((n) => job('a', n)));
  bench.startWorker({ note: handler });
  await until(
    () => ran.length,
    (count) => count === 2,
  );
  expect(ran).toEqual(['0', '2']);
  const dead = await until(() => bench.db.prisma.job.findFirst({ where: { state: 'dead' } }));
  expect(dead).toMatchObject({ lastCode: 'ERROR_ARGUMENT', payload: { n: '1' } });
  const attempts = await bench.db.prisma.attempt.findMany({ where: { jobId: dead?.id ?? 0n } });
  expect(attempts).toMatchObject([{ outcome: 'refused', code: 'ERROR_ARGUMENT', status: 400 }]);
});

test('a dead job runs again, at the end of its lane, when an administrator replays it', async () => {
  let broken = true;
  const { ran, handler } = recorder((n) =>
    n === '0' && broken ? failing({ verdict: 'refused', code: 'no', detail: 'not now' }) : undefined,
  );
  await bench.outbox.enqueue([0, 1].map((n) => job('a', n)));
  bench.startWorker({ note: handler });
  const dead = await until(() => bench.db.prisma.job.findFirst({ where: { state: 'dead' } }));
  await until(() => ran.length === 1);
  broken = false;
  expect(await bench.outbox.replay([String(dead?.id)])).toEqual([String(dead?.id)]);
  await until(() => ran.length === 2);
  expect(ran).toEqual(['1', '0']);
});

test('a waiting job absorbs newer ones of its key; one that has started does not', async () => {
  const { ran, handler } = recorder();
  const rename = (n: number): NewJob => job('a', n, { coalesceKey: 'name' });
  await bench.outbox.enqueue([rename(1), rename(2)]);
  await bench.outbox.enqueue([rename(3)]);
  const [claimed] = await bench.outbox.claim({ gateId, class: 'live', limit: 10, leaseMs: 60_000, holder: 'test' });
  expect(claimed?.job?.payload).toEqual({ n: '3' });
  await bench.outbox.enqueue([rename(4)]);
  await bench.outbox.enqueue([rename(5)]);
  if (!claimed) throw new Error('nothing was claimed');
  await bench.outbox.settle([{ ...claimed, jobId: claimed.job?.id, outcome: 'done', startedAt: 0, durationMs: 0 }]);
  bench.startWorker({ note: handler });
  await drained();
  expect(ran).toEqual(['5']);
});

test('a lane that was claimed anew cannot be settled by its former holder', async () => {
  await bench.outbox.enqueue([job('a', 1)]);
  const [first] = await bench.outbox.claim({ gateId, class: 'live', limit: 1, leaseMs: 0, holder: 'test' });
  const [second] = await bench.outbox.claim({ gateId, class: 'live', limit: 1, leaseMs: 60_000, holder: 'test' });
  const settle = (claim: typeof first): Promise<Set<string>> => {
    if (!claim) throw new Error('nothing was claimed');
    return bench.outbox.settle([{ ...claim, jobId: claim.job?.id, outcome: 'done', startedAt: 0, durationMs: 0 }]);
  };
  expect([...(await settle(first))]).toEqual([]);
  expect([...(await settle(second))]).toEqual([second?.laneId]);
});

test('a job whose process died is handed to the next one as doubtful', async () => {
  await bench.outbox.enqueue([job('a', 1)]);
  const [first] = await bench.outbox.claim({ gateId, class: 'live', limit: 1, leaseMs: 0, holder: 'test' });
  expect(first?.job?.doubt).toBeUndefined();
  const [second] = await bench.outbox.claim({ gateId, class: 'live', limit: 1, leaseMs: 60_000, holder: 'test' });
  expect(second?.job?.doubt?.until).toBeGreaterThan(Date.now() + 50_000);
});

test('processes that die use up no attempts: after many deaths a failure is tried again as soon as after the first', async () => {
  await bench.outbox.enqueue([job('a', 1)]);
  const claim = (leaseMs: number) => bench.outbox.claim({ gateId, class: 'live', limit: 1, leaseMs, holder: 'test' });
  for (let death = 0; death < MAX_ATTEMPTS; death += 1) await claim(0);
  const begun: number[] = [];
  const handler: Handler = {
    run({ attempts }) {
      begun.push(attempts);
      if (begun.length > 1) return Promise.resolve({ outcome: 'done' });
      return Promise.reject(failing({ verdict: 'retry', code: 'busy', detail: 'not now' }));
    },
  };
  bench.startWorker({ note: handler });
  await drained();
  expect(begun).toEqual([1, 2]);
});

test.each(['live', 'bulk'] as const)(
  'a %s job under way is not begun again by its own process when the clock jumps over its lease',
  async (laneClass) => {
    await bench.close();
    let jumpedMs = 0;
    bench = await createOutboxBench({ clock: { now: () => Date.now() + jumpedMs } });
    gateId = await bench.addGate();
    const begun: string[] = [];
    const answers: (() => void)[] = [];
    const handler: Handler = {
      async run({ payload: { n = '' } }) {
        begun.push(n);
        if (n === 'slow') await new Promise<void>((resolve) => answers.push(resolve));
        return { outcome: 'done' };
      },
    };
    bench.startWorker({ note: handler });
    await bench.outbox.enqueue([job('a', 'slow', { class: laneClass })]);
    await until(() => begun.length === 1);
    jumpedMs = 3_600_000;
    // What comes after it in its lane waits; another lane shows that the gate was claimed from since.
    await bench.outbox.enqueue([job('a', 'after', { class: laneClass }), job('b', 'other')]);
    await until(() => begun.includes('other'));
    answers.forEach((answer) => answer());
    await drained();
    expect(begun).toEqual(['slow', 'other', 'after']);
    expect(await bench.db.prisma.attempt.count({ where: { outcome: 'done' } })).toBe(3);
  },
);

test('a lane that is claimed while it is hastened keeps its lease', async () => {
  const conversationId = '018f0000-0000-7000-8000-000000000001';
  await bench.outbox.enqueue([job('a', 1, { conversationId })]);
  // Seen while it backs off, claimed before its row can be locked.
  await bench.db.sql.rows("update lane set due_at = clock_timestamp() + interval '1 minute' returning 1 as later");
  let free = (): void => undefined;
  const isFree = new Promise<void>((resolve) => (free = resolve));
  let hold = (): void => undefined;
  const isHeld = new Promise<void>((resolve) => (hold = resolve));
  const claiming = bench.db.transaction(async ({ sql }) => {
    await sql.rows(
      "update lane set due_at = clock_timestamp() + interval '1 hour', claim_no = claim_no + 1 returning 1 as taken",
    );
    await sql.rows("update job set state = 'running', started = true returning 1 as taken");
    hold();
    await isFree;
  });
  await isHeld;
  const hastened = bench.outbox.hasten([conversationId]);
  const sql = `select 1 as waits from pg_stat_activity
    where datname = current_database() and wait_event_type = 'Lock' and query like '%update lane l set due_at%'`;
  await until(async () => (await bench.db.sql.rows(sql)).length > 0);
  free();
  await Promise.all([claiming, hastened]);
  const [lane] = await bench.db.sql.rows<{ leased: boolean }>(
    "select due_at > clock_timestamp() + interval '50 minutes' as leased from lane",
  );
  expect(lane).toEqual({ leased: true });
});

test('doubt stays until the job is done, whatever the look-ups in between come to', async () => {
  const doubts: boolean[] = [];
  const handler: Handler = {
    run(one) {
      doubts.push(one.doubt !== undefined);
      if (one.attempts === 1) throw failing({ verdict: 'unsure', code: 'timeout', detail: 'no answer' });
      if (one.attempts === 2) throw failing({ verdict: 'retry', code: 'busy', detail: 'the look-up failed' });
      return Promise.resolve({ outcome: 'done' });
    },
  };
  await bench.outbox.enqueue([job('a', 1)]);
  bench.startWorker({ note: handler }, { random: () => 0 });
  await drained();
  expect(doubts).toEqual([false, true, true]);
});

test('no more requests pass a gate than its bucket holds, with two workers as with one', async () => {
  gateId = await bench.addGate({ burst: 7, perSecond: 10 });
  const { ran, handler } = recorder();
  const paying: Handler = {
    async run(one, run) {
      await run.token();
      return handler.run(one, run);
    },
  };
  await bench.outbox.enqueue(Array.from({ length: 20 }, (_, n) => job(`lane-${n}`, n)));
  const began = Date.now();
  bench.startWorker({ note: paying });
  bench.startWorker({ note: paying });
  await drained();
  expect(ran).toHaveLength(20);
  // 5 at once, the other 15 at 10 a second.
  expect(Date.now() - began).toBeGreaterThanOrEqual(1_400);
});

test('a blocked gate uses up no attempts and lets its jobs go when it is opened again', async () => {
  let open = false;
  const { ran, handler } = recorder(() =>
    open ? undefined : failing({ verdict: 'blocked', code: 'OVERLOAD_LIMIT', detail: 'held' }),
  );
  await bench.outbox.enqueue([0, 1, 2].map((n) => job(`lane-${n}`, n)));
  bench.startWorker({ note: handler });
  await until(
    async () => (await bench.db.prisma.gate.findFirst({ where: { blockedReason: 'OVERLOAD_LIMIT' } })) !== null,
  );
  await until(
    () => bench.db.prisma.job.count({ where: { state: 'running' } }),
    (running) => running === 0,
  );
  expect(await bench.db.prisma.job.findMany()).toMatchObject([{ attempts: 0 }, { attempts: 0 }, { attempts: 0 }]);
  open = true;
  await bench.gate.unblock(gateId);
  await drained();
  expect(ran.sort()).toEqual(['0', '1', '2']);
});

test('a slow gate delays no other', async () => {
  const slowGate = gateId;
  const fastGate = await bench.addGate();
  let release = (): void => undefined;
  const held = new Promise<void>((resolve) => (release = resolve));
  const ran: string[] = [];
  const handler: Handler = {
    async run(one) {
      if (one.gateId === slowGate) await held;
      else ran.push(one.payload.n ?? '');
      return { outcome: 'done' };
    },
  };
  await bench.outbox.enqueue(Array.from({ length: 30 }, (_, n) => job(`s${n}`, n)));
  bench.startWorker({ note: handler });
  await until(
    () => bench.db.prisma.job.count({ where: { state: 'running' } }),
    (running) => running > 0,
  );
  await bench.outbox.enqueue(Array.from({ length: 30 }, (_, n) => job(`f${n}`, n, { gateId: fastGate })));
  await until(() => ran.length === 30);
  release();
  await drained();
});

/** What another process has: a connection, a wake and an outbox of its own on the same database. */
async function otherProcess(): Promise<{ wake: Wake; outbox: Outbox; stop(): Promise<void> }> {
  const [row] = await bench.db.sql.rows<{ name: string }>('select current_database() as name');
  const url = new URL(process.env.TEST_ADMIN_URL ?? '');
  url.pathname = `/${row?.name}`;
  const db = createDatabase({ url: url.href });
  const wake = createWake({ db, log: silentLogger });
  await wake.start();
  const stop = (): Promise<void> => wake.stop().then(() => db.close());
  return { wake, outbox: createOutbox({ db, wake }), stop };
}

test('a worker in another process is woken by the commit, not by the sweep', async () => {
  const { ran, handler } = recorder();
  bench.startWorker({ note: handler }, { sweepEveryMs: 60_000 });
  const other = await otherProcess();
  await other.outbox.enqueue([job('a', 1)]);
  await until(() => ran.length === 1);
  await other.stop();
});

test('who has work is told at once and once; the others are told of it, and do not tell it back', async () => {
  const other = await otherProcess();
  const heard: Record<'here' | 'there', string[]> = { here: [], there: [] };
  bench.wake.onWake((id) => void heard.here.push(id));
  other.wake.onWake((id) => void heard.there.push(id));
  bench.wake.all(['7']);
  expect(heard.here).toEqual(['7']);
  await until(() => heard.there.length === 1);
  other.wake.all(['8']);
  await until(() => heard.here.includes('8'));
  expect(heard).toEqual({ here: ['7', '8'], there: ['7', '8'] });
  await other.stop();
});

test('a listening connection that is lost comes back by itself; until then nothing waits for it', async () => {
  const heard: string[] = [];
  bench.wake.onWake((id) => void heard.push(id));
  const other = await otherProcess();
  await bench.db.sql.rows(
    `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and query ~* '^LISTEN'`,
  );
  await until(() => {
    other.wake.all(['9']);
    return heard.includes('9');
  });
  await other.stop();
});

test('after its work a gate is looked at without a lock: it is claimed only when something is due', async () => {
  const { ran, handler } = recorder();
  const asked = { claim: 0, look: 0 };
  const counting: Outbox = {
    ...bench.outbox,
    claim: (options) => (asked.claim++, bench.outbox.claim(options)),
    look: (gate, options) => (asked.look++, bench.outbox.look(gate, options)),
  };
  await bench.outbox.enqueue([job('a', 1)]);
  bench.startWorker({ note: handler }, { outbox: counting, sweepEveryMs: 60_000 });
  await until(() => ran.length === 1 && asked.look > 1);
  await drained();
  expect(asked.claim).toBe(1);
});

test('a commit that enqueues and a commit that throws are all or nothing', async () => {
  const { ran, handler } = recorder();
  await expect(
    bench.outbox.transaction(async (tx) => {
      await tx.enqueue([job('a', 'lost')]);
      throw new Error('rolled back');
    }),
  ).rejects.toThrow('rolled back');
  await bench.outbox.transaction((tx) => tx.enqueue([job('a', 'kept')]));
  bench.startWorker({ note: handler });
  await drained();
  expect(ran).toEqual(['kept']);
});

test('a bug in a handler is an attempt with doubt, never a lost job', async () => {
  const handler: Handler = {
    run(one) {
      if (one.attempts === 1) throw new TypeError('undefined is not a function');
      expect(one.doubt).toBeDefined();
      return Promise.resolve({ outcome: 'done' });
    },
  };
  await bench.outbox.enqueue([job('a', 1)]);
  bench.startWorker({ note: handler }, { random: () => 0 });
  await drained();
  expect(await bench.db.prisma.finishedJob.findMany()).toMatchObject([{ attempts: 2 }]);
});

test('a cancelled job never runs and absorbs no newer one', async () => {
  const { ran, handler } = recorder();
  const rename = (n: number): NewJob => job('a', n, { coalesceKey: 'name' });
  await bench.outbox.enqueue([rename(1)]);
  const first = await bench.db.prisma.job.findFirstOrThrow();
  expect(await bench.outbox.cancel(String(first.id), 'by an administrator')).toBe(true);
  await bench.outbox.enqueue([rename(2)]);
  bench.startWorker({ note: handler });
  await drained();
  expect(ran).toEqual(['2']);
});

test('a process that stops while a job waits for the request bucket uses up no attempt of it', async () => {
  const slow = await bench.addGate({ burst: 1, perSecond: 0.05 });
  let waits = false;
  const handler: Handler = {
    async run(_job, run) {
      await run.token();
      waits = true;
      await run.token();
      return { outcome: 'done' };
    },
  };
  await bench.outbox.enqueue([job('a', 0, { gateId: slow })]);
  const worker = bench.startWorker({ note: handler });
  await until(() => waits);
  await worker.stop({ graceMs: 0 });
  expect(await bench.db.prisma.job.findFirstOrThrow()).toMatchObject({
    state: 'waiting',
    attempts: 0,
    doubt: false,
    lastCode: 'aborted',
  });
});

test('work of many steps fails now and then and is never given up for it: attempts count from the last step that was done', async () => {
  const attempts: number[] = [];
  let step = 0;
  const handler: Handler = {
    run({ attempts: now }) {
      attempts.push(now);
      if (attempts.length % 3 !== 0) throw failing({ verdict: 'retry', code: 'busy', detail: 'now and then' });
      step += 1;
      return Promise.resolve(
        step === 3 ? { outcome: 'done' } : { outcome: 'later', afterMs: 0, reason: 'the next step', progress: true },
      );
    },
  };
  await bench.outbox.enqueue([job('a', 1)]);
  bench.startWorker({ note: handler }, { random: () => 0 });
  const soon = setInterval(() => void bench.db.sql.rows('update lane set due_at = now() where due_at > now()'), 50);
  await drained().finally(() => clearInterval(soon));
  expect(attempts).toEqual([1, 2, 3, 1, 2, 3, 1, 2, 3]);
});
