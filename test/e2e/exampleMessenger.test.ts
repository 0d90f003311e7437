import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import axios, { type AxiosInstance } from 'axios';
import { type Scene, startScene } from '../support/scene.ts';
import { until } from '../support/until.ts';

interface Room {
  id: string;
  name: string;
  messages: { id: string; from: string; text: string }[];
}

let scene: Scene;
let home = '';
let child: ChildProcess;
let chat: AxiosInstance;

/** Signatures have a time of their own: both sides must live in the same one. */
beforeAll(async () => {
  scene = await startScene();
  home = await mkdtemp(path.join(tmpdir(), 'messenger-'));
  const { data } = await scene.api.post<{ secret: string }>('/messengers/chat/secrets', { kind: 'webhook' });
  const key = await scene.gateway.issueKey('example', ['write']);
  const demo = {
    gatewayUrl: scene.gateway.publicUrl,
    webhookUrl: `${scene.gateway.publicUrl}/webhooks/chat`,
    webhookSecret: data.secret,
    apiKey: key,
  };
  await writeFile(path.join(home, 'demo.json'), JSON.stringify(demo));
  const server = fileURLToPath(new URL('../../examples/messenger/server.mjs', import.meta.url));
  child = spawn(process.execPath, [server], {
    env: { ...process.env, PORT: '0', DEMO_FILE: path.join(home, 'demo.json') },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (!child.stdout) throw new Error('the messenger has no output');
  for await (const line of createInterface({ input: child.stdout })) {
    const url = /http:\S+/.exec(line)?.[0];
    if (url === undefined) continue;
    chat = axios.create({ baseURL: url });
    break;
  }
}, 30_000);
afterAll(async () => {
  child.kill();
  await once(child, 'exit');
  await scene.close();
  await rm(home, { recursive: true });
});

test('a person chats between the reference messenger and the portal: both ways, with everything', async () => {
  expect((await chat.get<string>('/')).data).toContain('<title>Reference messenger</title>');
  const { data: room } = await chat.post<Room>('/rooms', { name: 'Order 1042' });
  const { data: said } = await chat.post<{ id: string }>(`/rooms/${room.id}/messages`, { text: 'Hello' });
  const dialog = () => scene.dialogs(room.id)[0];
  const texts = () => dialog()?.messages.filter(({ deleted }) => !deleted) ?? [];
  await until(() => dialog()?.title === 'Order 1042');

  await chat.patch(`/rooms/${room.id}`, { name: 'Order 1042, Anna' });
  await until(() => dialog()?.title === 'Order 1042, Anna');
  await chat.patch(`/rooms/${room.id}/messages/${said.id}`, { text: 'Hello!' });
  await until(() => texts().some(({ text }) => text === 'Hello!'));
  const { data: file } = await chat.post<{ url: string }>('/files', 'PNG', {
    headers: { 'content-type': 'image/png' },
  });
  const attachments = [{ ...file, name: 'a.png' }];
  await chat.post(`/rooms/${room.id}/messages`, { text: '', attachments });
  await until(() => texts().some(({ files }) => files[0]?.name === 'a.png'));
  await chat.delete(`/rooms/${room.id}/messages/${said.id}`);
  await until(() => !texts().some(({ text }) => text === 'Hello!'));

  const heard = async () =>
    (await chat.get<Room[]>('/rooms')).data[0]?.messages.filter(({ id }) => id.startsWith('o-'));
  const reply = scene.portal.operatorMessage(dialog()?.chatId ?? 0, 27, { text: 'Good [b]morning[/b]' });
  await until(heard, (all) => all?.[0]?.text === 'Good morning');
  await until(() => texts().find(({ id }) => id === reply.id)?.sending === false);
  scene.portal.editMessage(reply.id, 27, 'Good evening');
  await until(heard, (all) => all?.[0]?.text === 'Good evening');
  scene.portal.deleteMessage(reply.id, 27);
  await until(heard, (all) => all?.length === 0);
}, 60_000);
