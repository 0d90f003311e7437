import { createHmac } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import axios, { type AxiosResponse } from 'axios';
import { type Scene, startScene } from '../support/scene.ts';
import { until } from '../support/until.ts';

let scene: Scene;
beforeAll(async () => {
  scene = await startScene();
});
afterAll(() => scene.close());

interface Made {
  webhookUrl: string;
  webhookSecret: string;
}

/** A messenger of a preset, with a line of its own. */
async function connect(messenger: { slug: string; preset: string; webhookSecret?: string }): Promise<Made> {
  const made = await scene.api.post<Made>('/messengers', { name: messenger.slug, ...messenger });
  expect(made.status).toBe(201);
  const { id: lineId } = scene.portal.addLine({ LINE_NAME: messenger.slug });
  const { portalId, connector } = scene;
  const channel = await scene.api.post('/channels', { portalId, connector, lineId, messenger: messenger.slug });
  expect(channel.status).toBe(201);
  return made.data;
}

const post = (url: string, body: string, headers: Record<string, string>): Promise<AxiosResponse> =>
  axios.post(url, body, { headers: { 'content-type': 'application/json', ...headers }, validateStatus: () => true });

test('a Telegram bot calls as it is: a message makes a dialog, a new title renames it, a repeat changes nothing', async () => {
  const { webhookUrl, webhookSecret } = await connect({ slug: 'tg', preset: 'telegram' });
  const send = (id: number, part: object, secret = webhookSecret) => {
    const chat = { id: -42, type: 'group', title: 'Before' };
    const message = { message_id: id, date: Math.floor(scene.sandbox.clock.now() / 1000), chat, ...part };
    const headers = { 'x-telegram-bot-api-secret-token': secret };
    return post(webhookUrl, JSON.stringify({ update_id: id, message }), headers);
  };
  const from = { id: 7, first_name: 'Ivo' };
  expect((await send(1, { from, text: 'Hello' }, 'guessed-secret-token')).status).toBe(401);
  expect((await send(1, { from, text: 'Hello' })).data).toEqual({ accepted: 1, duplicates: 0 });
  await until(() => scene.dialogs('-42')[0]?.title === 'Before');
  expect((await send(2, { from, new_chat_title: 'After' })).status).toBe(202);
  await until(() => scene.dialogs('-42')[0]?.title === 'After');
  expect((await send(3, { from, pinned_message: {} })).data).toEqual({ accepted: 0, duplicates: 0 });
});

test('a Slack application calls as it is, with its own signing secret', async () => {
  const webhookSecret = '0123456789abcdef0123456789abcdef';
  const { webhookUrl } = await connect({ slug: 'slack', preset: 'slack', webhookSecret });
  const send = (body: object) => {
    const at = String(Math.floor(scene.sandbox.clock.now() / 1000));
    const text = JSON.stringify(body);
    const signature = `v0=${createHmac('sha256', webhookSecret).update(`v0:${at}:${text}`).digest('hex')}`;
    return post(webhookUrl, text, { 'x-slack-request-timestamp': at, 'x-slack-signature': signature });
  };
  const greeting = await send({ type: 'url_verification', challenge: 'c-1' });
  expect([greeting.status, greeting.data]).toEqual([200, { challenge: 'c-1' }]);
  const event = (id: string, inner: object) => send({ type: 'event_callback', event_id: id, event: inner });
  await event('Ev1', { type: 'message', channel: 'C1', user: 'U1', ts: '1.1', text: 'Hello' });
  expect((await event('Ev1', { type: 'message', channel: 'C1', user: 'U1', ts: '1.1', text: 'Hello' })).data).toEqual({
    accepted: 0,
    duplicates: 1,
  });
  await event('Ev2', { type: 'channel_rename', channel: { id: 'C1', name: 'sales' } });
  await until(() => scene.dialogs('C1')[0]?.title === 'sales');
});

test('a secret that its preset could not have made is refused', async () => {
  const refused = await scene.api.post<{ code: string }>('/messengers', {
    ...{ slug: 'wrong', name: 'Wrong', preset: 'slack', webhookSecret: 'short' },
  });
  expect([refused.status, refused.data.code]).toEqual([400, 'invalid_request']);
  const rotated = await scene.api.post('/messengers/tg/secrets', { kind: 'delivery', secret: 'x'.repeat(40) });
  expect(rotated.status).toBe(400);
});
