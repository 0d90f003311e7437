import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createDatabase, type Database } from '../../src/db/database.ts';
import { type Scene, startScene } from '../support/scene.ts';
import { until } from '../support/until.ts';

let scene: Scene;
let db: Database;
beforeAll(async () => {
  scene = await startScene();
  db = createDatabase({ url: scene.databaseUrl, connections: 1 });
});
afterAll(async () => {
  await db.close();
  await scene.close();
});

test('a process told to stop in the middle of a long call ends, and whoever comes next goes on at once', async () => {
  await scene.say('long', 'm-1', 'Hello', { name: 'Before' });
  await scene.conversation('long', ({ name }) => name.state === 'applied');
  await scene.elapse(10_000);
  const method = 'imconnector.chat.name.set';
  scene.portal.faults.add({ match: { method, times: 1 }, effect: { delayMs: 65_000 } });
  await scene.rename('long', 'After');
  await until(() => db.prisma.job.findFirst({ where: { kind: 'convergeName', state: 'running' } }));
  await until(() => scene.portal.faults.list().some(({ struck }) => struck === 1));

  await scene.restart(async () => {
    expect(await db.prisma.job.count({ where: { state: 'running' } })).toBe(0);
    const job = await db.prisma.job.findFirstOrThrow({ where: { kind: 'convergeName' } });
    const lane = await db.prisma.lane.findUniqueOrThrow({ where: { id: job.laneId } });
    // Not leased: it only backs off, as after any failed attempt.
    expect(Number(lane.dueAt) - scene.sandbox.clock.now()).toBeLessThan(5_000);
  });
  const view = await scene.conversation('long', ({ name }) => name.state === 'applied');
  expect(view.name.applied).toBe('After');
  expect(scene.dialogs('long')[0]?.title).toBe('After');
});
