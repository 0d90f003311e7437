import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { createRetention } from '../../../src/bridge/retention.ts';
import { silentLogger } from '../../../src/kit/logger.ts';
import { type OutboxBench, createOutboxBench } from '../../support/outbox.ts';

let bench: OutboxBench;
beforeEach(async () => {
  bench = await createOutboxBench();
});
afterEach(() => bench.close());

const DAY = 24 * 3_600_000;
const daysAgo = (days: number): Date => new Date(Date.now() - days * DAY);
const prune = (): Promise<Record<string, number> | undefined> =>
  createRetention({ db: bench.db, clock: { now: () => Date.now() }, log: silentLogger }).prune();

async function addEvents(days: number, state: string, count: number): Promise<void> {
  const gateId = BigInt(await bench.addGate());
  const { prisma } = bench.db;
  const slug = `m-${days}-${state}`;
  const deliveryGateId = BigInt(await bench.addGate());
  const messenger = { slug, name: 'Chat', gateId, deliveryGateId };
  const { id: messengerId } = await prisma.messenger.create({ data: messenger });
  const data = Array.from({ length: count }, (_, n) => ({
    messengerId,
    eventId: `e-${n}`,
    type: 'conversation.renamed',
    payload: {},
    requestId: 'r-1',
    state,
    receivedAt: daysAgo(days),
  }));
  await prisma.webhookEvent.createMany({ data });
}

test('repeats are recognised for far more than seven days, and events are forgotten after thirty', async () => {
  await addEvents(8, 'applied', 3);
  await addEvents(29, 'ignored', 3);
  await addEvents(31, 'applied', 4_500);
  expect(await prune()).toMatchObject({ webhookEvents: 4_500 });
  expect(await bench.db.prisma.webhookEvent.count()).toBe(6);
});

test('what still has to be applied is never forgotten, however old', async () => {
  await addEvents(400, 'accepted', 2);
  await prune();
  expect(await bench.db.prisma.webhookEvent.count()).toBe(2);
});

test('the attempts of a job that needs a decision stay with it', async () => {
  const { prisma } = bench.db;
  const gateId = BigInt(await bench.addGate());
  const lane = await prisma.lane.create({ data: { gateId, key: 'a', class: 'live' } });
  const job = await prisma.job.create({
    data: { laneId: lane.id, gateId, seq: 1n, kind: 'x', payload: {}, state: 'parked', createdAt: daysAgo(200) },
  });
  const attempt = { outcome: 'unsure', startedAt: daysAgo(200), durationMs: 1 };
  await prisma.attempt.createMany({
    data: [
      { ...attempt, jobId: job.id },
      { ...attempt, jobId: 999_999n },
    ],
  });
  expect(await prune()).toMatchObject({ attempts: 1, deadJobs: 0 });
  expect(await prisma.attempt.count()).toBe(1);
});

test('two processes do not do it at the same time', async () => {
  await addEvents(31, 'applied', 10);
  const results = await Promise.all([prune(), prune(), prune()]);
  expect(results.filter((result) => result !== undefined).length).toBeGreaterThanOrEqual(1);
  expect(results.reduce((sum, result) => sum + (result?.webhookEvents ?? 0), 0)).toBe(10);
});

test('the audit is kept for a year', async () => {
  const call = { apiKeyName: 'k', requestId: 'r', operation: 'changePortal', path: '/', targetType: 'portal' };
  const entry = { ...call, apiKeyId: '00000000-0000-7000-8000-000000000000' };
  await bench.db.prisma.auditEntry.createMany({ data: [364, 366].map((days) => ({ ...entry, at: daysAgo(days) })) });
  expect(await prune()).toMatchObject({ auditEntries: 1 });
  expect(await bench.db.prisma.auditEntry.count()).toBe(1);
});
