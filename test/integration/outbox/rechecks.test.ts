import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type OutboxBench, createOutboxBench } from '../../support/outbox.ts';

/** When the cause of a block is looked for again. */

const time = { now: Date.now() };
const HALF_MINUTE_MS = 30_000;
const PREFIX = 'test:';

let bench: OutboxBench;
let gateId: string;
beforeAll(async () => {
  bench = await createOutboxBench({ clock: { now: () => time.now } });
  gateId = await bench.addGate();
});
afterAll(() => bench.close());

const due = () => bench.gate.dueRechecks(PREFIX);
const block = () => bench.gate.block(gateId, 600_000, 'PAYMENT_REQUIRED');
const state = () => bench.db.prisma.gate.findUniqueOrThrow({ where: { id: BigInt(gateId) } });
const secondsLeft = async (): Promise<number> => ((await state()).recheckAt!.getTime() - time.now) / 1_000;

test('after half a minute, then twice as long every time, and at most every ten minutes', async () => {
  await block();
  const waits: number[] = [];
  for (let rechecks = 1; rechecks <= 7; rechecks++) {
    waits.push(await secondsLeft());
    time.now += waits.at(-1)! * 1_000 - 1;
    expect(await due()).toEqual([]);
    time.now += 1;
    expect(await due()).toEqual([{ gateId, reason: 'PAYMENT_REQUIRED', rechecks }]);
    expect(await due()).toEqual([]);
    // Nothing passes by itself before the next look.
    expect((await state()).blockedUntil!.getTime()).toBeGreaterThan((await state()).recheckAt!.getTime());
  }
  expect(waits).toEqual([30, 60, 120, 240, 480, 600, 600]);
});

test('one caller of many is given a gate', async () => {
  time.now += 600_000;
  const all = await Promise.all(Array.from({ length: 8 }, due));
  expect(all.flat()).toHaveLength(1);
});

test('a gate that is closed again soon after it was opened keeps its patience, a later block begins anew', async () => {
  expect(await bench.gate.unblock(gateId)).toBe(true);
  expect(await bench.gate.unblock(gateId)).toBe(false);
  await block();
  expect(await secondsLeft()).toBe(600);
  await bench.gate.unblock(gateId);
  time.now += 3_600_000;
  await block();
  expect(await secondsLeft()).toBe(30);
});

test('a look into one reason does not lift the block of another that came meanwhile', async () => {
  await bench.gate.block(gateId, 600_000, 'uninstalled');
  expect(await bench.gate.unblock(gateId, 'PAYMENT_REQUIRED')).toBe(false);
  expect((await state()).blockedReason).toBe('uninstalled');
  expect(await bench.gate.unblock(gateId, 'uninstalled')).toBe(true);
  await block();
});

test('what an administrator paused, and what is open, is not looked for', async () => {
  time.now += HALF_MINUTE_MS;
  await bench.db.prisma.gate.update({ where: { id: BigInt(gateId) }, data: { paused: true } });
  expect(await due()).toEqual([]);
  await bench.db.prisma.gate.update({ where: { id: BigInt(gateId) }, data: { paused: false } });
  await bench.gate.unblock(gateId);
  expect(await due()).toEqual([]);
});

test('who looks for the cause passes the block, and pays like everybody', async () => {
  const limited = await bench.addGate({ burst: 3, perSecond: 1 });
  await bench.gate.block(limited, 600_000, 'PAYMENT_REQUIRED');
  await expect(bench.gate.take(limited)).rejects.toMatchObject({ code: 'gate_closed' });
  await bench.gate.take(limited, { evenBlocked: true });
  await expect(bench.gate.take(limited, { evenBlocked: true, maxWaitMs: 0 })).rejects.toMatchObject({
    code: 'gate_busy',
  });
  await bench.db.prisma.gate.update({ where: { id: BigInt(limited) }, data: { paused: true } });
  await expect(bench.gate.take(limited, { evenBlocked: true })).rejects.toMatchObject({ code: 'gate_closed' });
});
