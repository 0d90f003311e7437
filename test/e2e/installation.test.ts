import { afterAll, beforeAll, expect, test } from '@jest/globals';
import axios from 'axios';
import { type Scene, startScene } from '../support/scene.ts';
import { until } from '../support/until.ts';

let scene: Scene;
beforeAll(async () => {
  scene = await startScene();
});
afterAll(() => scene.close());

const EMPLOYEE = 27;

const texts = (id: string): string[] =>
  scene
    .dialogs(id)[0]
    ?.messages.filter(({ authorId }) => authorId !== 0)
    .map(({ text }) => text) ?? [];

/** The fields of the frame somebody opens, as an installation event they might forge of them. */
function forgedInstall(userId: number, applicationToken: string): string {
  const { fields } = scene.portal.openPage('local.gateway', { userId, url: 'http://127.0.0.1/' });
  const { url } = scene.portal;
  return new URLSearchParams({
    event: 'ONAPPINSTALL',
    'auth[access_token]': fields.AUTH_ID ?? '',
    'auth[refresh_token]': fields.REFRESH_ID ?? '',
    'auth[expires_in]': '3600',
    'auth[member_id]': fields.member_id ?? '',
    'auth[client_endpoint]': `${url}/rest/`,
    'auth[server_endpoint]': fields.SERVER_ENDPOINT ?? '',
    'auth[application_token]': applicationToken,
  }).toString();
}

const post = async (form: string): Promise<number> =>
  (
    await axios.post(`${scene.gateway.publicUrl}/bitrix24/events`, form, {
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      validateStatus: () => true,
    })
  ).status;

test('an employee cannot take a portal over with an installation event of their own making', async () => {
  expect(await post(forgedInstall(EMPLOYEE, 'mine'))).toBe(403);
  expect((await scene.api.get<{ state: string }>(`/portals/${scene.portalId}`)).data.state).toBe('active');
  await scene.say('c-1', 'm-1', 'Hello', { name: 'Still ours' });
  await scene.conversation('c-1', ({ name }) => name.applied === 'Still ours');
});

test('what waited while the application was not installed arrives after it was installed again', async () => {
  await scene.say('again', 'm-0', 'Before', { name: 'Kept' });
  await scene.conversation('again', ({ name }) => name.applied === 'Kept');
  scene.portal.uninstall('local.gateway');
  await until(
    async () => (await scene.api.get<{ state: string }>(`/portals/${scene.portalId}`)).data.state === 'uninstalled',
  );
  await scene.say('again', 'm-1', 'While it was gone');
  scene.portal.install('local.gateway');
  await until(() => texts('again').length === 2);
  expect(texts('again')).toEqual(['Before', 'While it was gone']);
});

test('a connector that the portal lost is registered and connected again, and nothing is lost', async () => {
  await scene.say('lost', 'm-0', 'Before');
  await until(() => texts('lost').length === 1);
  const { status } = await axios.post(`${scene.portal.restUrl}imconnector.unregister`, {
    auth: scene.portal.openPage('local.gateway', { userId: 1, url: 'http://127.0.0.1/' }).fields.AUTH_ID,
    ID: scene.connector,
  });
  expect(status).toBe(200);
  await scene.say('lost', 'm-1', 'While it was lost');
  await until(() => texts('lost').length === 2);
});

test('an installation event is not lost to a hiccup of the OAuth server', async () => {
  scene.sandbox.oauthFaults.add({ match: { method: 'app.info', times: 1 }, effect: { html: 502 } });
  const version = async (): Promise<string> =>
    (await scene.api.get<{ appVersion: string }>(`/portals/${scene.portalId}`)).data.appVersion;
  const before = await version();
  scene.portal.update('local.gateway');
  await until(async () => (await version()) !== before);
});

test('the addresses given to Bitrix24 answer when they are checked', async () => {
  for (const path of ['app', 'connector', 'events']) {
    expect((await axios.head(`${scene.gateway.publicUrl}/bitrix24/${path}`)).status).toBe(200);
  }
});

// Last: from here on the portal's own events carry another application token than the one we know.
test('an administrator can install again', async () => {
  expect(await post(forgedInstall(1, 'another'))).toBe(200);
});
