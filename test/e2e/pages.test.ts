import { afterAll, beforeAll, expect, test } from '@jest/globals';
import axios, { type AxiosResponse } from 'axios';
import type { FrameForm } from '../../src/sandbox/install/pages.ts';
import { type Scene, startScene } from '../support/scene.ts';
import { until } from '../support/until.ts';

/** The pages Bitrix24 shows in its frame, over HTTP: who may open them, and what they save. */

const CLIENT_ID = 'local.gateway';
const EMPLOYEE = 27;

let scene: Scene;
beforeAll(async () => {
  scene = await startScene();
});
afterAll(() => scene.close());

const visitor = axios.create({ validateStatus: () => true });
const post = (form: FrameForm): Promise<AxiosResponse<string>> =>
  visitor.post(form.action, new URLSearchParams(form.fields));
const appForm = (userId = 1): FrameForm =>
  scene.portal.openPage(CLIENT_ID, { userId, url: `${scene.gateway.publicUrl}/bitrix24/app` });
const settingsForm = (line: number, userId = 1): FrameForm =>
  scene.portal.openConnectorSettings(scene.connector, line, userId);
const sessionOf = (page: string): string => /data-session="([^"]+)"/.exec(page)?.[1] ?? '';
const save = (session: string, wish: object): Promise<AxiosResponse<Record<string, unknown>>> =>
  visitor.post(`${scene.gateway.publicUrl}/bitrix24/connector/line`, wish, {
    headers: { authorization: `Bearer ${session}` },
  });
const WISH = { messenger: 'chat', titleTemplate: '{name} ({id})', companionMode: 'off' };
const channels = async () =>
  (
    await scene.api.get<{ items: { id: string; lineId: number; titleTemplate: string | null; state: string }[] }>(
      '/channels',
    )
  ).data.items;

test('pages may be framed by their own portal and nobody else, and bring nothing from other hosts', async () => {
  const { url } = scene.portal;
  for (const form of [appForm(), settingsForm(1)]) {
    const { status, headers, data } = await post(form);
    expect(status).toBe(200);
    expect(headers['x-frame-options']).toBeUndefined();
    expect(headers['set-cookie']).toBeUndefined();
    expect(headers['cache-control']).toBe('no-store');
    const policy = String(headers['content-security-policy']);
    expect(policy).toContain(`frame-ancestors ${url}`);
    expect(policy).not.toMatch(/unsafe|\*/);
    expect(data).not.toMatch(/(src|href)="(?!\/)/);
  }
});

test('an administrator chooses messenger, title and companions, and the line is connected', async () => {
  const { id: line } = scene.portal.addLine({ LINE_NAME: 'Shop' });
  const page = await post(settingsForm(line));
  expect(page.data).toMatch(/<option value="chat" *>/);
  const saved = await save(sessionOf(page.data), { ...WISH, companionMode: 'onDemand' });
  expect([saved.status, saved.data]).toEqual([200, { state: 'ready', lastError: null }]);
  const status = scene.portal.state().statuses.find((one) => one.line === line);
  expect(status).toMatchObject({ usable: true });
  expect(await channels()).toContainEqual(
    expect.objectContaining({ lineId: line, titleTemplate: WISH.titleTemplate, companion: { mode: 'onDemand' } }),
  );
  const again = await post(settingsForm(line));
  expect(again.data).toMatch(/<option value="chat" +selected>/);
  expect(again.data).toContain('value="{name} ({id})"');
  expect(again.data).toContain('Connected.');
});

test('saving again changes what was chosen: the dialogs get their new titles', async () => {
  await scene.say('titled', 'm-1', 'Hello', { name: 'Order' });
  await scene.conversation('titled', ({ name }) => name.applied === 'Order');
  const session = sessionOf((await post(settingsForm(1))).data);
  expect((await save(session, { ...WISH, titleTemplate: '{name} at {messenger}' })).data.state).toBe('ready');
  await until(() => scene.dialogs('titled')[0]?.title === 'Order at Chat');
  expect((await save(session, { ...WISH, titleTemplate: null })).data.state).toBe('ready');
  await until(() => scene.dialogs('titled')[0]?.title === 'Order');
});

test('another messenger can take a line over only while nobody has spoken through it', async () => {
  await scene.api.post('/messengers', { slug: 'other', name: 'Other' });
  const { id: line } = scene.portal.addLine();
  const fresh = sessionOf((await post(settingsForm(line))).data);
  expect((await save(fresh, WISH)).status).toBe(200);
  expect((await save(fresh, { ...WISH, messenger: 'other' })).data).toMatchObject({ state: 'ready' });
  const used = sessionOf((await post(settingsForm(1))).data);
  const refused = await save(used, { ...WISH, messenger: 'other' });
  expect([refused.status, refused.data.code]).toEqual([409, 'in_use']);
  expect((await save(used, { ...WISH, messenger: 'nobody' })).status).toBe(400);
});

test('an employee gets a clear message, no form and no session', async () => {
  for (const form of [appForm(EMPLOYEE), settingsForm(1, EMPLOYEE)]) {
    const { status, data } = await post(form);
    expect(status).toBe(200);
    expect(data).toContain('Only administrators');
    expect(sessionOf(data)).toBe('');
  }
});

test('a page session ends, and cannot be made up', async () => {
  const session = sessionOf((await post(settingsForm(1))).data);
  for (const made of ['', 'x', `${session}x`, session.slice(0, -4)]) {
    expect((await save(made, WISH)).status).toBe(401);
  }
  scene.advance(31 * 60_000);
  const late = await save(session, WISH);
  expect([late.status, late.data.code]).toEqual([401, 'unauthorized']);
  expect((await save(sessionOf((await post(settingsForm(1))).data), { ...WISH, extra: 1 })).status).toBe(400);
});

test('a line that was deleted while the page was open is refused', async () => {
  const { id: line } = scene.portal.addLine();
  const session = sessionOf((await post(settingsForm(line))).data);
  scene.portal.deleteLine(line);
  const refused = await save(session, WISH);
  expect([refused.status, refused.data.code]).toEqual([422, 'line_not_found']);
});

test('opened again and again the page installs nothing anew', async () => {
  await scene.idle();
  const before = scene.calls('event.get').length;
  for (let n = 0; n < 3; n += 1) expect((await post(appForm())).data).toContain('Lines are connected');
  await scene.idle();
  expect(scene.calls('event.get')).toHaveLength(before);
});

test.each<[string, (form: FrameForm) => FrameForm]>([
  [
    'a foreign portal',
    ({ action, fields }) => ({ action: action.replace(/DOMAIN=[^&]+/, 'DOMAIN=evil.example'), fields }),
  ],
  ['another member', ({ action, fields }) => ({ action, fields: { ...fields, member_id: 'somebody' } })],
  ['a made-up token', ({ action, fields }) => ({ action, fields: { ...fields, AUTH_ID: 'made-up' } })],
  ['no token', ({ action, fields }) => ({ action, fields: { ...fields, AUTH_ID: '' } })],
])('a frame of %s is refused, and nothing is stored', async (_what, forge) => {
  const portals = (await scene.api.get<{ items: unknown[] }>('/portals')).data.items;
  const { status, data } = await visitor.post<{ code: string }>(
    forge(appForm()).action,
    new URLSearchParams(forge(appForm()).fields),
  );
  expect([status, data.code]).toEqual([403, 'unverified_origin']);
  expect((await scene.api.get<{ items: unknown[] }>('/portals')).data.items).toEqual(portals);
});

test('the token of another application on the same portal is worth nothing', async () => {
  const other = scene.sandbox.addApplication({
    clientId: 'local.other',
    pageUrl: `${scene.gateway.publicUrl}/bitrix24/app`,
  });
  scene.portal.install(other);
  const { status } = await post(scene.portal.openPage('local.other', { userId: 1 }));
  expect(status).toBe(403);
});

test('the OAuth server the form names is not asked unless it is one of ours', async () => {
  const { action, fields } = appForm();
  const { status } = await post({ action, fields: { ...fields, SERVER_ENDPOINT: 'http://127.0.0.1:9/rest/' } });
  expect(status).toBe(200);
});
