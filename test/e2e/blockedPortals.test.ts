import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import axios from 'axios';
import { type Database, createDatabase } from '../../src/db/database.ts';
import { type Scene, startScene } from '../support/scene.ts';
import { until } from '../support/until.ts';

/** A portal that refuses everything is asked again by one light call, and goes on as soon as that one goes through. */

const CLIENT_ID = 'local.gateway';
const SECOND_MS = 1_000;

let scene: Scene;
let db: Database;
beforeAll(async () => {
  scene = await startScene();
  db = createDatabase({ url: scene.databaseUrl, connections: 2 });
});
/** Nothing is left of an earlier block. */
beforeEach(async () => {
  scene.portal.faults.clear();
  await scene.idle();
  await db.prisma.gate.updateMany({ data: { rechecks: 0, recheckAt: null } });
});
afterAll(async () => {
  await db.close();
  await scene.close();
});

interface PortalView {
  state: string;
  blockedReason: string | null;
}
const portal = async (): Promise<PortalView> => (await scene.api.get<PortalView>(`/portals/${scene.portalId}`)).data;
const blocked = (reason: string): Promise<unknown> => until(portal, ({ blockedReason }) => blockedReason === reason);
const arrives = (id: string): Promise<unknown> => until(() => scene.dialogs(id).length === 1);
const asked = (): number => scene.calls('app.info').length;
const gate = () => db.prisma.gate.findUniqueOrThrow({ where: { key: 'portal:portal-1' } });
/** No event tells of a payment. */
const pay = (paid: boolean): void => {
  scene.portal.events.troubles.add({ event: 'ONAPPPAYMENT', effect: 'drop' });
  scene.portal.setPayment(CLIENT_ID, !paid);
};
const attempts = async (id: string): Promise<{ attempts: number; state: string }[]> => {
  const { id: conversationId } = (await scene.find(id)) ?? { id: '' };
  return db.prisma.job.findMany({ where: { conversationId }, select: { attempts: true, state: true } });
};

test('it is asked again by one light call each time, no job is tried, and it goes on when that call goes through', async () => {
  pay(false);
  await scene.say('waits', 'm-1', 'Hello');
  await blocked('PAYMENT_REQUIRED');
  const [sends, before] = [scene.calls('imconnector.send.messages').length, asked()];
  for (const rechecks of [1, 2]) {
    scene.advance(61 * SECOND_MS);
    await until(gate, (row) => row.rechecks === rechecks);
    await until(() => asked() > before + rechecks - 1);
  }
  expect(asked()).toBe(before + 2);
  expect(scene.calls('imconnector.send.messages')).toHaveLength(sends);
  expect(await attempts('waits')).toEqual([{ attempts: 0, state: 'waiting' }]);

  pay(true);
  scene.advance(121 * SECOND_MS);
  await arrives('waits');
  expect(await portal()).toMatchObject({ state: 'active', blockedReason: null });
});

test('a cause that only seems to be gone is not tried every half minute', async () => {
  scene.portal.faults.add({
    match: { method: 'imconnector.send.messages' },
    effect: { status: 401, code: 'APPLICATION_NOT_FOUND' },
  });
  await scene.say('seems', 'm-1', 'Hello');
  await blocked('APPLICATION_NOT_FOUND');
  const sends = (): number => scene.calls('imconnector.send.messages').length;
  for (let look = 0; look < 2; look++) {
    const before = sends();
    const { recheckAt } = await gate();
    scene.advance((recheckAt?.getTime() ?? 0) - scene.sandbox.clock.now());
    // Opened, tried, and closed again.
    await until(() => sends() > before);
    await blocked('APPLICATION_NOT_FOUND');
  }
  const { recheckAt } = await gate();
  scene.portal.faults.clear();
  expect((recheckAt?.getTime() ?? 0) - scene.sandbox.clock.now()).toBeGreaterThan(100 * SECOND_MS);
  scene.advance(3_600 * SECOND_MS);
  await arrives('seems');
});

test.each([
  ['the doctor finds the cause gone', 'found', () => scene.api.post(`/portals/${scene.portalId}/check`)],
  ['an administrator resumes it', 'resumed', () => scene.api.patch(`/portals/${scene.portalId}`, { paused: false })],
])('it goes on at once when %s', async (_what, id, happens) => {
  pay(false);
  await scene.say(id, 'm-1', 'Hello');
  await blocked('PAYMENT_REQUIRED');
  pay(true);
  await happens();
  await arrives(id);
});

test('it goes on at once when an administrator brings another authorisation', async () => {
  scene.portal.revokeGrant(CLIENT_ID, 1);
  await scene.say('granted', 'm-1', 'Hello');
  await blocked('invalid_grant');
  const { action, fields } = scene.portal.openPage(CLIENT_ID, {
    userId: 1,
    url: `${scene.gateway.publicUrl}/bitrix24/app`,
  });
  await axios.post(action, new URLSearchParams(fields));
  await arrives('granted');
});

test('a missing permission is looked for by name: a call that needs none does not open the portal', async () => {
  scene.portal.faults.add({
    match: { method: 'imconnector.send.messages' },
    effect: { status: 403, code: 'insufficient_scope' },
  });
  scene.portal.faults.add({ match: { method: 'scope' }, effect: { result: ['imopenlines', 'imbot'] } });
  const asked = scene.calls('scope').length;
  await scene.say('scope', 'm-1', 'Hello');
  await blocked('insufficient_scope');
  scene.advance(31 * SECOND_MS);
  await until(gate, ({ rechecks }) => rechecks === 1);
  await until(() => scene.calls('scope').length > asked);
  scene.portal.faults.clear();
  expect(await portal()).toMatchObject({ state: 'blocked' });
  scene.advance(61 * SECOND_MS);
  await arrives('scope');
});
