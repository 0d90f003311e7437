import { afterEach, beforeEach, expect, test } from '@jest/globals';
import axios from 'axios';
import { type Database, createDatabase } from '../../src/db/database.ts';
import { type Scene, startScene } from '../support/scene.ts';
import { until } from '../support/until.ts';

/** Whose right the calls are made with, and what happens when it ends. User 1 installed the application. */

const CLIENT_ID = 'local.gateway';
const INSTALLER = 1;
const RESERVE = 8;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

let scene: Scene;
let db: Database;
beforeEach(async () => {
  scene = await startScene();
  db = createDatabase({ url: scene.databaseUrl });
  scene.portal.addUser({ id: RESERVE, name: 'Second', lastName: 'Admin', admin: true });
});
afterEach(async () => {
  await db.close();
  await scene.close();
});

/** Somebody opens the page of the application inside the portal. */
const open = async (userId: number): Promise<number> => {
  const { action, fields } = scene.portal.openPage(CLIENT_ID, {
    userId,
    url: `${scene.gateway.publicUrl}/bitrix24/app`,
  });
  return (await axios.post(action, new URLSearchParams(fields), { validateStatus: () => true })).status;
};
const grants = () => db.prisma.grant.findMany({ orderBy: { createdAt: 'asc' }, omit: { portalId: true } });
const callers = (): (number | null)[] => scene.calls('imconnector.send.messages').map(({ userId }) => userId);
const arrives = (id: string): Promise<unknown> => until(() => scene.dialogs(id).length === 1);
const portalState = async () =>
  (
    await scene.api.get<{ state: string; blockedReason: string | null; authorized: boolean }>(
      `/portals/${scene.portalId}`,
    )
  ).data;
const blockedBy = (reason: string) => until(portalState, ({ blockedReason }) => blockedReason === reason);

test('the installer’s grant is used, another administrator’s is the reserve, an employee’s is not kept', async () => {
  expect([await open(RESERVE), await open(27)]).toEqual([200, 200]);
  expect((await grants()).map(({ userId }) => userId)).toEqual(['1', '8']);
  await scene.say('first', 'm-1', 'Hello');
  await arrives('first');
  expect(callers()).toEqual([INSTALLER]);
});

test.each([
  ['was dismissed', () => scene.portal.dismissUser(INSTALLER)],
  ['lost the application', () => scene.portal.revokeGrant(CLIENT_ID, INSTALLER, 'access')],
  ['lost the tokens', () => scene.portal.revokeGrant(CLIENT_ID, INSTALLER)],
])('an installer who %s is replaced by the reserve, and nothing waits for a person', async (_what, happen) => {
  await open(RESERVE);
  happen();
  await scene.say('replaced', 'm-1', 'Hello');
  await arrives('replaced');
  expect(callers().at(-1)).toBe(RESERVE);
  expect(await portalState()).toMatchObject({ state: 'active', authorized: true });
  expect(scene.dialogs('replaced')[0]?.messages).toHaveLength(1);
});

test('an answer that is lost after the rotation costs one grant, not the portal', async () => {
  await open(RESERVE);
  scene.advance(2 * HOUR_MS);
  scene.sandbox.oauthFaults.add({ match: { method: 'oauth/token', times: 1 }, effect: { happensButNoAnswer: true } });
  await scene.say('rotated', 'm-1', 'Hello');
  await until(() => {
    scene.advance(2_000);
    return scene.dialogs('rotated').length === 1;
  });
  expect((await grants()).map(({ userId, lostReason }) => [userId, lostReason])).toEqual([
    ['1', 'invalid_grant'],
    ['8', null],
  ]);
});

test('without a reserve the portal is blocked until an administrator opens the page, and goes on at once', async () => {
  scene.portal.revokeGrant(CLIENT_ID, INSTALLER);
  await scene.say('waits', 'm-1', 'Hello');
  await blockedBy('invalid_grant');
  expect(await portalState()).toMatchObject({ state: 'blocked', authorized: false });
  await open(RESERVE);
  await arrives('waits');
  expect(await portalState()).toMatchObject({ state: 'active', authorized: true });
});

test('the only user being turned away blocks the portal, but the grant stays and may be welcome again', async () => {
  scene.portal.revokeGrant(CLIENT_ID, INSTALLER, 'access');
  await scene.say('away', 'm-1', 'Hello');
  await blockedBy('user_access_error');
  expect(await grants()).toMatchObject([{ userId: '1', lostReason: null }]);
});

test('an installer who was turned away gets another chance every day', async () => {
  await open(RESERVE);
  scene.portal.dismissUser(INSTALLER);
  await scene.say('day-1', 'm-1', 'Hello');
  await arrives('day-1');
  expect(callers().at(-1)).toBe(RESERVE);
  scene.portal.addUser({ id: INSTALLER, name: 'Anna', lastName: 'Weber', admin: true });
  scene.advance(DAY_MS + 1_000);
  await until(async () => (await grants()).every(({ lostReason }) => lostReason === null));
  await scene.idle();
  await scene.say('day-2', 'm-1', 'Hello');
  await arrives('day-2');
  expect(callers().at(-1)).toBe(INSTALLER);
});

test('a grant nobody uses is renewed before its 180 days are over, and no grant by a clock before that', async () => {
  await open(RESERVE);
  const renewed = async (): Promise<Date[]> => (await grants()).map(({ refreshedAt }) => refreshedAt);
  const before = await renewed();
  scene.advance(100 * DAY_MS);
  await until(() => scene.calls('event.get').length > 1);
  await scene.idle();
  expect((await renewed())[1]).toEqual(before[1]);
  scene.advance(51 * DAY_MS);
  await until(async () => (await renewed())[1]?.getTime() !== before[1]?.getTime());
  scene.advance(100 * DAY_MS);
  await scene.idle();
  scene.portal.revokeGrant(CLIENT_ID, INSTALLER);
  await scene.say('late', 'm-1', 'Hello');
  await arrives('late');
  expect(callers().at(-1)).toBe(RESERVE);
});

test('many portals’ worth of calls with a token that has just ended renew it once', async () => {
  scene.advance(2 * HOUR_MS);
  const spent = (): Promise<Date[]> => grants().then((all) => all.map(({ refreshedAt }) => refreshedAt));
  await Promise.all(Array.from({ length: 20 }, (_, n) => scene.say(`c-${n}`, 'm-1', 'Hello')));
  await Promise.all(Array.from({ length: 20 }, (_, n) => arrives(`c-${n}`)));
  const [after] = await spent();
  await scene.say('c-0', 'm-2', 'Again');
  await scene.idle();
  expect((await spent())[0]).toEqual(after);
});
