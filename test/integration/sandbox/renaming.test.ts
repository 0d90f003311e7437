import {
  chatOf,
  connect,
  CONNECTOR,
  dialogOf,
  GROUP,
  item,
  openScene,
  send,
  visitor,
  type Body,
  type Scene,
} from './scene.ts';

// The acceptance table of contract imconnector §8, row by row.

let scene: Scene;
let direct: number;
let room: number;

beforeEach(async () => {
  scene = await openScene();
  await connect(scene);
  direct = await chatOf(scene, item('hello'));
  room = await chatOf(scene, item('hello', { chat: { id: 'room' } }), GROUP);
});
afterEach(() => scene.close());

const DIRECT = { CONNECTOR, LINE: 1, CHAT_ID: 'c-1', USER_ID: 'ann', NAME: 'Ann of Acme' };
const ROOM = { CONNECTOR: GROUP, LINE: 1, CHAT_ID: 'room', NAME: 'Acme room' };

const rename = (params: object) => scene.call('imconnector.chat.name.set', params);
const titleOf = async (chatId: number) =>
  (await scene.result<{ name: string }>('imopenlines.dialog.get', { CHAT_ID: chatId })).name;
const FAILED = [400, { error: 'CHAT_RENAMING_FAILED' }] as const;
const argument = (name: string) => [400, { error: 'ERROR_ARGUMENT', argument: name }] as const;

async function expectAnswer(params: object, [status, body]: readonly [number, object]) {
  const answer = await rename(params);
  expect([answer.status, answer.data]).toEqual([status, expect.objectContaining(body)]);
}

it('a 1:1 dialog is renamed', async () => {
  expect(await titleOf(direct)).toBe('Ann Lee - Open Channel');
  const answer = await rename(DIRECT);
  expect(answer.status).toBe(200);
  expect(answer.data.result).toEqual({ SUCCESS: true, DATA: { RESULT: {} } });
  expect(await titleOf(direct)).toBe('Ann of Acme');
});

it('a group dialog is renamed without USER_ID', async () => {
  expect((await rename(ROOM)).data.result).toEqual({ SUCCESS: true, DATA: { RESULT: {} } });
  expect(await titleOf(room)).toBe('Acme room');
});

it('the same name again is refused', async () => {
  await rename(DIRECT);
  await expectAnswer(DIRECT, FAILED);
});

it.each([
  ['1e1', '10'],
  ['7', '07.0'],
])('names are compared loosely: %s is %s', async (first, second) => {
  await rename({ ...DIRECT, NAME: first });
  await expectAnswer({ ...DIRECT, NAME: second }, FAILED);
});

it.each([{ USER_ID: undefined }, { USER_ID: '0' }])('a 1:1 dialog needs USER_ID: %o', async (params) => {
  await expectAnswer({ ...DIRECT, ...params }, argument('USER_ID'));
});

it('a 1:1 rename for a user never seen succeeds and changes nothing', async () => {
  await expectAnswer({ ...DIRECT, USER_ID: 'stranger' }, [200, { result: { SUCCESS: true, DATA: { RESULT: {} } } }]);
  expect(await titleOf(direct)).toBe('Ann Lee - Open Channel');
});

it('a known user with another chat is refused', () => expectAnswer({ ...DIRECT, CHAT_ID: 'c-2' }, FAILED));

it('an unknown chat of a group is refused', () => expectAnswer({ ...ROOM, CHAT_ID: 'other' }, FAILED));

it('a finished session refuses; a new message of the client opens the way', async () => {
  scene.portal.closeDialog(direct);
  await expectAnswer(DIRECT, FAILED);
  await send(scene, item('again'));
  await expectAnswer(DIRECT, [200, {}]);
  expect(await titleOf(direct)).toBe('Ann of Acme');
});

it('a session in its closing time still takes a name', async () => {
  scene.portal.changeLine(1, { FULL_CLOSE_TIME: '10' });
  scene.portal.closeDialog(direct);
  await expectAnswer(DIRECT, [200, {}]);
  scene.sandbox.advance(10 * 60_000);
  await expectAnswer({ ...DIRECT, NAME: 'Later' }, FAILED);
});

it.each<[string, () => Promise<unknown>, object]>([
  ['deactivated', () => scene.call('imconnector.activate', { CONNECTOR, LINE: 1, ACTIVE: 0 }), {}],
  ['in error', () => scene.call('imconnector.set.error', { CONNECTOR, LINE: 1 }), {}],
  ['not on that line', () => Promise.resolve(), { LINE: 2 }],
])('a connector that is %s gives NOT_ACTIVE_LINE', async (_state, prepare, params) => {
  await prepare();
  await expectAnswer({ ...DIRECT, ...params }, [400, { error: 'NOT_ACTIVE_LINE' }]);
});

it('an unknown connector is told apart by USER_ID', async () => {
  await expectAnswer({ ...DIRECT, CONNECTOR: 'nobody' }, [400, { error: 'IMCONNECTOR_NO_CORRECT_PROVIDER' }]);
  await expectAnswer({ ...ROOM, CONNECTOR: 'nobody' }, argument('USER_ID'));
});

it.each([
  ['  ', FAILED],
  ['', argument('NAME')],
  ['0', argument('NAME')],
])('the name %j is refused', (NAME, expected) => expectAnswer({ ...DIRECT, NAME }, expected));

it('a name keeps its first 255 characters, and repeating it is refused', async () => {
  const NAME = `${'ä'.repeat(254)}😀${'b'.repeat(45)}`;
  await expectAnswer({ ...DIRECT, NAME }, [200, {}]);
  expect(await titleOf(direct)).toBe(`${'ä'.repeat(254)}😀`);
  await expectAnswer({ ...DIRECT, NAME }, FAILED);
});

it('an inbound webhook is the wrong kind of caller', async () => {
  const path = scene.portal.addWebhook(1, ['imopenlines', 'imconnector']);
  const url = `${scene.portal.restUrl}${path}/imconnector.chat.name.set`;
  const answer = await visitor.post<Body>(url, DIRECT);
  expect([answer.status, answer.data.error]).toEqual([403, 'WRONG_AUTH_TYPE']);
});

it('of several missing parameters the first is named', async () => {
  const order = ['CONNECTOR', 'LINE', 'CHAT_ID', 'NAME', 'USER_ID'] as const;
  for (const [index, name] of order.entries()) {
    const known = Object.fromEntries(order.slice(0, index).map((key) => [key, DIRECT[key]]));
    await expectAnswer(known, argument(name));
  }
});

it('LINE is taken literally in the key of the chat', () => expectAnswer({ ...DIRECT, LINE: '01' }, FAILED));

it('a group connector in the wrong case is not known as a group', async () => {
  await expectAnswer({ ...ROOM, CONNECTOR: GROUP.toUpperCase() }, argument('USER_ID'));
});

it('a rename writes a note for the staff and raises no event', async () => {
  await scene.portal.events.idle();
  scene.inbox.events.length = 0;
  await rename(DIRECT);
  await scene.portal.events.idle();
  expect(dialogOf(scene).messages.at(-1)).toMatchObject({ origin: 'system', authorId: 0 });
  expect(scene.inbox.events).toEqual([]);
});

it('a name outlives messages and sessions', async () => {
  await rename(DIRECT);
  scene.portal.closeDialog(direct);
  await send(scene, item('again', { user: { name: 'Somebody', last_name: 'Else' }, chat: { name: 'Other' } }));
  expect(await titleOf(direct)).toBe('Ann of Acme');
});
