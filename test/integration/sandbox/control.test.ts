import { connect, CONNECTOR, dialogOf, eventsNamed, item, openScene, send, type Scene } from './scene.ts';

let scene: Scene;
beforeEach(async () => {
  scene = await openScene();
  await connect(scene);
  await send(scene, item('Hello'));
});
afterEach(() => scene.close());

interface State {
  readonly dialogs: {
    readonly chatId: number;
    readonly title: string;
    readonly sessionOpen: boolean;
    readonly messages: { readonly id: number; readonly text: string }[];
  }[];
  readonly lines: { readonly id: number }[];
}
const state = async () => (await scene.control<State>('get', '/state')).data;
const post = <T = object>(path: string, body?: object) => scene.control<T>('post', path, body);

it('the state shows what somebody at the screen would see', async () => {
  expect((await state()).dialogs).toMatchObject([
    { title: 'Ann Lee - Open Channel', sessionOpen: true, messages: [{ text: 'Hello' }] },
  ]);
});

it('people act over HTTP: write, rename, finish', async () => {
  const { chatId } = dialogOf(scene);
  const reply = await post<{ id: number }>(`/dialogs/${chatId}/operator-message`, { text: 'Hi', userId: 27 });
  await post(`/messages/${reply.data.id}/edit`, { text: 'Hi there' });
  await post(`/dialogs/${chatId}/automatic-message`, { text: 'auto' });
  expect((await post(`/dialogs/${chatId}/rename`, { title: 'By hand' })).data).toEqual({ renamed: true });
  expect((await post(`/dialogs/${chatId}/close`)).data).toEqual({ closed: true });
  const [dialog] = (await state()).dialogs;
  expect(dialog).toMatchObject({ title: 'By hand', sessionOpen: false });
  expect(dialog?.messages.map(({ text }) => text)).toEqual(['Hello', 'Hi there', 'auto', expect.any(String)]);
  expect((await eventsNamed(scene, 'ONIMCONNECTORMESSAGEADD')).length).toBe(2);
});

it('what is impossible is refused with a reason', async () => {
  expect(await post('/dialogs/5/rename', { title: 'x' })).toMatchObject({
    status: 404,
    data: { error: 'CHAT_NOT_FOUND' },
  });
  await post(`/connectors/${CONNECTOR}/lines/1/disable`);
  const { chatId } = dialogOf(scene);
  const refused = await post(`/dialogs/${chatId}/operator-message`, { text: 'Hi' });
  expect([refused.status, refused.data]).toMatchObject([409, { error: 'CONNECTOR_NOT_AVAILABLE' }]);
});

it('lines, users and webhooks are made', async () => {
  const line = await post<{ id: number }>('/lines', { name: 'Sales', queue: [7] });
  expect(line.data).toMatchObject({ settings: { LINE_NAME: 'Sales' }, queue: [7] });
  await scene.control('patch', `/lines/${line.data.id}`, { settings: { FULL_CLOSE_TIME: 5 } });
  expect((await scene.control('delete', `/lines/${line.data.id}`)).data).toEqual({ deleted: true });
  expect((await post('/users', { id: 90, name: 'Nina', admin: true })).data).toMatchObject({ id: 90, admin: true });
  expect((await post('/webhooks', { userId: 1, scopes: ['user'], secret: 's' })).data).toEqual({ path: '1/s' });
});

it('the ledger tells every call, without tokens, by method and time', async () => {
  const since = scene.sandbox.clock.now();
  await scene.call('imopenlines.config.get', { CONFIG_ID: 1 });
  await scene.call('profile');
  const { data } = await scene.control('get', `/ledger?method=ImOpenLines.Config.Get&since=${since}`);
  expect(data).toEqual([
    {
      at: expect.any(Number) as number,
      portal: scene.portal.memberId,
      method: 'imopenlines.config.get',
      params: { CONFIG_ID: 1 },
      app: scene.application.clientId,
      userId: 1,
      status: 200,
      error: null,
      executed: true,
      answered: true,
    },
  ]);
  await scene.control('delete', '/ledger');
  expect((await scene.control('get', '/ledger')).data).toEqual([]);
});

it('time, address, tokens and installations are in its hands', async () => {
  const before = scene.sandbox.clock.now();
  expect((await post<{ now: number }>('/clock/advance', { ms: 3600_000 })).data.now).toBeGreaterThanOrEqual(
    before + 3600_000,
  );
  const { clientId } = scene.application;
  expect((await post('/update', { clientId, application: { version: 5 } })).data).toMatchObject({ version: 5 });
  await post('/grants/1/revoke', { clientId });
  expect((await scene.call('profile')).data.error).toBe('invalid_token');
  await post('/uninstall', { clientId, clean: true });
  expect((await post('/install', { clientId })).data).toMatchObject({ active: true, installed: true });
  const page = await post<{ fields: { AUTH_ID: string } }>('/pages/open', { clientId, userId: 7 });
  expect(page.data.fields.AUTH_ID).toHaveLength(70);
  const { data } = await post<{ url: string }>('/portal/move');
  expect(data.url).toBe(scene.portal.url);
});

it('the events that were sent are told with their fate', async () => {
  await scene.portal.events.idle();
  const { data } = await scene.control<object[]>('get', '/events');
  expect(data).toMatchObject([
    { event: 'ONAPPINSTALL', status: 200 },
    { event: 'ONIMCONNECTORDIALOGSTART', status: 200 },
  ]);
});
