import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { type Acceptance, type Accepting, createAcceptance } from '../../../src/bridge/accept.ts';
import { silentLogger } from '../../../src/kit/logger.ts';
import type { ReceivedEvent } from '../../../src/messenger/payload.ts';
import { type OutboxBench, createOutboxBench } from '../../support/outbox.ts';

let bench: OutboxBench;
let acceptance: Acceptance;
let messenger: Accepting;

beforeEach(async () => {
  bench = await createOutboxBench();
  acceptance = createAcceptance({ db: bench.db, wake: bench.wake, log: silentLogger });
  const gateId = await bench.addGate();
  const deliveryGateId = BigInt(await bench.addGate());
  const data = { slug: 'chat', name: 'Chat', gateId: BigInt(gateId), deliveryGateId };
  const row = await bench.db.prisma.messenger.create({ data });
  messenger = { id: row.id, gateId };
});
afterEach(() => bench.close());

const renamed = (id: string, conversation: string): ReceivedEvent => ({
  id,
  event: {
    type: 'conversation.renamed',
    timestamp: '2026-11-20T10:00:00.000Z',
    data: { conversation: { id: conversation, name: id } },
  },
});
const accept = (...events: ReceivedEvent[]): ReturnType<Acceptance['accept']> =>
  acceptance.accept(messenger, events, { requestId: 'r-1' });
const stored = async (): Promise<string[]> =>
  (await bench.db.prisma.webhookEvent.findMany({ orderBy: { id: 'asc' } })).map(({ eventId }) => eventId);

test('each of many requests at once is told exactly what became of its own events', async () => {
  const answers = await Promise.all(
    Array.from({ length: 300 }, (_, n) => accept(renamed(`e-${n}`, `c-${n % 7}`), renamed(`e-${n - 1}`, 'c-1'))),
  );
  const sum = (pick: (answer: { accepted: number; duplicates: number }) => number): number =>
    answers.map(pick).reduce((a, b) => a + b, 0);
  expect(sum(({ accepted }) => accepted)).toBe(301);
  expect(sum(({ duplicates }) => duplicates)).toBe(299);
  expect(new Set(await stored()).size).toBe(301);
});

test('the events of an array are numbered in their order, a repeat within it counted once', async () => {
  const ids = ['z', 'a', 'm', 'a', 'b'];
  expect(await accept(...ids.map((id) => renamed(id, 'c-1')))).toEqual({ accepted: 4, duplicates: 1 });
  expect(await stored()).toEqual(['z', 'a', 'm', 'b']);
});

test('the events of one conversation share a job until it starts', async () => {
  await Promise.all(Array.from({ length: 50 }, (_, n) => accept(renamed(`e-${n}`, 'c-1'))));
  expect(await bench.db.prisma.job.count()).toBe(1);
  await bench.outbox.claim({ gateId: messenger.gateId, class: 'live', limit: 1, leaseMs: 60_000, holder: 'test' });
  await accept(renamed('late', 'c-1'));
  expect(await bench.db.prisma.job.count()).toBe(2);
});

test('a webhook that cannot be stored takes no other with it', async () => {
  const unknown = { id: '00000000-0000-7000-8000-000000000000', gateId: 'not a number' };
  const broken = acceptance.accept(unknown, [renamed('e-x', 'c-1')], { requestId: 'r-2' });
  const answers = await Promise.allSettled([accept(renamed('e-1', 'c-1')), broken, accept(renamed('e-2', 'c-1'))]);
  expect(answers.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  expect((await stored()).sort()).toEqual(['e-1', 'e-2']);
});

test('more than memory should hold is refused at once, and what was taken is stored', async () => {
  const batch = (n: number): ReceivedEvent[] => Array.from({ length: 100 }, (_, k) => renamed(`e-${n}-${k}`, `c-${k}`));
  const answers = await Promise.allSettled(Array.from({ length: 80 }, (_, n) => accept(...batch(n))));
  const taken = answers.filter(({ status }) => status === 'fulfilled').length;
  expect(taken).toBeGreaterThanOrEqual(50);
  expect(taken).toBeLessThan(80);
  expect(await bench.db.prisma.webhookEvent.count()).toBe(taken * 100);
  expect(await accept(renamed('after', 'c-1'))).toEqual({ accepted: 1, duplicates: 0 });
});
