import { chatOf, connect, eventsNamed, item, openScene, type Scene } from './scene.ts';

let scene: Scene;
beforeEach(async () => {
  scene = await openScene();
});
afterEach(() => scene.close());

const bind = (params: object) => scene.call('event.bind', { handler: scene.inbox.url, ...params });
const test = (n: number) => scene.result('event.test', { n });
const order = async () =>
  (await eventsNamed(scene, 'ONAPPTEST')).map(({ data }) => (data as { QUERY: { n: string } }).QUERY.n);

describe('binding', () => {
  it.each([
    [{ event: 'NoSuchEvent' }, 400, 'ERROR_EVENT_NOT_FOUND'],
    [{ event: 'OnAppTest', handler: 'http://localhost/x' }, 400, 'ERROR_WRONG_HANDLER_URL'],
    [{ event: 'OnAppTest', handler: 'ftp://a.b/x' }, 400, 'ERROR_UNSUPPORTED_PROTOCOL'],
    [{ event: 'OnAppTest', handler: `http://a.b/${'x'.repeat(255)}` }, 400, 'ERROR_WRONG_HANDLER_URL'],
    [{ handler: 'http://a.b/x' }, 400, 'ERROR_ARGUMENT'],
  ])('refuses %o', async (params, status, error) => {
    const answer = await bind(params);
    expect([answer.status, answer.data.error]).toEqual([status, error]);
  });

  it('the same handler again is an error of its own', async () => {
    expect((await bind({ event: 'OnAppTest' })).data.result).toBe(true);
    const again = await bind({ event: 'ONAPPTEST' });
    expect([again.status, again.data.error]).toEqual([400, 'ERROR_CORE']);
    expect(again.data.error_description).toContain('Handler already binded');
  });

  it('an event outside the scopes does not exist', async () => {
    scene.portal.update(scene.application.clientId, { scopes: ['user'] });
    expect((await bind({ event: 'OnImConnectorMessageAdd' })).data.error).toBe('ERROR_EVENT_NOT_FOUND');
  });

  it('is listed and undone by exact handler', async () => {
    await bind({ event: 'OnAppTest' });
    expect(await scene.result('event.get')).toEqual([
      { event: 'ONAPPTEST', handler: scene.inbox.url, auth_type: 0, offline: 0 },
    ]);
    const unbind = { event: 'OnAppTest', handler: `${scene.inbox.url}/other` };
    expect(await scene.result('event.unbind', unbind)).toEqual({ count: 0 });
    expect(await scene.result('event.unbind', { ...unbind, handler: scene.inbox.url })).toEqual({ count: 1 });
  });
});

it('the wire is a form with brackets, where everything is text', async () => {
  await bind({ event: 'OnAppTest' });
  await scene.result('event.test', { yes: true, no: false, nothing: null, none: [], list: [{ a: 1 }], text: 'a b&=ü' });
  const [event] = await eventsNamed(scene, 'ONAPPTEST');
  expect((event?.data as { QUERY: object }).QUERY).toEqual({ yes: '1', no: '0', list: [{ a: '1' }], text: 'a b&=ü' });
  expect(scene.inbox.bodies.at(-1)).toContain('data%5BQUERY%5D%5Blist%5D%5B0%5D%5Ba%5D=1');
});

it('is attempted once, and the attempt is recorded', async () => {
  await bind({ event: 'OnAppTest' });
  scene.inbox.status = 500;
  await test(1);
  expect(await order()).toEqual(['1']);
  expect(scene.portal.events.sent().at(-1)).toMatchObject({ event: 'ONAPPTEST', status: 500 });
});

it('a handler that cannot be reached loses the event', async () => {
  await bind({ event: 'OnAppTest', handler: 'http://127.0.0.1:1/x' });
  await test(1);
  await scene.portal.events.idle();
  expect(scene.portal.events.sent().at(-1)).toMatchObject({
    status: null,
    problem: expect.stringContaining('ECONN') as string,
  });
});

it('events of a handler arrive in order, two handlers get one each', async () => {
  await connect(scene);
  await bind({ event: 'OnAppTest' });
  await bind({ event: 'OnAppTest', handler: `${scene.inbox.url}?again` });
  const chatId = await chatOf(scene, item('Hello'));
  scene.portal.closeDialog(chatId);
  scene.portal.operatorMessage(chatId, 27, { text: 'Hi' });
  await test(1);
  await scene.portal.events.idle();
  const arrived = scene.inbox.events.slice(1).map(({ event }) => event.replace('ONIMCONNECTOR', ''));
  expect(arrived.filter((event) => event !== 'ONAPPTEST')).toEqual([
    'DIALOGSTART',
    'DIALOGFINISH',
    'DIALOGSTART',
    'MESSAGEADD',
  ]);
  expect(arrived.filter((event) => event === 'ONAPPTEST')).toHaveLength(2);
});

it.each([
  ['drop', ['2', '3']],
  ['duplicate', ['1', '1', '2', '3']],
  ['reorder', ['2', '1', '3']],
] as const)('can be made to %s one', async (effect, expected) => {
  await bind({ event: 'OnAppTest' });
  await scene.control('post', '/event-troubles', { event: 'OnAppTest', effect, times: 1 });
  for (const n of [1, 2, 3]) await test(n);
  expect(await order()).toEqual(expected);
});

it('a chain of events and calls with their tokens dies after seven hops', async () => {
  await bind({ event: 'OnAppTest' });
  for (let hop = 0; hop < 10; hop += 1) {
    await test(hop);
    await scene.portal.events.idle();
    scene.tokens.access_token = scene.inbox.events.at(-1)?.auth.access_token ?? '';
  }
  expect(await order()).toHaveLength(7);
});

it('nothing is delivered while the payment is overdue', async () => {
  await bind({ event: 'OnImConnectorLineDelete' });
  scene.portal.setPayment(scene.application.clientId, true);
  scene.portal.deleteLine(1);
  expect(await eventsNamed(scene, 'ONIMCONNECTORLINEDELETE')).toEqual([]);
});
