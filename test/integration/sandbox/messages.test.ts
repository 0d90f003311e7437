import http from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  chatOf,
  connect,
  CONNECTOR,
  dialogOf,
  eventsNamed,
  GROUP,
  item,
  openScene,
  send,
  type Scene,
} from './scene.ts';

let scene: Scene;
beforeEach(async () => {
  scene = await openScene();
  await connect(scene);
});
afterEach(() => scene.close());

const sendAll = (MESSAGES: unknown, more: object = {}) =>
  scene.call('imconnector.send.messages', { CONNECTOR, LINE: 1, MESSAGES, ...more });
const clients = () => scene.portal.state().users.filter(({ kind }) => kind === 'connector');
const texts = () => dialogOf(scene).messages.map(({ text }) => text);

describe('send.messages', () => {
  it('makes user, chat and session, and answers with their ids', async () => {
    const answer = await send(scene, item('Hello', { chat: { url: 'https://x/c-1', name: 'Room' } }));
    const dialog = dialogOf(scene);
    expect(answer).toEqual({
      user: String(clients()[0]?.id),
      message: { id: 'm-Hello', text: 'Hello', date: {}, files: [] },
      chat: { id: 'c-1', name: 'Room', description: expect.stringContaining('https://x/c-1') as string },
      SUCCESS: true,
      session: { ID: String(dialog.sessionId), CHAT_ID: String(dialog.chatId) },
    });
    expect(dialog).toMatchObject({ title: 'Ann Lee - Open Channel', sessionOpen: true });
  });

  it('never recognises a repetition', async () => {
    await send(scene, item('Hello'));
    await send(scene, item('Hello'));
    expect(texts()).toEqual(['Hello', 'Hello']);
  });

  it.each([
    [undefined, 'MESSAGES'],
    ['text', 'MESSAGES'],
    [['text'], ''],
    [[item('ok'), { user: {}, message: {}, chat: null }], ''],
  ])('refuses the whole call for malformed MESSAGES: %#', async (messages, argument) => {
    const { status, data } = await sendAll(messages);
    expect([status, data.error, data.argument]).toEqual([400, 'ERROR_ARGUMENT', argument]);
    expect(scene.portal.state().dialogs).toEqual([]);
  });

  it('an empty list is a success without items', async () => {
    expect((await sendAll([])).data.result).toEqual({ SUCCESS: true, DATA: { RESULT: [] } });
  });

  it('looks for the provider before the line', async () => {
    expect((await sendAll([], { CONNECTOR: '', LINE: 0 })).data.error).toBe('IMCONNECTOR_NO_CORRECT_PROVIDER');
    expect((await sendAll([], { LINE: 7 })).data.error).toBe('NOT_ACTIVE_LINE');
  });

  it('items fail one by one inside a success', async () => {
    const { status, data } = await sendAll([{ user: {}, message: { text: 'x' }, chat: { id: 1 } }, item('ok')]);
    expect(status).toBe(200);
    expect(data.result).toMatchObject({
      SUCCESS: true,
      DATA: { RESULT: [{ SUCCESS: false, ERRORS: [expect.any(String) as string] }, { SUCCESS: true }] },
    });
  });

  it('a line without configuration swallows the message: success, no session', async () => {
    await scene.result('imconnector.activate', { CONNECTOR, LINE: 77, ACTIVE: 1 });
    const answer = await send(scene, item('lost'), CONNECTOR, 77);
    expect(answer.SUCCESS).toBe(true);
    expect(answer.session).toBeUndefined();
  });

  it('keys of elements are taken in any case', async () => {
    await sendAll([{ USER: { ID: 'ann', NAME: 'Ann' }, Message: { ID: 'm', TEXT: 'Hi' }, CHAT: { ID: 'c-1' } }]);
    expect(texts()).toEqual(['Hi']);
  });

  it('a new session is announced with the ids of the portal, and client messages raise nothing', async () => {
    const chatId = await chatOf(scene, item('Hello'));
    const [event] = await eventsNamed(scene, 'ONIMCONNECTORDIALOGSTART');
    const client = String(clients()[0]?.id);
    expect(event?.data).toEqual({
      CONNECTOR,
      LINE: '1',
      DATA: [
        {
          connector: { connector_id: CONNECTOR, line_id: '1', chat_id: 'c-1', user_id: client },
          session: { id: String(dialogOf(scene).sessionId), closed: 'N', parent_id: '0', close_term: '0' },
          chat: { id: 'c-1' },
          user: { id: client },
        },
      ],
    });
    expect(chatId).toBe(dialogOf(scene).chatId);
    expect(await eventsNamed(scene, 'ONIMCONNECTORMESSAGEADD')).toEqual([]);
  });

  it('one chat per client and chat id on a 1:1 connector, one per chat id in a group', async () => {
    const bob = { id: 'bob', name: 'Bob' };
    await send(scene, item('a'));
    await send(scene, item('b', { user: bob }));
    await send(scene, item('a', { chat: { id: 'room' } }), GROUP);
    await send(scene, item('b', { user: bob, chat: { id: 'room' } }), GROUP);
    const codes = scene.portal
      .state()
      .dialogs.map(({ userCode }) => userCode.replace(/\d+$/, (id) => (id === '0' ? '0' : 'N')));
    expect(codes).toEqual([`${CONNECTOR}|1|c-1|N`, `${CONNECTOR}|1|c-1|N`, `${GROUP}|1|room|0`]);
  });

  it('a client is one user on all lines of a connector', async () => {
    const line = scene.portal.addLine({ LINE_NAME: 'Second' });
    await scene.result('imconnector.activate', { CONNECTOR, LINE: line.id, ACTIVE: 1 });
    await send(scene, item('a'));
    await send(scene, item('b'), CONNECTOR, line.id);
    expect(clients()).toHaveLength(1);
    expect(scene.portal.state().dialogs.map(({ title }) => title)).toEqual([
      'Ann Lee - Open Channel',
      'Ann Lee - Second',
    ]);
  });

  it('without user.id each message makes a fresh client and a fresh chat', async () => {
    await send(scene, item('a', { user: { id: undefined } }));
    await send(scene, item('b', { user: { id: undefined } }));
    expect(clients()).toHaveLength(2);
    expect(scene.portal.state().dialogs).toHaveLength(2);
  });

  it('a thin user wipes the profile but for e-mail and phone', async () => {
    await send(scene, item('a', { user: { email: 'a@x', phone: '1', url: 'https://x', gender: 'female' } }));
    await send(scene, { user: { id: 'ann' }, message: { id: 'm', text: 'b' }, chat: { id: 'c-1' } });
    expect(clients()).toEqual([
      {
        id: expect.any(Number) as number,
        kind: 'connector',
        name: 'Guest',
        lastName: '',
        active: true,
        admin: false,
        email: 'a@x',
        phone: '1',
      },
    ]);
  });

  it('a name of two words is split when it comes alone', async () => {
    await send(scene, { user: { id: 'x', name: 'Max Muster' }, message: { text: 'b' }, chat: { id: 'c-1' } });
    expect(clients()).toMatchObject([{ name: 'Max', lastName: 'Muster' }]);
  });

  it('external ids are cut to 100 characters, falsy ones are not kept', async () => {
    await send(scene, item('a', { message: { id: 'x'.repeat(120) } }));
    await send(scene, item('b', { message: { id: '0' } }));
    expect(dialogOf(scene).messages.map(({ connectorMid }) => connectorMid)).toEqual([['x'.repeat(100)], []]);
  });

  it('a text beyond 20 000 characters is cut', async () => {
    await send(scene, item('a', { message: { text: 'x'.repeat(20_001) } }));
    expect(texts()).toEqual([`${'x'.repeat(20_000)} (...)`]);
  });

  it('a message of user 0 belongs to the system, one of an employee comes back as an event', async () => {
    await send(scene, item('mirrored', { message: { user_id: 0 } }));
    expect(await eventsNamed(scene, 'ONIMCONNECTORMESSAGEADD')).toEqual([]);
    await send(scene, item('echo', { message: { user_id: 27 } }));
    expect(dialogOf(scene).messages.map(({ authorId }) => authorId)).toEqual([0, 27]);
    expect(await eventsNamed(scene, 'ONIMCONNECTORMESSAGEADD')).toHaveLength(1);
  });

  it('a bare 1 answers the request for a rating and is no message', async () => {
    const chatId = await chatOf(scene, item('a'));
    scene.portal.askForVote(chatId);
    await send(scene, item('1'));
    await send(scene, item('1'));
    expect(texts()).toEqual(['a', '1']);
  });

  it('flipping CHAT_GROUP closes the session under the other key', async () => {
    const before = await chatOf(scene, item('a'));
    const handler = { NAME: 'Acme', ICON: { DATA_IMAGE: 'x' }, PLACEMENT_HANDLER: 'http://127.0.0.1:9/x' };
    await scene.result('imconnector.register', { ID: CONNECTOR, ...handler, CHAT_GROUP: 1 });
    await send(scene, item('b'));
    const dialogs = scene.portal.state().dialogs;
    expect(dialogs.map(({ chatId, sessionOpen }) => [chatId === before, sessionOpen])).toEqual([
      [true, false],
      [false, true],
    ]);
  });

  it('the wrong case of the connector closes the live session and opens another in the same chat', async () => {
    const before = await chatOf(scene, item('a'));
    const session = dialogOf(scene).sessionId;
    await send(scene, item('b'), CONNECTOR.toUpperCase());
    expect(dialogOf(scene)).toMatchObject({ chatId: before, sessionOpen: true });
    expect(dialogOf(scene).sessionId).not.toBe(session);
    expect(await eventsNamed(scene, 'ONIMCONNECTORDIALOGFINISH')).toHaveLength(1);
  });
});

describe('files', () => {
  let server: http.Server;
  let base: string;
  beforeEach(async () => {
    server = http.createServer((req, res) => {
      if (req.url === '/moved') res.writeHead(302, { Location: '/a.png' }).end();
      else if (req.url === '/a.png') res.writeHead(200, { 'Content-Type': 'image/png' }).end('picture');
      else res.writeHead(404).end();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterEach(() => new Promise((resolve) => server.close(resolve)));

  it('are fetched at once, redirects followed; what fails is dropped without a word', async () => {
    const files = [
      { url: `${base}/moved`, name: `${'n'.repeat(60)}.png` },
      { url: `${base}/gone`, name: 'b.png' },
    ];
    const answer = await send(scene, item('', { message: { files } }));
    expect(answer.message.files).toHaveLength(1);
    expect(dialogOf(scene).messages[0]?.files).toMatchObject([
      { name: `${'n'.repeat(46)}.png`, mime: 'image/png', size: 7 },
    ]);
  });

  it('neither text nor a file that came is an item error', async () => {
    const answer = await send(scene, item('', { message: { files: [{ url: `${base}/gone`, name: 'b.png' }] } }));
    expect(answer.SUCCESS).toBe(false);
  });
});

describe('update.messages and delete.messages', () => {
  const change = (method: string, element: object) =>
    scene.result<{ DATA: { RESULT: { SUCCESS: boolean }[] } }>(`imconnector.${method}.messages`, {
      CONNECTOR,
      LINE: 1,
      MESSAGES: [element],
    });

  it('apply to every message with that id, and raise no event', async () => {
    await send(scene, item('Hello'));
    await send(scene, item('Hello'));
    await change('update', item('Hello', { message: { text: 'Changed' } }));
    expect(texts()).toEqual(['Changed', 'Changed']);
    await change('delete', item('Hello'));
    expect(dialogOf(scene).messages.map(({ deleted }) => deleted)).toEqual([true, true]);
    expect(await eventsNamed(scene, 'ONIMCONNECTORMESSAGEUPDATE')).toEqual([]);
  });

  it('succeed for ids nobody knows, beyond 100 characters included', async () => {
    await send(scene, item('Hello', { message: { id: 'x'.repeat(120) } }));
    const answer = await change('update', item('New', { message: { id: 'x'.repeat(120) } }));
    expect(answer.DATA.RESULT).toMatchObject([{ SUCCESS: true }]);
    expect(texts()).toEqual(['Hello']);
  });

  it('an update to blanks deletes, an update to nothing is an item error', async () => {
    await send(scene, item('Hello'));
    expect((await change('update', item('Hello', { message: { text: '' } }))).DATA.RESULT[0]?.SUCCESS).toBe(false);
    await change('update', item('Hello', { message: { text: '  ' } }));
    expect(dialogOf(scene).messages[0]?.deleted).toBe(true);
  });

  it('a delete with a thin user turns the client into a guest', async () => {
    await send(scene, item('Hello'));
    await change('delete', { user: { id: 'ann' }, message: { id: 'm-Hello' }, chat: { id: 'c-1' } });
    expect(clients()).toMatchObject([{ name: 'Guest' }]);
  });

  it('need a usable line', async () => {
    await scene.result('imconnector.set.error', { CONNECTOR, LINE: 1 });
    const params = { CONNECTOR, LINE: 1, MESSAGES: [item('Hello')] };
    expect((await scene.call('imconnector.delete.messages', params)).data.error).toBe('NOT_ACTIVE_LINE');
  });
});
