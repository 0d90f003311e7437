import { BOUND_EVENTS } from '../../../src/bitrix24/events.ts';
import { judgeClock, judgeGrants, judgeScopes } from '../../../src/bridge/doctorApplication.ts';
import { judgeBacklog } from '../../../src/bridge/doctorGateway.ts';
import { judgeBucket, judgeOperatingTime } from '../../../src/bridge/doctorGate.ts';
import { judgeBindings } from '../../../src/bridge/doctorEvents.ts';
import { judgeLine } from '../../../src/bridge/doctorConnectors.ts';
import { judgeDeliveries, judgeProbe } from '../../../src/bridge/doctorMessengers.ts';
import { presenceOf } from '../../../src/bridge/portalBots.ts';

const NOW = 1_760_000_000_000;
const HANDLER = 'https://gateway.example/bitrix24/events';
const bound = (handler = HANDLER) => BOUND_EVENTS.map((event) => ({ event, handler }));

test('handlers of others are theirs, an address of ours that is no longer true is trouble', () => {
  const foreign = { event: 'ONAPPTEST', handler: 'https://other.example/hook' };
  expect(judgeBindings([...bound(), foreign], HANDLER)).toMatchObject({
    state: 'ok',
    detail: expect.stringContaining('other.example') as unknown,
  });
  const old = { event: 'ONAPPTEST', handler: 'https://old.example/bitrix24/events' };
  expect(judgeBindings([...bound(), old], HANDLER)).toMatchObject({ state: 'trouble', code: 'old_address' });
  expect(judgeBindings(bound().slice(1), HANDLER).detail).toContain(BOUND_EVENTS[0]);
});

test.each([
  [59_000, 'ok'],
  [-61_000, 'trouble'],
  [undefined, 'ok'],
])('a portal whose clock is %p ms ahead: %s', (aheadMs, state) => {
  expect(judgeClock(aheadMs)).toMatchObject({ state });
});

test('the grant in use is told with its user, its age and its reserve, and every lost one with its reason', () => {
  const grant = (userId: string, lostReason: string | null = null) => ({
    userId,
    lostReason,
    refreshedAt: new Date(NOW - 2 * 3_600_000),
  });
  const grants = [grant('1', 'invalid_grant'), grant('8'), grant('9')];
  const judged = judgeGrants(grants, { id: '8', admin: true }, NOW);
  expect(judged).toMatchObject({ state: 'ok' });
  for (const part of ['user 8', '2 hours', 'reserve: 1', 'user 1 (invalid_grant)'])
    expect(judged.detail).toContain(part);
  expect(judgeGrants(grants, { id: '8', admin: false }, NOW)).toMatchObject({ code: 'not_admin' });
  expect(judgeGrants(grants.slice(0, 1), undefined, NOW)).toMatchObject({ code: 'no_grant' });
  expect(
    judgeGrants([{ ...grant('8'), refreshedAt: new Date(NOW - 175 * 86_400_000) }], { id: '8' }, NOW),
  ).toMatchObject({
    code: 'grant_old',
  });
});

test('missing permissions are named', () => {
  expect(judgeScopes(['imopenlines', 'user'])).toMatchObject({
    code: 'insufficient_scope',
    detail: 'missing: imconnector, imbot',
  });
});

test('a bucket is in trouble when nobody gets a request for a while, not when it is busy', () => {
  const bucket = { stepMs: 505, burstMs: 505 * 47 };
  expect(judgeBucket({ ...bucket, tat: NOW - 1 }, NOW)).toMatchObject({
    state: 'ok',
    detail: expect.stringContaining('48 of 48') as unknown,
  });
  expect(judgeBucket({ ...bucket, tat: NOW + bucket.burstMs + 5_000 }, NOW)).toMatchObject({ state: 'ok' });
  expect(judgeBucket({ ...bucket, tat: NOW + bucket.burstMs + 60_000 }, NOW)).toMatchObject({ code: 'bucket_empty' });
});

test('operating time that is used up counts until its window moves on', () => {
  const use = { method: 'imconnector.chat.name.set', operatingS: 840, resetAt: new Date(NOW + 60_000) };
  expect(judgeOperatingTime([use], NOW)).toMatchObject({ code: 'OPERATION_TIME_LIMIT' });
  expect(judgeOperatingTime([use], NOW + 60_001)).toMatchObject({ state: 'ok' });
});

test('work that backs off is no backlog, work that is due and not taken is', () => {
  const none = { due: 0, later: 9, lateMs: 0, dead: 1, parked: 0 };
  expect(judgeBacklog(none)).toMatchObject({ state: 'ok', detail: expect.stringContaining('1 dead') as unknown });
  expect(judgeBacklog({ ...none, due: 3, lateMs: 301_000 })).toMatchObject({ code: 'backlog' });
});

test.each([
  [undefined, { error: false, usable: true }, 'ready', 'line_not_found'],
  [true, { error: true, usable: false }, 'ready', 'line_error'],
  [true, { error: false, usable: false }, 'ready', 'disconnected'],
  [true, { error: false, usable: true }, 'disconnected', 'line_gone_and_back'],
  [false, { error: false, usable: true }, 'ready', 'line_inactive'],
  [true, { error: false, usable: true }, 'ready', null],
])('a line that is active: %p, with the connector %p and its channel %s: %s', (active, status, state, code) => {
  const line = active === undefined ? undefined : { id: '1', name: 'Line', active };
  const channel = { lineId: 1, state, lastError: 'line_gone_and_back' };
  expect(judgeLine(channel, line, { configured: true, ...status })).toMatchObject({ code });
});

test('whatever a messenger answers, it answers; a fault of its own and a 410 are trouble', () => {
  expect([200, 401, 404, 405].map((status) => judgeProbe({ status }).state)).toEqual(['ok', 'ok', 'ok', 'ok']);
  expect(judgeProbe({ status: 503 })).toMatchObject({ code: 'http_503' });
  expect(judgeProbe({ status: 410 })).toMatchObject({ code: 'gone' });
  expect(judgeProbe({ failure: 'address_not_allowed', detail: '' }).repair).toContain('EGRESS_ALLOW');
  const stopped = { paused: true, blockedUntil: null };
  expect(judgeDeliveries(stopped, judgeProbe({ status: 410 }), NOW)).toMatchObject({ code: 'gone' });
  expect(judgeDeliveries(stopped, judgeProbe({ status: 405 }), NOW)).toMatchObject({ code: 'deliveries_stopped' });
});

test('a bot is ours by its number, its code and its owner together', () => {
  const bot = { botId: '512', code: 'ocg_x_default', ours: true };
  const presence = (there: typeof bot | undefined, listed: (typeof bot)[]) =>
    presenceOf({ botId: 512 }, there, listed, 'ocg_x_default');
  expect(presence(bot, [bot])).toBe('present');
  expect(presence({ ...bot, ours: false }, [])).toBe('taken');
  expect(presence({ ...bot, code: 'other' }, [])).toBe('taken');
  expect(presence(undefined, [{ ...bot, botId: '600' }])).toBe('replaced');
  expect(presence(undefined, [])).toBe('missing');
});
