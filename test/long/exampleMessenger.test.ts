import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import axios, { type AxiosInstance } from 'axios';
import type { Page } from 'playwright-core';
import { CHROMIUM, inBrowser } from '../support/browser.ts';
import { type Scene, startScene } from '../support/scene.ts';
import { until } from '../support/until.ts';

interface Room {
  id: string;
  name: string;
  messages: { id: string; from: string; text: string; deleted?: true }[];
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
    portalUrl: scene.portal.url,
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
    (await chat.get<Room[]>('/rooms')).data
      .find(({ id }) => id === room.id)
      ?.messages.filter(({ id, deleted }) => id.startsWith('o-') && !deleted);
  const reply = scene.portal.operatorMessage(dialog()?.chatId ?? 0, 27, { text: 'Good [b]morning[/b]' });
  await until(heard, (all) => all?.[0]?.text === 'Good morning');
  await until(() => texts().find(({ id }) => id === reply.id)?.sending === false);
  scene.portal.editMessage(reply.id, 27, 'Good evening');
  await until(heard, (all) => all?.[0]?.text === 'Good evening');
  scene.portal.deleteMessage(reply.id, 27);
  await until(heard, (all) => all?.length === 0);
}, 60_000);

const inPages = (executablePath: string): void => {
  test('in their browsers: what one of them writes, answers, changes, deletes and sends, the other one sees', async () => {
    const browser = await inBrowser(executablePath);
    const faults: string[] = [];
    const open = async (url: string): Promise<Page> => {
      const page = await browser.newPage({ viewport: { width: 1100, height: 700 } });
      page.on('pageerror', ({ message }) => faults.push(message));
      page.on('console', (message) => message.type() === 'error' && faults.push(message.text()));
      page.on('request', (request) => !request.url().startsWith('http://127.0.0.1:') && faults.push(request.url()));
      await page.goto(url);
      return page;
    };
    try {
      const anna = await open(chat.defaults.baseURL ?? '');
      const operator = await open(scene.portal.url);
      const mine = (text: string) => anna.locator('li.mine', { hasText: text });
      const theirs = (text: string) => anna.locator('li:not(.mine)', { hasText: text });
      const card = (title: string) => operator.locator('#dialogs .card', { hasText: title });
      const write = async (text: string): Promise<void> => {
        await anna.getByRole('textbox', { name: 'Message' }).fill(text);
        await anna.getByRole('button', { name: 'Send' }).click();
      };
      const answer = async (text: string): Promise<void> => {
        const form = card('Order').first().locator('form', { hasText: 'Answer' });
        await form.getByPlaceholder('Answer as the operator').fill(text);
        await form.getByRole('button', { name: 'Answer' }).click();
      };

      await anna.getByRole('textbox', { name: 'New room' }).fill('Order 2077');
      await anna.getByRole('button', { name: 'Add' }).click();
      await write('Where is my order?');
      await card('Order 2077').getByText('Where is my order?').waitFor();

      await anna.getByRole('textbox', { name: 'Name of the room' }).fill('Order 2077, Anna');
      await anna.getByRole('button', { name: 'Rename' }).click();
      await operator.locator('#dialogs h3', { hasText: 'Order 2077, Anna' }).waitFor();

      await answer('It is [b]on its way[/b]');
      await theirs('It is on its way').waitFor();
      const said = card('Order').first().locator('li.operator', { hasText: 'on its way' });
      await said.getByText('change').click();
      await said.getByRole('textbox', { name: 'New text' }).fill('It arrives today');
      await said.getByRole('button', { name: 'Save' }).click();
      await theirs('It arrives today').getByText('edited').waitFor();

      await theirs('It arrives today').getByRole('button', { name: 'Reply' }).click();
      await write('Great');
      await operator.locator('li.client', { hasText: 'Great' }).locator('q', { hasText: 'It arrives today' }).waitFor();

      await mine('Where is my order?').getByRole('button', { name: 'Edit' }).click();
      await write('Where is my parcel?');
      await card('Order').getByText('Where is my parcel?').waitFor();
      await mine('Where is my parcel?').getByRole('button', { name: 'Delete' }).click();
      await operator.locator('li.client', { hasText: 'deleted' }).waitFor();

      await anna.locator('input[type=file]').setInputFiles({
        name: 'receipt.txt',
        mimeType: 'text/plain',
        buffer: Buffer.from('42 EUR'),
      });
      await write('My receipt');
      await operator.locator('li.client', { hasText: 'My receipt' }).getByText('receipt.txt').waitFor();

      const form = card('Order').first().locator('form', { hasText: 'Answer' });
      await form.locator('input[type=file]').setInputFiles({
        name: 'label.png',
        mimeType: 'image/png',
        buffer: Buffer.from(PIXEL, 'base64'),
      });
      await answer('Your label');
      await theirs('Your label').getByAltText('label.png').waitFor();

      const wrong = card('Order').first().locator('li.operator', { hasText: 'Your label' });
      await wrong.getByText('change').click();
      await wrong.getByRole('button', { name: 'Delete' }).click();
      await anna.locator('li.deleted:not(.mine)').waitFor();
      for (const page of [anna, operator]) {
        expect(
          await page.evaluate('document.documentElement.scrollWidth <= document.documentElement.clientWidth'),
        ).toBe(true);
      }
      expect(faults).toEqual([]);
    } finally {
      await browser.close();
    }
  }, 60_000);
};

const PIXEL = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';

if (CHROMIUM) inPages(CHROMIUM);
