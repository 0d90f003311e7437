import {
  chatOf,
  connect,
  CONNECTOR,
  dialogOf,
  eventsNamed,
  GROUP,
  item,
  openScene,
  registration,
  send,
  type Scene,
  visitor,
} from './scene.ts';

let scene: Scene;
let chatId: number;
beforeEach(async () => {
  scene = await openScene();
  await connect(scene);
  chatId = await chatOf(scene, item('Hello'));
});
afterEach(() => scene.close());

const delivery = (element: unknown) =>
  scene.result('imconnector.send.status.delivery', { CONNECTOR, LINE: 1, MESSAGES: [element] });
const stored = (id: number) => dialogOf(scene).messages.find((message) => message.id === id);

it('a reply goes out signed, without the external user, and shows as being sent', async () => {
  const { id } = scene.portal.operatorMessage(chatId, 27, { text: 'Hi!' });
  const [event] = await eventsNamed(scene, 'ONIMCONNECTORMESSAGEADD');
  expect(event?.data).toEqual({
    CONNECTOR,
    LINE: '1',
    MESSAGES: [
      {
        im: { chat_id: String(chatId), message_id: String(id) },
        message: { user_id: '27', text: '[b]Clara Lindt:[/b] [br]Hi!' },
        chat: { id: 'c-1' },
      },
    ],
  });
  expect(stored(id)?.sending).toBe(true);
});

it('files come with link, kind and size; files alone are signed alone', async () => {
  scene.portal.operatorMessage(chatId, 27, {
    text: '',
    files: [{ name: 'a.png', url: 'https://x/a', mime: 'image/png' }],
  });
  const [event] = await eventsNamed(scene, 'ONIMCONNECTORMESSAGEADD');
  const file = { name: 'a.png', type: 'image', mime: 'image/png', link: 'https://x/a', width: '646', height: '615' };
  expect(event?.data).toMatchObject({ MESSAGES: [{ message: { text: '[b]Clara Lindt:[/b]', files: [file] } }] });
});

it('without NEED_SIGNATURE and NEED_SYSTEM_MESSAGES there is no signature and no automatic text', async () => {
  await scene.result('imconnector.register', registration(CONNECTOR, { NEED_SIGNATURE: 0, NEED_SYSTEM_MESSAGES: 0 }));
  scene.portal.automaticMessage(chatId, 'We are closed');
  scene.portal.operatorMessage(chatId, 27, { text: 'Hi!' });
  const events = await eventsNamed(scene, 'ONIMCONNECTORMESSAGEADD');
  expect(events.map(({ data }) => data)).toMatchObject([{ MESSAGES: [{ message: { text: 'Hi!' } }] }]);
});

it('an automatic text has user 0, no signature and no tokens', async () => {
  scene.portal.automaticMessage(chatId, 'We are closed');
  const [event] = await eventsNamed(scene, 'ONIMCONNECTORMESSAGEADD');
  expect(event?.data).toMatchObject({ MESSAGES: [{ message: { user_id: '0', text: 'We are closed' } }] });
  expect(event?.auth.access_token).toBeUndefined();
});

it('hidden messages stay inside', async () => {
  scene.portal.operatorMessage(chatId, 27, { text: 'for us', hidden: true });
  expect(await eventsNamed(scene, 'ONIMCONNECTORMESSAGEADD')).toEqual([]);
});

it.each<[string, () => unknown]>([
  ['the connector is disabled', () => scene.portal.disableConnector(CONNECTOR, 1)],
  ['the line is switched off', () => scene.portal.changeLine(1, { ACTIVE: 'N' })],
])('an operator cannot write while %s', (_state, prepare) => {
  prepare();
  expect(() => scene.portal.operatorMessage(chatId, 27, { text: 'Hi' })).toThrow('not connected');
});

it('an operator who writes first opens a session', async () => {
  scene.portal.closeDialog(chatId);
  scene.portal.operatorMessage(chatId, 29, { text: 'Still there?' });
  expect(await eventsNamed(scene, 'ONIMCONNECTORDIALOGSTART')).toHaveLength(2);
  expect(dialogOf(scene)).toMatchObject({ sessionOpen: true, ownerId: 29 });
});

it('the first delivery status stores the ids and clears the mark; a second cannot change them', async () => {
  const { id } = scene.portal.operatorMessage(chatId, 27, { text: 'Hi!' });
  const im = { chat_id: chatId, message_id: id };
  expect(await delivery({ im, message: { id: ['ext-1', 'ext-2'] }, chat: { id: 'c-1' } })).toEqual({
    SUCCESS: true,
    DATA: [],
  });
  await delivery({ im, message: { id: ['other'] }, chat: { id: 'c-1' } });
  expect(stored(id)).toMatchObject({ sending: false, readByClient: true, connectorMid: ['ext-1', 'ext-2'] });
});

it('a status without ids uses the only chance up', async () => {
  const { id } = scene.portal.operatorMessage(chatId, 27, { text: 'Hi!' });
  await delivery({ im: { message_id: id } });
  await delivery({ im: { message_id: id }, message: { id: 'late' } });
  expect(stored(id)).toMatchObject({ sending: false, connectorMid: [] });
});

it('a status takes garbage and dead lines, but no unknown connector', async () => {
  scene.portal.disableConnector(CONNECTOR, 1);
  expect(await delivery({ im: 'text' })).toEqual({ SUCCESS: true, DATA: [] });
  const params = { CONNECTOR: 'ghost', LINE: 1, MESSAGES: [] };
  const { status, data } = await scene.call('imconnector.send.status.delivery', params);
  expect([status, data.error]).toEqual([400, 'IMCONNECTOR_NO_CORRECT_PROVIDER']);
});

it('reading has no effect', async () => {
  const { id } = scene.portal.operatorMessage(chatId, 27, { text: 'Hi!' });
  await scene.result('imconnector.send.status.reading', { CONNECTOR, LINE: 1, MESSAGES: [{ im: { message_id: id } }] });
  expect(stored(id)?.sending).toBe(true);
});

it('edits and deletes come only for messages with external ids: an array, then one scalar each', async () => {
  const silent = scene.portal.operatorMessage(chatId, 27, { text: 'One' });
  const known = scene.portal.operatorMessage(chatId, 27, { text: 'Two' });
  await delivery({ im: { message_id: known.id }, message: { id: ['x', 'y'] } });
  for (const { id } of [silent, known]) {
    scene.portal.editMessage(id, 27, 'Edited');
    scene.portal.deleteMessage(id, 27);
  }
  const updates = await eventsNamed(scene, 'ONIMCONNECTORMESSAGEUPDATE');
  expect(updates.map(({ data }) => data)).toMatchObject([
    { MESSAGES: [{ message: { id: ['x', 'y'], text: '[b]Clara Lindt:[/b][br] Edited' } }] },
  ]);
  const deletes = await eventsNamed(scene, 'ONIMCONNECTORMESSAGEDELETE');
  expect(deletes.map(({ data }) => data)).toMatchObject([
    { MESSAGES: [{ message: { id: 'x' } }, { message: { id: 'y' } }] },
  ]);
});

it('operator messages with attached ids can be changed from outside', async () => {
  const { id } = scene.portal.operatorMessage(chatId, 27, { text: 'Hi!' });
  await delivery({ im: { message_id: id }, message: { id: ['ext'] } });
  await scene.result('imconnector.update.messages', {
    CONNECTOR,
    LINE: 1,
    MESSAGES: [item('From the phone', { message: { id: 'ext' } })],
  });
  expect(stored(id)?.text).toBe('From the phone');
});

it('DialogFinish waits for the closing time and then has no user behind it', async () => {
  scene.portal.changeLine(1, { FULL_CLOSE_TIME: '10' });
  scene.portal.closeDialog(chatId, { userId: 27 });
  expect(await eventsNamed(scene, 'ONIMCONNECTORDIALOGFINISH')).toEqual([]);
  scene.sandbox.advance(10 * 60_000);
  const [event] = await eventsNamed(scene, 'ONIMCONNECTORDIALOGFINISH');
  expect(event?.data).toMatchObject({ DATA: [{ session: { closed: 'Y', close_term: '10' } }] });
  expect(Object.keys(event?.auth ?? {}).sort()).toEqual([
    'application_token',
    'client_endpoint',
    'domain',
    'member_id',
    'server_endpoint',
  ]);
});

it('a message in the closing time keeps the session', async () => {
  scene.portal.changeLine(1, { FULL_CLOSE_TIME: '10' });
  scene.portal.closeDialog(chatId);
  await send(scene, item('wait'));
  scene.sandbox.advance(60 * 60_000);
  expect(dialogOf(scene).sessionOpen).toBe(true);
});

it('events of a connector go to its owner only, the end of a line to everybody bound', async () => {
  const other = scene.sandbox.addApplication({ eventsUrl: scene.inbox.url });
  scene.portal.install(other);
  const installs = await eventsNamed(scene, 'ONAPPINSTALL');
  for (const event of ['OnImConnectorMessageAdd', 'OnImConnectorLineDelete']) {
    const bound = { event, handler: scene.inbox.url, auth: installs[1]?.auth.access_token };
    await visitor.post(`${scene.portal.restUrl}event.bind`, bound);
  }
  scene.portal.operatorMessage(chatId, 27, { text: 'Hi!' });
  scene.portal.deleteLine(1);
  expect(await eventsNamed(scene, 'ONIMCONNECTORMESSAGEADD')).toHaveLength(1);
  expect(await eventsNamed(scene, 'ONIMCONNECTORLINEDELETE')).toHaveLength(2);
});

it('a group dialog names user 0', async () => {
  await send(scene, item('x', { chat: { id: 'room' } }), GROUP);
  const events = await eventsNamed(scene, 'ONIMCONNECTORDIALOGSTART');
  expect(events.at(-1)?.data).toMatchObject({ DATA: [{ connector: { user_id: '0' }, user: { id: '0' } }] });
});
