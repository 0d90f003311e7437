import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { runBatch } from '../../src/bitrix24/batch.ts';
import { type Client, createClient } from '../../src/bitrix24/client.ts';
import { type Call, createPortalCall, type OperatingBudget } from '../../src/bitrix24/portalApi.ts';
import { createDatabase, type Database } from '../../src/db/database.ts';
import { silentLogger } from '../../src/kit/logger.ts';
import { createOperatingBudget } from '../../src/bridge/operatingBudget.ts';
import { type Scene, startScene } from '../support/scene.ts';
import { until } from '../support/until.ts';

/** A method that used its time up waits, its portal does not (contract platform §3.4, §4.3). */

const RENAME = 'imconnector.chat.name.set';
const WINDOW_MS = 11 * 60_000;

const clients: Client[] = [];
let scene: Scene;
let db: Database;
beforeEach(async () => {
  scene = await startScene();
  db = createDatabase({ url: scene.databaseUrl });
});
afterEach(async () => {
  clients.splice(0).forEach((client) => client.close());
  await db.close();
  await scene.close();
});

const named = (): number => scene.portal.state().dialogs.filter(({ title }) => title.startsWith('Name ')).length;
const renameJobs = async () =>
  (
    await scene.api.get<{ items: { attemptCount: number; lastCode: string }[] }>('/jobs', {
      params: { kind: 'convergeName', state: 'waiting' },
    })
  ).data.items;

test('the portal never has to refuse: who comes near the limit waits by himself, and messages go on', async () => {
  const ids = Array.from({ length: 12 }, (_, n) => `d-${n}`);
  await Promise.all(ids.map((id) => scene.say(id, 'm-1', 'Hello')));
  await until(() => scene.portal.state().dialogs.length === ids.length);
  await scene.idle();
  // Somebody else with the same application uses most of the method's time; the next answers tell us.
  scene.portal.setMethodCost(RENAME, 52);
  const call = callOf(scene);
  const dialog = { CONNECTOR: scene.connector, LINE: 1, CHAT_ID: 'd-0' };
  for (let n = 0; n < 8; n += 1) await call(RENAME, { ...dialog, NAME: `Other ${n}` });
  scene.portal.setMethodCost(RENAME, 4);
  await Promise.all(ids.map((id) => scene.rename(id, `Told ${id}`)));
  await until(() => scene.calls(RENAME).length > 8);
  await Promise.all(ids.map((id) => scene.rename(id, `Name ${id}`)));
  await until(renameJobs, (jobs) => jobs.some(({ lastCode }) => lastCode === 'OPERATION_TIME_LIMIT'));
  await scene.say('d-0', 'm-2', 'Still live');
  await until(() => scene.dialogs('d-0')[0]?.messages.some(({ text }) => text === 'Still live'));
  expect(named()).toBeLessThan(ids.length);
  expect((await renameJobs()).filter(({ attemptCount }) => attemptCount > 0)).toEqual([]);
  scene.advance(WINDOW_MS);
  await until(() => {
    scene.advance(5_000);
    return named() === ids.length;
  });
  expect(scene.calls(RENAME).filter(({ error }) => error === 'OPERATION_TIME_LIMIT')).toEqual([]);
});

test('a refusal pauses the method for everybody until the window moves on, with one refused call', async () => {
  await scene.say('a', 'm-1', 'Hello');
  await scene.say('b', 'm-1', 'Hello');
  await scene.idle();
  const effect = { status: 429, code: 'OPERATION_TIME_LIMIT' };
  scene.portal.faults.add({ match: { method: RENAME, times: 1 }, effect });
  await scene.rename('a', 'Name a');
  await until(renameJobs, ([job]) => job?.lastCode === 'OPERATION_TIME_LIMIT');
  await scene.rename('b', 'Name b');
  await until(renameJobs, (jobs) => jobs.length === 2 && jobs.every(({ lastCode }) => lastCode));
  expect(scene.calls(RENAME)).toHaveLength(1);
  expect((await scene.api.get<{ state: string }>(`/portals/${scene.portalId}`)).data.state).toBe('active');
  scene.advance(61_000);
  await until(() => named() === 2);
});

test.each(['commands', 'batch'] as const)(
  'a batch is held back before its portal blocks it, billed to its %s',
  async (batchBilling) => {
    await scene.close();
    await db.close();
    scene = await startScene({ batchBilling });
    db = createDatabase({ url: scene.databaseUrl });
    const { clock } = scene.sandbox;
    scene.portal.setMethodCost('profile', 45);
    const deps = { db, clock, log: silentLogger };
    const budget = createOperatingBudget(scene.portalId, deps);
    const call = callOf(scene, budget);
    const profile = { method: 'profile', params: {}, repeatable: true };
    const outcomes: string[] = [];
    for (let n = 0; n < 12; n += 1) {
      const [outcome] = await runBatch(call, [profile], { clock });
      outcomes.push(outcome?.ok ? 'ok' : (outcome?.failure.code ?? ''));
    }
    expect(outcomes.filter((code) => code === 'ok').length).toBeGreaterThanOrEqual(6);
    expect(outcomes.at(-1)).toBe('OPERATION_TIME_LIMIT');
    // Not one of them was refused by the portal, and another process knows without a call of its own.
    expect(scene.calls('profile').filter(({ error }) => error)).toEqual([]);
    expect(scene.calls('batch').filter(({ error }) => error)).toEqual([]);
    const other = createOperatingBudget(scene.portalId, deps);
    await expect(other.admit(['batch', 'profile'])).rejects.toMatchObject({
      code: 'OPERATION_TIME_LIMIT',
      limited: true,
    });
    await other.admit(['imconnector.send.messages']);
    scene.advance(WINDOW_MS);
    await other.admit(['batch', 'profile']);
  },
);

/** A call with a token of the installer, held back by this budget or by nothing. */
function callOf({ portal, sandbox }: Scene, budget?: OperatingBudget): Call {
  const { fields } = portal.openPage('local.gateway', { userId: 1 });
  const access = { token: fields.AUTH_ID ?? '', endpoint: portal.restUrl };
  const client = createClient({ clock: sandbox.clock, log: silentLogger, allowInsecure: true, userAgent: 'test/1' });
  clients.push(client);
  const tokens = {
    current: () => Promise.resolve(access),
    renew: () => Promise.resolve(access),
    instead: () => Promise.resolve(undefined),
    forget() {},
  };
  return createPortalCall({ client, tokens, ...(budget ? { budget } : {}) });
}
