import { openScene, type Scene } from './scene.ts';

let scene: Scene;
beforeEach(async () => {
  scene = await openScene();
});
afterEach(() => scene.close());

const strike = (effect: object, match: object = { times: 1 }) =>
  scene.control<{ id: number }>('post', '/faults', { match, effect });
const addLine = () => scene.call('imopenlines.config.add');
const lines = () => scene.portal.state().lines.length;
const last = () => scene.portal.ledger.entries().at(-1);

it('an error body, and the work was not done', async () => {
  await strike({ status: 503, code: 'OVERLOAD_LIMIT', description: 'stop' });
  const { status, data } = await addLine();
  expect([status, data]).toEqual([503, { error: 'OVERLOAD_LIMIT', error_description: 'stop' }]);
  expect([lines(), last()?.executed, last()?.error]).toEqual([1, false, 'OVERLOAD_LIMIT']);
  expect((await addLine()).status).toBe(200);
});

it('a page of a proxy, with 200 as well', async () => {
  await strike({ html: 502 });
  await strike({ html: 200, body: '<html>login</html>' });
  const answers = [await addLine(), await addLine()];
  expect(answers.map(({ status, headers }) => [status, headers['content-type']])).toEqual([
    [502, 'text/html; charset=utf-8'],
    [200, 'text/html; charset=utf-8'],
  ]);
  expect(lines()).toBe(1);
});

it('nothing at all in a 200, with or without the work', async () => {
  await strike({ emptyBody: true });
  expect((await addLine()).data).toBe('');
  expect(lines()).toBe(1);
  await strike({ emptyBody: true, executed: true });
  expect((await addLine()).data).toBe('');
  expect(lines()).toBe(2);
});

it.each([
  [{ reset: 'before' }, 1, false],
  [{ reset: 'after' }, 2, true],
  [{ happensButNoAnswer: true }, 2, true],
])('a connection that breaks: %o', async (effect, count, executed) => {
  await strike(effect);
  await expect(addLine()).rejects.toMatchObject({ code: 'ECONNRESET' });
  expect([lines(), last()?.executed, last()?.answered, last()?.status]).toEqual([count, executed, false, null]);
});

it('silence after the work, until the caller gives up', async () => {
  const { visitor } = await import('./scene.ts');
  await strike({ happensButNoAnswer: true, holdMs: 60_000 });
  const url = `${scene.portal.restUrl}imopenlines.config.add`;
  const call = visitor.post(url, { auth: scene.tokens.access_token }, { timeout: 50 });
  await expect(call).rejects.toMatchObject({ code: 'ECONNABORTED' });
  expect(lines()).toBe(2);
});

it('a delay, and then whatever else is scripted', async () => {
  await strike({ delayMs: 20 });
  await strike({ result: 42 });
  const started = performance.now();
  expect((await addLine()).data.result).toBe(42);
  expect(performance.now() - started).toBeGreaterThanOrEqual(19);
  expect(lines()).toBe(1);
});

it('strikes by method, parameters, after some calls, as often as said', async () => {
  await strike(
    { status: 500, code: 'INTERNAL_SERVER_ERROR' },
    { method: 'ImOpenLines.Config.Get', params: { CONFIG_ID: 1 }, skip: 1, times: 2 },
  );
  const get = async (CONFIG_ID: number) => (await scene.call('imopenlines.config.get', { CONFIG_ID })).status;
  expect(await get(2)).toBe(200);
  expect((await addLine()).status).toBe(200);
  expect([await get(1), await get(1), await get(1), await get(1)]).toEqual([200, 500, 500, 200]);
});

it('strikes with a probability, until it is removed', async () => {
  const { data } = await strike({ status: 400, code: 'X' }, { probability: 0 });
  expect((await addLine()).status).toBe(200);
  await scene.control('delete', `/faults/${data.id}`);
  await strike({ status: 400, code: 'X' }, { probability: 1 });
  expect((await addLine()).status).toBe(400);
  await scene.control('delete', '/faults');
  expect((await addLine()).status).toBe(200);
});

it('a fault without a known effect is refused', async () => {
  expect((await scene.control('post', '/faults', { effect: { boom: 1 } })).status).toBe(400);
});
