import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import type { FaultEffect } from '../../src/sandbox/faults.ts';
import { listenIn, type MessengerStandIn } from '../support/messengerStandIn.ts';
import { type Scene, startScene } from '../support/scene.ts';
import { until } from '../support/until.ts';

/** Longer than a lost call may still run on the portal. */
const SURELY_OVER_MS = 70_000;

let scene: Scene;
let messenger: MessengerStandIn;
beforeAll(async () => {
  scene = await startScene({ companion: { mode: 'onFirstMessage' } });
  messenger = await listenIn(scene);
});
beforeEach(() => scene.portal.faults.clear());
afterAll(async () => {
  await scene.close();
  await messenger.close();
});

const texts = (id: string): string[] =>
  scene
    .dialogs(id)[0]
    ?.messages.filter(({ authorId }) => authorId !== 0)
    .map(({ text }) => text) ?? [];
const strike = (method: string, effect: FaultEffect, times = 1): void =>
  void scene.portal.faults.add({ match: { method, times }, effect });

const troubles: [string, FaultEffect][] = [
  ['500 with a code', { status: 500, code: 'INTERNAL_SERVER_ERROR' }],
  ['an HTML page', { html: 502 }],
  ['an HTML page with 200', { html: 200 }],
  ['503, too many requests', { status: 503, code: 'QUERY_LIMIT_EXCEEDED' }],
  ['429, operating time used up', { status: 429, code: 'OPERATION_TIME_LIMIT' }],
  ['a transient 401', { status: 401, code: 'CONNECTION_ERROR' }],
  ['an expired token', { status: 401, code: 'expired_token' }],
  ['a reset before the work', { reset: 'before' }],
  ['a reset after the work', { reset: 'after' }],
  ['silence after the work', { happensButNoAnswer: true }],
  ['an empty answer after the work', { emptyBody: true, executed: true }],
];

test.each(troubles)(
  '%s while a message is sent: it arrives once, and the next one after it',
  async (what, effect) => {
    const id = `send ${what}`;
    await scene.say(id, 'm-0', 'Before');
    await until(() => texts(id).length === 1);
    await scene.idle();
    strike('imconnector.send.messages', effect);
    await scene.say(id, 'm-1', 'Hello');
    await scene.say(id, 'm-2', 'Hello');
    await scene.passUntil(() => texts(id).length === 3);
    await scene.elapse(SURELY_OVER_MS);
    await scene.idle();
    expect(texts(id)).toEqual(['Before', 'Hello', 'Hello']);
    expect(scene.dialogs(id)).toHaveLength(1);
  },
  60_000,
);

test('a message whose answer was lost is found, though its session is over and another one has begun', async () => {
  const id = 'session over';
  await scene.say(id, 'm-0', 'Before');
  await until(() => texts(id).length === 1);
  await scene.idle();
  strike('imconnector.send.messages', { happensButNoAnswer: true });
  await scene.say(id, 'm-1', 'Hello');
  await until(() => texts(id).length === 2);
  const { chatId = 0 } = scene.dialogs(id)[0] ?? {};
  scene.portal.closeDialog(chatId, { atOnce: true });
  scene.portal.operatorMessage(chatId, 27, { text: 'Are you there?' });
  await scene.say(id, 'm-2', 'Yes');
  await scene.passUntil(() => texts(id).includes('Yes'));
  await scene.elapse(SURELY_OVER_MS);
  expect(texts(id)).toEqual(['Before', 'Hello', 'Are you there?', 'Yes']);
}, 60_000);

test.each(troubles)(
  '%s while the very first message is sent: one dialog, one message',
  async (what, effect) => {
    const id = `first ${what}`;
    strike('imconnector.send.messages', effect);
    await scene.say(id, 'm-1', 'Hello', { name: `Name ${what}` });
    await scene.passUntil(async () => texts(id).length === 1 && (await scene.find(id))?.name.state === 'applied');
    await scene.elapse(SURELY_OVER_MS);
    await scene.idle();
    expect(texts(id)).toEqual(['Hello']);
    expect(scene.dialogs(id)).toMatchObject([{ title: `Name ${what}` }]);
  },
  60_000,
);

test.each(troubles)(
  '%s while a name is set: the name is right in the end',
  async (what, effect) => {
    const id = `name ${what}`;
    await scene.say(id, 'm-1', 'Hello');
    await scene.idle();
    strike('imconnector.chat.name.set', effect);
    await scene.rename(id, 'Renamed');
    await scene.passUntil(async () => (await scene.find(id))?.name.applied === 'Renamed');
    expect(scene.dialogs(id)).toMatchObject([{ title: 'Renamed' }]);
  },
  60_000,
);

test.each(troubles)(
  '%s while a companion is made: there is exactly one',
  async (what, effect) => {
    const id = `companion ${what}`;
    strike('imbot.v2.Chat.add', effect);
    await scene.say(id, 'm-1', 'Hello', { name: id });
    await scene.passUntil(async () => (await scene.find(id))?.companion.state === 'ready');
    await scene.elapse(SURELY_OVER_MS);
    await scene.idle();
    expect(scene.portal.state().companions.filter(({ title }) => title === id)).toHaveLength(1);
  },
  60_000,
);

test('a portal that holds us back by hand blocks its work without using up attempts, and resumes when it is resumed', async () => {
  await scene.say('blocked', 'm-0', 'Before');
  await scene.idle();
  strike('imconnector.send.messages', { status: 503, code: 'OVERLOAD_LIMIT' });
  await scene.say('blocked', 'm-1', 'Hello');
  const portal = await until(
    () => scene.api.get<{ state: string; blockedReason: string }>(`/portals/${scene.portalId}`),
    ({ data }) => data.state === 'blocked',
  );
  expect(portal.data.blockedReason).toBe('OVERLOAD_LIMIT');
  // The portal is blocked before the job that found it out is put back.
  const { data } = await until(
    () =>
      scene.api.get<{ items: { attemptCount: number }[] }>('/jobs', {
        params: { state: 'waiting', kind: 'deliverMessage' },
      }),
    (jobs) => jobs.data.items.length > 0,
  );
  expect(data.items).toMatchObject([{ attemptCount: 0 }]);
  await scene.api.patch(`/portals/${scene.portalId}`, { paused: false });
  await until(() => texts('blocked').length === 2);
});

test('a line whose connector was switched off keeps its messages, and lets them go when it is connected again', async () => {
  await scene.say('line', 'm-0', 'Before');
  await scene.idle();
  scene.portal.disableConnector(scene.connector, 1);
  await until(
    () => scene.api.get<{ state: string }>(`/channels/${scene.channelId}`),
    (answer) => answer.data.state === 'disconnected',
  );
  await scene.say('line', 'm-1', 'While it was off');
  await until(
    () =>
      scene.api.get<{ items: { lastCode: string }[] }>('/jobs', {
        params: { state: 'waiting', kind: 'deliverMessage' },
      }),
    (answer) => answer.data.items.some(({ lastCode }) => lastCode === 'NOT_ACTIVE_LINE'),
  );
  await scene.api.patch(`/channels/${scene.channelId}`, {});
  await until(() => texts('line').length === 2);
  const { data } = await scene.api.get<{ state: string }>(`/channels/${scene.channelId}`);
  expect(data.state).toBe('ready');
});

test('a line that does not exist is refused with its own code, and nothing is stored', async () => {
  const { data: before } = await scene.api.get<{ items: unknown[] }>('/channels');
  const answer = await scene.api.post('/channels', {
    portalId: scene.portalId,
    messenger: 'chat',
    connector: scene.connector,
    lineId: 4711,
  });
  expect(answer.status).toBe(422);
  expect(answer.data).toMatchObject({ code: 'line_not_found' });
  const { data: after } = await scene.api.get<{ items: unknown[] }>('/channels');
  expect(after.items).toHaveLength(before.items.length);
});

test('an expired token is renewed once for many calls at the same time', async () => {
  scene.advance(3_700_000);
  const before = scene.calls('imconnector.send.messages').length;
  await Promise.all(Array.from({ length: 10 }, (_, n) => scene.say(`renewed-${n}`, 'm-1', 'Hello')));
  await until(() => scene.calls('imconnector.send.messages').length - before >= 10);
  await scene.idle();
  expect(Array.from({ length: 10 }, (_, n) => texts(`renewed-${n}`))).toEqual(Array(10).fill(['Hello']));
});

test('a portal that moved is followed', async () => {
  await scene.portal.move();
  await scene.say('moved', 'm-1', 'Hello');
  await until(() => texts('moved').length === 1);
});

test('after a restart everything goes on where it was', async () => {
  await scene.say('restart', 'm-0', 'Before');
  await scene.idle();
  await scene.restart();
  await scene.say('restart', 'm-1', 'After', { name: 'Still known' });
  await scene.conversation('restart', ({ name }) => name.applied === 'Still known');
  expect(texts('restart')).toEqual(['Before', 'After']);
  expect(scene.dialogs('restart')).toMatchObject([{ title: 'Still known' }]);
});
