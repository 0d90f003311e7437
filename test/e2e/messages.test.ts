import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type Scene, startScene } from '../support/scene.ts';
import { until } from '../support/until.ts';

let scene: Scene;
beforeAll(async () => {
  scene = await startScene();
});
afterAll(() => scene.close());

const texts = (id: string): string[] =>
  scene
    .dialogs(id)[0]
    ?.messages.filter(({ authorId }) => authorId !== 0)
    .map(({ text }) => text) ?? [];

test('fifty first messages at once make one dialog, and keep their order', async () => {
  const events = Array.from({ length: 50 }, (_, n) => ({
    id: `first-${n}`,
    type: 'message.created',
    timestamp: new Date().toISOString(),
    data: {
      conversation: { id: 'fifty' },
      sender: { id: 'u-7', name: 'Anna' },
      message: { id: `m-${n}`, text: `Text ${n}` },
    },
  }));
  await scene.sendBody(JSON.stringify(events));
  await until(() => texts('fifty').length === 50, Boolean, { withinMs: 40_000 });
  expect(scene.dialogs('fifty')).toHaveLength(1);
  expect(texts('fifty')).toEqual(events.map((_, n) => `Text ${n}`));
}, 60_000);

test('fifty first messages in fifty parallel requests make one dialog', async () => {
  await Promise.all(Array.from({ length: 50 }, (_, n) => scene.say('parallel', `m-${n}`, `Text ${n}`)));
  await until(() => texts('parallel').length === 50, Boolean, { withinMs: 40_000 });
  expect(scene.dialogs('parallel')).toHaveLength(1);
  expect(new Set(texts('parallel')).size).toBe(50);
}, 60_000);

test('the whole profile of the person goes with every message, even when one names only the id', async () => {
  await scene.send('message.created', {
    conversation: { id: 'profile' },
    sender: { id: 'u-9', name: 'Bert', lastName: 'Klein', phone: '+49 30 1' },
    message: { id: 'm-1', text: 'Hello' },
  });
  await scene.send('message.created', {
    conversation: { id: 'profile' },
    sender: { id: 'u-9' },
    message: { id: 'm-2', text: 'Me again' },
  });
  await until(() => texts('profile').length === 2);
  const users = scene
    .calls('imconnector.send.messages')
    .map(({ params }) => (params.MESSAGES as { user: Record<string, unknown> }[])[0]?.user)
    .filter((user) => user?.id === 'u-9');
  expect(users).toHaveLength(2);
  expect(users[1]).toEqual(users[0]);
  expect(users[0]).toMatchObject({ name: 'Bert', last_name: 'Klein', phone: '+49 30 1', skip_phone_validate: 'Y' });
});

test('the same webhook twice is one message', async () => {
  const event = { conversation: { id: 'twice' }, sender: { id: 'u-7' }, message: { id: 'm-1', text: 'Once' } };
  const [first, second] = [
    await scene.send('message.created', event, { id: 'evt_twice' }),
    await scene.send('message.created', event, { id: 'evt_twice' }),
  ];
  expect(first.data).toEqual({ accepted: 1, duplicates: 0 });
  expect(second.data).toEqual({ accepted: 0, duplicates: 1 });
  // The messenger may also repeat it under another webhook-id: the message's own id tells.
  await scene.send('message.created', event);
  await until(() => texts('twice').length > 0);
  await scene.idle();
  expect(texts('twice')).toEqual(['Once']);
});

test('a text longer than the portal takes arrives whole, in order', async () => {
  const text = Array.from({ length: 5_000 }, (_, n) => `word${n}`).join(' ');
  await scene.say('long', 'm-1', text);
  await until(() => texts('long').join('').length === text.length);
  expect(texts('long').length).toBeGreaterThan(1);
  expect(texts('long').join('')).toBe(text);
});

test('a message for a conversation that is not mapped, where no channel maps by itself, is ignored with its reason', async () => {
  await scene.api.patch(`/channels/${scene.channelId}`, { autoMap: false });
  await scene.say('unmapped', 'm-1', 'Hello');
  const events = await until(
    () =>
      scene.api.get<{ items: { id: string; state: string; note: string }[] }>('/webhook-events', {
        params: { externalId: 'unmapped' },
      }),
    ({ data }) => data.items[0]?.state === 'ignored',
  );
  expect(events.data.items[0]?.note).toMatch(/not mapped/);
  await scene.api.patch(`/channels/${scene.channelId}`, { autoMap: true });
  await scene.api.post(`/webhook-events/${events.data.items[0]?.id}/replay`);
  await until(() => texts('unmapped').length === 1);
});
