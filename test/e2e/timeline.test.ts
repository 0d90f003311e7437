import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { idOf, listenIn, type MessengerStandIn } from '../support/messengerStandIn.ts';
import { type Scene, startScene } from '../support/scene.ts';
import { until } from '../support/until.ts';

let scene: Scene;
let messenger: MessengerStandIn;
let conversationId = '';
beforeAll(async () => {
  scene = await startScene();
  messenger = await listenIn(scene);
  await scene.say('c-1', 'm-1', 'Hello');
  const { id, dialog } = await scene.conversation('c-1', (view) => view.dialog.chatId !== null);
  conversationId = id;
  scene.portal.operatorMessage(Number(dialog.chatId), 27, { text: 'Hi' });
  await until(() => scene.calls('imconnector.send.status.delivery').length === 1);
  await scene.idle();
});
afterAll(async () => {
  await scene.close();
  await messenger.close();
});

interface Entry {
  at: string;
  type: string;
  id: string;
  what: string;
}
interface PassportView {
  gatewayId: string;
  direction: string;
  externalId: string;
  state: string;
  stages: { stage: string; at: string }[];
}

test('the timeline of a conversation has every event, message, job and attempt, newest first, page by page', async () => {
  const url = `/conversations/${conversationId}/timeline`;
  const whole = (await scene.api.get<{ items: Entry[] }>(url, { params: { limit: 200 } })).data.items;
  const whats = whole.map(({ type, what }) => `${type} ${what}`);
  expect(whats).toEqual(
    expect.arrayContaining([
      'webhookEvent message.created',
      'portalEvent ONIMCONNECTORMESSAGEADD',
      'message toPortal',
      'message toMessenger',
      'job deliverMessage',
      'attempt deliverMessage',
      'attempt deliverReply',
      'attempt confirmDelivery',
    ]),
  );
  expect(whole.map(({ at }) => at)).toEqual([...whole.map(({ at }) => at)].sort().reverse());
  const paged: Entry[] = [];
  for (let cursor: string | null | undefined; cursor !== null;) {
    const { data } = await scene.api.get<{ items: Entry[]; nextCursor: string | null }>(url, {
      params: { limit: 3, ...(cursor ? { cursor } : {}) },
    });
    paged.push(...data.items);
    cursor = data.nextCursor;
  }
  expect(paged).toEqual(whole);
});

test('a message is found by every id it has, with its stages from the webhook to the confirmation', async () => {
  const inbound = (await scene.api.get<PassportView>('/messages/m-1')).data;
  expect(inbound).toMatchObject({ direction: 'toPortal', state: 'delivered' });
  expect(inbound.stages.map(({ stage }) => stage)).toEqual(
    expect.arrayContaining([
      'received:message.created',
      'queued:deliverMessage',
      'attempted:deliverMessage',
      'delivered',
    ]),
  );
  const [delivery] = messenger.of('operator.message.created');
  if (!delivery) throw new Error('nothing was delivered');
  const byGateway = (await scene.api.get<PassportView>(`/messages/${delivery.data.gatewayId}`)).data;
  const byMessenger = (await scene.api.get<PassportView>(`/messages/${idOf(delivery)}`)).data;
  const byPortal = (await scene.api.get<PassportView>(`/messages/${byGateway.externalId}`)).data;
  expect(byMessenger).toEqual(byGateway);
  expect(byPortal).toEqual(byGateway);
  expect(byGateway.stages.map(({ stage }) => stage)).toContain('confirmed');
});

test('an id that two conversations use asks which one is meant; an unknown one is not found', async () => {
  await scene.say('c-2', 'm-1', 'Also m-1');
  await scene.conversation('c-2', (view) => view.dialog.chatId !== null);
  const asked = await scene.api.get('/messages/m-1');
  expect(asked.status).toBe(409);
  const named = await scene.api.get<PassportView>('/messages/m-1', { params: { conversationId } });
  expect(named.status).toBe(200);
  expect((await scene.api.get('/messages/nobody')).status).toBe(404);
});
