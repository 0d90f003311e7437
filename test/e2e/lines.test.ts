import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { listenIn, type MessengerStandIn } from '../support/messengerStandIn.ts';
import { type Scene, startScene } from '../support/scene.ts';
import { until } from '../support/until.ts';

let scene: Scene;
let messenger: MessengerStandIn;
beforeAll(async () => {
  scene = await startScene();
  messenger = await listenIn(scene);
});
afterAll(async () => {
  await scene.close();
  await messenger.close();
});

interface ChannelView {
  state: string;
  lastError: string | null;
}
const channel = async (): Promise<ChannelView> =>
  (await scene.api.get<ChannelView>(`/channels/${scene.channelId}`)).data;
const texts = (id: string): string[] => scene.dialogs(id)[0]?.messages.map(({ text }) => text) ?? [];
const deactivations = () => scene.calls('imconnector.activate').filter(({ params }) => Number(params.ACTIVE) === 0);

test('a connector switched off shows on its channel, the messenger hears of it, and nothing is lost', async () => {
  await scene.say('off', 'm-1', 'Before');
  await until(() => texts('off').includes('Before'));
  scene.portal.disableConnector(scene.connector, 1);
  await until(channel, ({ state, lastError }) => state === 'disconnected' && lastError === 'disconnected_on_portal');
  await until(() => messenger.of('channel.disconnected').length === 1);
  for (let n = 0; n < 3; n++) await scene.say('off', `off-${n}`, `While off ${n}`);
  await scene.say('off-new', 'm-1', 'Also off');
  const { data } = await until(
    () => scene.api.get<{ items: { kind: string; lastCode: string }[] }>('/jobs', { params: { state: 'waiting' } }),
    (answer) => answer.data.items.filter(({ lastCode }) => lastCode === 'NOT_ACTIVE_LINE').length === 2,
  );
  expect(data.items.every(({ kind }) => kind === 'deliverMessage')).toBe(true);
  expect(deactivations()).toEqual([]);

  await scene.api.patch(`/channels/${scene.channelId}`, {});
  await until(() => texts('off').length >= 4 && texts('off-new').includes('Also off'));
  expect(texts('off').filter((text) => text.startsWith('While'))).toEqual([0, 1, 2].map((n) => `While off ${n}`));
  expect((await channel()).state).toBe('ready');
});

test('lines of others are none of our business', async () => {
  const foreign = scene.portal.addLine();
  scene.portal.deleteLine(foreign.id);
  await scene.portal.events.idle();
  await scene.say('off', 'm-9', 'Still here');
  await until(() => texts('off').includes('Still here'));
  expect((await channel()).state).toBe('ready');
});

test('a channel that is taken away is disconnected once, and the event about it is not answered by another one', async () => {
  const line = scene.portal.addLine();
  const { data } = await scene.api.post<{ id: string }>('/channels', {
    portalId: scene.portalId,
    messenger: 'chat',
    connector: scene.connector,
    lineId: line.id,
  });
  await scene.api.delete(`/channels/${data.id}`);
  await scene.portal.events.idle();
  await scene.idle();
  expect(deactivations()).toHaveLength(1);
});

test('a deleted line is shown as the reason', async () => {
  scene.portal.deleteLine(1);
  await until(channel, ({ state, lastError }) => state === 'disconnected' && lastError === 'line_deleted');
});
