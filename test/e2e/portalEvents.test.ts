import { afterAll, beforeAll, expect, test } from '@jest/globals';
import axios, { type AxiosResponse } from 'axios';
import { type Database, createDatabase } from '../../src/db/database.ts';
import type { Logger, LogFields } from '../../src/kit/logger.ts';
import { buildQuery } from '../../src/sandbox/php/query.ts';
import type { Params } from '../../src/sandbox/php/values.ts';
import { type Scene, startScene } from '../support/scene.ts';
import { until } from '../support/until.ts';

/** The door of Bitrix24's events: what is believed, what is kept, what is not (contract platform §5, imconnector §4). */

const lines: string[] = [];
const note = (event: string, fields: LogFields = {}): void => void lines.push(JSON.stringify({ event, ...fields }));
const log: Logger = { error: note, warn: note, info: note, debug: note };

let scene: Scene;
let db: Database;
let token: string;
beforeAll(async () => {
  scene = await startScene({ log });
  db = createDatabase({ url: scene.databaseUrl });
  token = scene.portal.state().installations[0]?.applicationToken ?? '';
  await scene.say('c-1', 'm-1', 'Hello');
  await scene.idle();
});
afterAll(async () => {
  await db.close();
  await scene.close();
});

const postRaw = (body: string): Promise<AxiosResponse<{ code?: string }>> =>
  axios.post(`${scene.gateway.publicUrl}/bitrix24/events`, body, {
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    validateStatus: () => true,
    maxBodyLength: Infinity,
  });
const post = async (event: string, data: unknown, auth: Params = {}): Promise<[number, string | undefined]> => {
  const whole = { member_id: scene.portal.memberId, application_token: token, ...auth };
  const { status, data: body } = await postRaw(buildQuery({ event, data, ts: 1_760_000_000, auth: whole }));
  return [status, body.code];
};
const stored = (): Promise<number> => db.prisma.portalEvent.count();
const reply = (messageId: number, more: Params = {}, chat = 'c-1') => ({
  im: { chat_id: 1763, message_id: messageId },
  message: { user_id: 27, text: `[b]Clara:[/b] [br]Reply ${messageId}`, ...more },
  chat: { id: chat },
});
const added = (messages: unknown, connector = scene.connector) => ({
  CONNECTOR: connector,
  LINE: 1,
  MESSAGES: messages,
});

const refusals: [string, string, Params, number, string][] = [
  ['a wrong application token', 'ONIMCONNECTORMESSAGEADD', { application_token: 'wrong' }, 403, 'unverified_origin'],
  ['no application token', 'ONIMCONNECTORMESSAGEADD', { application_token: '' }, 403, 'unverified_origin'],
  ['an unknown portal', 'ONIMCONNECTORMESSAGEADD', { member_id: 'nobody' }, 403, 'unverified_origin'],
  ['a forged installation', 'ONAPPINSTALL', { access_token: 'x', refresh_token: 'y' }, 403, 'unverified_origin'],
  [
    'a forged update',
    'ONAPPUPDATE',
    { access_token: 'x', refresh_token: 'y', client_endpoint: 'http://127.0.0.1:9/rest/' },
    403,
    'unverified_origin',
  ],
  ['a forged uninstallation', 'ONAPPUNINSTALL', { application_token: 'wrong' }, 403, 'unverified_origin'],
];
test.each(refusals)('%s is refused, and nothing is stored', async (_what, event, auth, status, code) => {
  const before = await stored();
  expect(await post(event, added([reply(1)]), auth)).toEqual([status, code]);
  expect(await stored()).toBe(before);
  expect((await scene.api.get<{ state: string }>(`/portals/${scene.portalId}`)).data.state).toBe('active');
});

test.each<[string, () => unknown, string]>([
  ['a message of a connector that is not ours', () => added([reply(2)], 'somebody_else'), 'ONIMCONNECTORMESSAGEADD'],
  ['a line of somebody else that was deleted', () => 4711, 'ONIMCONNECTORLINEDELETE'],
  ['a foreign connector that was disconnected', () => ({ connector: 'else', line: 1 }), 'ONIMCONNECTORSTATUSDELETE'],
])('%s is answered and not kept', async (_what, data, event) => {
  const before = await stored();
  expect(await post(event, data())).toEqual([200, undefined]);
  expect(await stored()).toBe(before);
});

test.each([
  ['broken percent-encoding', 'event=%E0%A4%A'],
  ['a name that reaches into our objects', 'event=X&data[__proto__][a]=1'],
  ['brackets that do not close', 'event=X&data[a=1'],
  ['text and map at once', 'event=X&data=1&data[a]=2'],
  ['no event at all', 'auth[member_id]=m&auth[application_token]=t'],
  ['nothing', ''],
])('%s is refused as malformed', async (_what, body) => {
  const before = await stored();
  const { status } = await postRaw(body);
  expect([400, 403]).toContain(status);
  expect(await stored()).toBe(before);
});

test('an event of two megabytes is refused', async () => {
  const { status, data } = await postRaw(`event=X&data=${'a'.repeat(2 * 1024 * 1024)}`);
  expect([status, data.code]).toEqual([413, 'payload_too_large']);
});

test('thirty messages, six levels deep, are one event; the same again is none, whatever else changed', async () => {
  const files = [{ name: 'a.png', type: 'image', mime: 'image/png', link: 'http://127.0.0.1/a', size: 5 }];
  const messages = Array.from({ length: 30 }, (_, n) => reply(1_000 + n, { files }));
  const before = await stored();
  expect((await post('ONIMCONNECTORMESSAGEADD', added(messages)))[0]).toBe(200);
  expect(await stored()).toBe(before + 1);
  const row = await db.prisma.portalEvent.findFirstOrThrow({ orderBy: { id: 'desc' } });
  const { data } = row.payload as { data: { MESSAGES: { message: { files: { name: string }[] } }[] } };
  expect([data.MESSAGES.length, data.MESSAGES[29]?.message.files[0]?.name]).toEqual([30, 'a.png']);
  expect(JSON.stringify(row.payload)).not.toContain(token);
  // Index keys of a list with gaps, and the events of another second.
  const again = Object.fromEntries(messages.map((message, index) => [String(index), message]));
  expect((await post('onImConnectorMessageAdd', added(again)))[0]).toBe(200);
  expect(await stored()).toBe(before + 1);
});

test('an event without any user behind it is believed by its application token', async () => {
  await until(() => scene.dialogs('c-1').length === 1);
  const chatId = scene.dialogs('c-1')[0]?.chatId ?? 0;
  scene.portal.closeDialog(chatId, { userId: null, atOnce: true });
  await scene.conversation('c-1', ({ dialog }) => !dialog.sessionOpen);
  const sent = scene.portal.events.sent().filter(({ event }) => event === 'ONIMCONNECTORDIALOGFINISH');
  expect(sent.at(-1)).toMatchObject({ status: 200 });
});

test('keys in lower case and a bare number are understood where the portal sends them', async () => {
  const line = scene.portal.addLine();
  const wish = { portalId: scene.portalId, messenger: 'chat', connector: scene.connector, lineId: line.id };
  const { data: channel } = await scene.api.post<{ id: string }>('/channels', wish);
  const channelIs = (lastError: string) =>
    until(
      async () => (await scene.api.get<{ state: string; lastError: string }>(`/channels/${channel.id}`)).data,
      (view) => view.state === 'disconnected' && view.lastError === lastError,
    );
  scene.portal.disableConnector(scene.connector, line.id);
  await channelIs('disconnected_on_portal');
  scene.portal.deleteLine(line.id);
  await channelIs('line_deleted');
});

test('no line of the log repeats a token, a text or a name', () => {
  const whole = lines.join('\n');
  expect(whole).toContain('portalEvent.received');
  for (const secret of [token, 'Reply 1000', 'Clara', 'Hello']) expect(whole).not.toContain(secret);
});
