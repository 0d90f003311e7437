import { connect, CONNECTOR, eventsNamed, openScene, registration, visitor, type Body, type Scene } from './scene.ts';

let scene: Scene;
beforeEach(async () => {
  scene = await openScene();
});
afterEach(() => scene.close());

const register = (params: object) => scene.call('imconnector.register', params);
const status = (line = 1) => scene.result('imconnector.status', { CONNECTOR, LINE: line });
const connectors = () => scene.portal.state().connectors;

describe('register', () => {
  const good = registration('acme');
  it.each([
    [{ ...good, ID: 'a.b', NAME: '' }, 'APPLICATION_REGISTRATION_ERROR_POINT'],
    [{ ...good, ID: '', NAME: '' }, 'CONNECTOR_ID_REQUIRED'],
    [{ ...good, NAME: '', ICON: {} }, 'NAME_REQUIRED'],
    [{ ...good, ICON: { COLOR: 'x' }, PLACEMENT_HANDLER: '' }, 'ICON_REQUIRED'],
    [{ ...good, PLACEMENT_HANDLER: '' }, 'NO_PLACEMENT_HANDLER'],
    [{ ...good, NAME: ['x'] }, 'APPLICATION_REGISTRATION_ERROR'],
    [{ ...good, CHAT_GROUP: 'maybe' }, 'APPLICATION_REGISTRATION_ERROR'],
  ])('fails with HTTP 200 and a top-level error: %#', async (params, error) => {
    const answer = await register(params);
    expect(answer.status).toBe(200);
    expect(answer.data).toEqual({ result: false, error, error_description: expect.any(String) as string });
  });

  it('folds the id and takes keys in any case', async () => {
    const { NAME, ICON, PLACEMENT_HANDLER } = good;
    const params = {
      id: 'AcMe',
      name: NAME,
      icon: { data_image: ICON.DATA_IMAGE },
      placement_handler: PLACEMENT_HANDLER,
    };
    expect((await register({ ...params, chat_group: 'Y' })).data.result).toEqual({ result: true });
    expect(connectors()).toMatchObject([{ id: 'acme', flags: { CHAT_GROUP: true, NEED_SIGNATURE: true } }]);
  });

  it('again updates, and leaves flags that were not sent', async () => {
    await register({ ...good, CHAT_GROUP: true, NEED_SIGNATURE: 'N' });
    await register({ ...good, NAME: 'Renamed', NEED_SIGNATURE: 1 });
    expect(connectors()).toMatchObject([{ name: 'Renamed', flags: { CHAT_GROUP: true, NEED_SIGNATURE: true } }]);
  });

  it('takes a connector over from another application', async () => {
    await register(good);
    const other = scene.sandbox.addApplication({ eventsUrl: scene.inbox.url });
    scene.portal.install(other);
    const installs = await eventsNamed(scene, 'ONAPPINSTALL');
    await visitor.post(`${scene.portal.restUrl}imconnector.register`, {
      ...good,
      auth: installs[1]?.auth.access_token,
    });
    expect(connectors()).toMatchObject([{ ownerClientId: other.clientId }]);
  });
});

describe('activate', () => {
  it.each([1, '1', true, 'Y', 'N', 'no', 'false'])('%j switches on', async (ACTIVE) => {
    await scene.result('imconnector.activate', { CONNECTOR, LINE: 1, ACTIVE });
    expect(await status()).toEqual({ LINE: 1, CONNECTOR, ERROR: false, CONFIGURED: true, STATUS: true });
  });

  it.each([0, '0', '', false])('%j deletes the row with its data and tells the owner', async (ACTIVE) => {
    await connect(scene);
    await scene.result('imconnector.connector.data.set', { CONNECTOR, LINE: 1, DATA: { name: 'x' } });
    expect(await scene.result('imconnector.activate', { CONNECTOR, LINE: '1', ACTIVE })).toBe(true);
    expect(await status()).toMatchObject({ CONFIGURED: false, STATUS: false });
    const [event] = await eventsNamed(scene, 'ONIMCONNECTORSTATUSDELETE');
    expect(event?.data).toEqual({ connector: CONNECTOR, line: '1' });
  });

  it('does not ask whether connector or line exist', async () => {
    expect(await scene.result('imconnector.activate', { CONNECTOR: 'ghost', LINE: 99, ACTIVE: 1 })).toBe(true);
  });

  it('needs ACTIVE', async () => {
    const { status: code, data } = await scene.call('imconnector.activate', { CONNECTOR, LINE: 1, ACTIVE: null });
    expect([code, data.argument]).toEqual([400, 'ACTIVE']);
  });
});

it('status echoes the connector in lower case and knows nothing of existence', async () => {
  expect(await scene.result('imconnector.status', { CONNECTOR: 'GHOST' })).toEqual({
    LINE: 0,
    CONNECTOR: 'ghost',
    ERROR: false,
    CONFIGURED: false,
    STATUS: false,
  });
});

it('data.set merges, clears nothing, drops what it does not know and activates nothing', async () => {
  const set = (DATA: object) => scene.result('imconnector.connector.data.set', { CONNECTOR, LINE: 1, DATA });
  await set({ id: '7', Name: 'First', other: 'x' });
  await set({ NAME: '', URL: 'https://x' });
  expect(scene.portal.state().statuses).toMatchObject([
    { data: { ID: '7', NAME: 'First', URL: 'https://x' }, usable: false },
  ]);
});

it('data.set with a text makes the portal stumble', async () => {
  const { status: code } = await scene.call('imconnector.connector.data.set', { CONNECTOR, LINE: 1, DATA: 'x' });
  expect(code).toBe(500);
});

it('set.error blocks silently until the next activate', async () => {
  await connect(scene);
  expect(await scene.result('imconnector.set.error', { CONNECTOR, LINE: 1 })).toEqual({ SUCCESS: true, DATA: [] });
  expect(await status()).toMatchObject({ ERROR: true, CONFIGURED: true, STATUS: false });
  await scene.result('imconnector.activate', { CONNECTOR, LINE: 1, ACTIVE: 1 });
  expect(await status()).toMatchObject({ ERROR: false, STATUS: true });
  expect(await eventsNamed(scene, 'ONIMCONNECTORSTATUSDELETE')).toEqual([]);
});

it('unregister of a foreign id cuts its lines, keeps it registered and says true', async () => {
  await connect(scene);
  const other = scene.sandbox.addApplication({ eventsUrl: scene.inbox.url });
  scene.portal.install(other);
  const installs = await eventsNamed(scene, 'ONAPPINSTALL');
  const auth = installs[1]?.auth.access_token;
  const { data } = await visitor.post<Body>(`${scene.portal.restUrl}imconnector.unregister`, { ID: CONNECTOR, auth });
  expect(data.result).toEqual({ result: true });
  expect(connectors().map(({ id }) => id)).toContain(CONNECTOR);
  expect(await status()).toMatchObject({ STATUS: false });
});

it('unregister of an unknown id is a success, of an empty one a failure with HTTP 200', async () => {
  expect(await scene.result('imconnector.unregister', { ID: 'ghost' })).toEqual({ result: true });
  const { status: code, data } = await scene.call('imconnector.unregister', { ID: '' });
  expect([code, data.error]).toEqual([200, 'APPLICATION_UNREGISTRATION_ERROR']);
});

it('list is an object of ids and names, and answers webhooks in its own way', async () => {
  await connect(scene);
  expect(await scene.result('imconnector.list')).toMatchObject({ livechat: 'Live Chat', [CONNECTOR]: 'Acme' });
  const path = scene.portal.addWebhook(1, ['imopenlines']);
  const answer = await visitor.get<Body>(`${scene.portal.restUrl}${path}/imconnector.list`);
  expect([answer.status, answer.data.error]).toEqual([400, 'ERROR_CORE']);
});

it('a line is deleted with a word per connector and a bare number for everybody', async () => {
  await connect(scene);
  expect(await scene.result('imopenlines.config.delete', { CONFIG_ID: 1 })).toBe(true);
  expect((await eventsNamed(scene, 'ONIMCONNECTORSTATUSDELETE')).map(({ data }) => data)).toEqual([
    { connector: CONNECTOR, line: '1' },
    { connector: 'acme_rooms', line: '1' },
  ]);
  expect((await eventsNamed(scene, 'ONIMCONNECTORLINEDELETE')).map(({ data }) => data)).toEqual(['1']);
  expect(await scene.result('imopenlines.config.get', { CONFIG_ID: 1 })).toBe(false);
});
