import { connect, CONNECTOR, dialogOf, eventsNamed, item, openScene, send, visitor, type Scene } from './scene.ts';

let scene: Scene;
beforeEach(async () => {
  scene = await openScene();
});
afterEach(() => scene.close());

const id = () => scene.application.clientId;

async function installPageApplication() {
  const application = scene.sandbox.addApplication({ kind: 'ui', pageUrl: scene.inbox.url.replace('events', 'page') });
  scene.portal.install(application);
  await scene.portal.events.idle();
  return application;
}

it('a headless application is called back at once, with a pair of tokens', async () => {
  const [event] = await eventsNamed(scene, 'ONAPPINSTALL');
  expect(event?.data).toEqual({ VERSION: '1', ACTIVE: 'Y', INSTALLED: 'Y', LANGUAGE_ID: 'en' });
  expect(event?.auth).toMatchObject({
    domain: scene.portal.domain,
    client_endpoint: scene.portal.restUrl,
    server_endpoint: `${scene.sandbox.oauthUrl}/rest/`,
    member_id: scene.portal.memberId,
    user_id: '1',
    expires_in: '3600',
    refresh_token: expect.any(String) as string,
    application_token: expect.stringMatching(/^[0-9a-f]{32}$/) as string,
  });
});

it('only an administrator installs', () => {
  expect(() => scene.portal.install(id(), 7)).toThrow('administrator');
});

it('a page is opened with a form for the employee who opened it', async () => {
  const { action, fields } = scene.portal.openPage(id(), { userId: 7 });
  const query = new URL(action).searchParams;
  expect([query.get('DOMAIN'), query.get('PROTOCOL'), query.get('LANG')]).toEqual([scene.portal.domain, '0', 'en']);
  expect(fields).toMatchObject({
    member_id: scene.portal.memberId,
    status: 'L',
    PLACEMENT: 'DEFAULT',
    AUTH_EXPIRES: '3600',
  });
  expect(fields.APPLICATION_TOKEN).toBe(scene.tokens.application_token);
  const profile = await visitor.post(`${scene.portal.restUrl}profile`, { auth: fields.AUTH_ID });
  expect(profile.data).toMatchObject({ result: { ID: '7', ADMIN: false } });
});

it('an application with a page gets no events until its installer finished, and the install event each time it does', async () => {
  const { clientId } = await installPageApplication();
  const auth = scene.portal.openPage(clientId, { userId: 1 }).fields.AUTH_ID;
  for (const event of ['OnAppInstall', 'OnAppTest']) {
    await visitor.post(`${scene.portal.restUrl}event.bind`, { auth, event, handler: scene.inbox.url });
  }
  await visitor.post(`${scene.portal.restUrl}event.test`, { auth });
  expect(await eventsNamed(scene, 'ONAPPTEST')).toEqual([]);
  expect(scene.portal.setInstalled(clientId, 7)).toBe(false);
  scene.portal.setInstalled(clientId);
  scene.portal.setInstalled(clientId);
  await visitor.post(`${scene.portal.restUrl}event.test`, { auth, any: 'thing' });
  expect(await eventsNamed(scene, 'ONAPPINSTALL')).toHaveLength(3);
  const [test] = await eventsNamed(scene, 'ONAPPTEST');
  expect(test?.data).toMatchObject({ QUERY: { any: 'thing' } });
  expect(test?.auth.refresh_token).toBeDefined();
});

it('an update drops the handlers and brings a new application token', async () => {
  await connect(scene);
  scene.portal.update(id());
  const [event] = await eventsNamed(scene, 'ONAPPUPDATE');
  expect(event?.data).toEqual({ VERSION: '2', PREVIOUS_VERSION: '1', LANGUAGE_ID: 'en' });
  expect(event?.auth.application_token).not.toBe(scene.tokens.application_token);
  expect(event?.auth.refresh_token).toBeDefined();
  expect(await scene.result('event.get')).toEqual([]);
});

it('an uninstall takes connectors and handlers along, tells without tokens, and leaves the dialogs', async () => {
  await connect(scene);
  await send(scene, item('Hello'));
  await scene.result('event.bind', { event: 'OnAppUninstall', handler: scene.inbox.url });
  scene.portal.uninstall(id(), { clean: true });
  const [event] = await eventsNamed(scene, 'ONAPPUNINSTALL');
  expect(event?.data).toEqual({ LANGUAGE_ID: 'en', CLEAN: '1' });
  expect(event?.auth).not.toHaveProperty('access_token');
  expect(event?.auth.application_token).toBe(scene.tokens.application_token);
  const { connectors, statuses, bindings, dialogs } = scene.portal.state();
  expect([connectors, statuses, bindings, dialogs.length]).toEqual([[], [], [], 1]);
});

it('a re-install keeps the application token and revives the chats', async () => {
  await connect(scene);
  await send(scene, item('Hello'));
  const { chatId } = dialogOf(scene);
  scene.portal.uninstall(id());
  scene.portal.install(id());
  const [, again] = await eventsNamed(scene, 'ONAPPINSTALL');
  expect(again?.auth.application_token).toBe(scene.tokens.application_token);
  Object.assign(scene.tokens, again?.auth);
  await connect(scene);
  await send(scene, item('again'));
  expect(dialogOf(scene).chatId).toBe(chatId);
});

it('the settings page of a connector is opened by the act of connecting', async () => {
  await connect(scene);
  await scene.result('imconnector.activate', { CONNECTOR, LINE: 1, ACTIVE: 0 });
  const { action, fields } = scene.portal.openConnectorSettings(CONNECTOR, 1);
  expect(action.startsWith('http://127.0.0.1:9/connector?DOMAIN=')).toBe(true);
  expect(fields.PLACEMENT).toBe('SETTING_CONNECTOR');
  expect(JSON.parse(fields.PLACEMENT_OPTIONS ?? '')).toEqual({
    CONNECTOR,
    LINE: '1',
    STATUS: false,
    ACTIVE_STATUS: true,
    CONNECTION_STATUS: false,
    REGISTER_STATUS: false,
    ERROR_STATUS: false,
    URI: expect.any(String) as string,
  });
});

it('after a move the old address redirects, and refresh and events name the new one', async () => {
  const old = scene.portal.restUrl;
  const moved = await scene.portal.move();
  const answer = await visitor.post(`${old}profile`, { auth: scene.tokens.access_token }, { maxRedirects: 0 });
  expect([answer.status, answer.headers.location]).toEqual([302, `${moved}/rest/profile`]);
  expect(scene.portal.restUrl).toBe(`${moved}/rest/`);
  expect((await scene.call('profile')).status).toBe(200);
  await scene.result('event.bind', { event: 'OnAppTest', handler: scene.inbox.url });
  await scene.result('event.test');
  const [event] = await eventsNamed(scene, 'ONAPPTEST');
  expect(event?.auth).toMatchObject({ client_endpoint: `${moved}/rest/`, domain: new URL(moved).host });
});

it('a client that follows the redirect loses its token', async () => {
  const old = scene.portal.restUrl;
  await scene.portal.move();
  const answer = await visitor.post(`${old}profile`, { auth: scene.tokens.access_token });
  expect(answer.data).toMatchObject({ error: 'NO_AUTH_FOUND' });
});
