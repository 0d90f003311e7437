import { chatOf, connect, CONNECTOR, item, openScene, type Scene } from './scene.ts';

let scene: Scene;
beforeEach(async () => {
  scene = await openScene();
});
afterEach(() => scene.close());

interface BatchBody {
  readonly result: Record<string, unknown>;
  readonly result_error: Record<string, { error: string; error_description?: string; argument?: string }>;
  readonly result_total: Record<string, number>;
  readonly result_next: Record<string, number>;
  readonly result_time: Record<string, object>;
}
const batch = (cmd: unknown, more: object = {}) => scene.result<BatchBody>('batch', { cmd, ...more });
const executed = () => scene.portal.ledger.entries().filter((entry) => entry.batchKey && entry.executed);

it('answers under the keys it was asked with; empty maps are lists', async () => {
  const answer = await batch({ a: 'user.get?ID=1', b: 'no.such', c: 'imopenlines.config.get' });
  expect(answer.result).toMatchObject({ a: [{ ID: '1' }] });
  expect(answer.result_error).toEqual({
    b: { error: 'ERROR_METHOD_NOT_FOUND', error_description: 'Method not found!' },
    c: { error: 'CONFIG_ID_EMPTY', error_description: expect.any(String) as string },
  });
  expect(Object.keys(answer.result_time)).toEqual(['a']);
  expect(answer.result_total).toEqual({ a: 1 });
  expect(answer.result_next).toEqual([]);
});

it('with list keys maps without gaps become lists, others objects', async () => {
  const good = 'imopenlines.revision.get';
  expect((await batch([good, good])).result).toHaveLength(2);
  const broken = await batch([good, 'no.such', good]);
  expect(Object.keys(broken.result)).toEqual(['0', '2']);
  expect(broken.result_error).toEqual({ 1: expect.any(Object) as object });
  expect((await batch(['no.such', good])).result_error).toHaveLength(1);
});

it('halt leaves later commands without any entry', async () => {
  const cmd = { a: 'server.time', b: 'no.such', c: 'server.time' };
  const halted = await batch(cmd, { halt: 1 });
  expect([Object.keys(halted.result), Object.keys(halted.result_error)]).toEqual([['a'], ['b']]);
  expect(Object.keys((await batch(cmd, { halt: 0 })).result)).toEqual(['a', 'c']);
});

it('a command that is no text is skipped silently', async () => {
  const answer = await batch({ a: { method: 'server.time' }, b: 'server.time' });
  expect([Object.keys(answer.result), answer.result_error]).toEqual([['b'], []]);
});

it('the first fifty run, the others are refused one by one', async () => {
  const cmd = Object.fromEntries(Array.from({ length: 52 }, (_, n) => [`c${n}`, 'server.time']));
  const answer = await batch(cmd);
  expect(Object.keys(answer.result)).toHaveLength(50);
  expect(answer.result_error).toMatchObject({
    c50: { error: 'ERROR_BATCH_LENGTH_EXCEEDED' },
    c51: { error: 'ERROR_BATCH_LENGTH_EXCEEDED' },
  });
});

it('a batch in a batch is refused', async () => {
  expect((await batch({ a: 'batch?cmd[x]=server.time' })).result_error.a?.error).toBe('ERROR_BATCH_METHOD_NOT_ALLOWED');
});

it('a failed register stands in both maps', async () => {
  const answer = await batch({ a: 'imconnector.register?ID=x' });
  expect(answer.result).toEqual({ a: false });
  expect(answer.result_error.a).toMatchObject({ error: 'NAME_REQUIRED', result: false });
});

it('values are decoded once, a raw # cuts the rest off', async () => {
  await batch({
    a: `imopenlines.config.add?PARAMS[LINE_NAME]=${encodeURIComponent('A&B #1+1')}`,
    b: 'imopenlines.config.add?PARAMS[LINE_NAME]=A+B#1&PARAMS[CRM]=Y',
  });
  expect(
    scene.portal
      .state()
      .lines.slice(1)
      .map(({ settings }) => [settings.LINE_NAME, settings.CRM]),
  ).toEqual([
    ['A&B #1+1', 'N'],
    ['A B', 'N'],
  ]);
});

it('a form works like JSON', async () => {
  const form = new URLSearchParams({ 'cmd[a]': 'user.get?ID=1', auth: scene.tokens.access_token ?? '' });
  const { visitor } = await import('./scene.ts');
  const { data } = await visitor.post<{ result: BatchBody }>(`${scene.portal.restUrl}batch`, form);
  expect(data.result.result).toMatchObject({ a: [{ ID: '1' }] });
});

it('references are filled in after decoding, so user text is taken for one', async () => {
  await connect(scene);
  await chatOf(scene, item('Hello'));
  const name = encodeURIComponent('$result[u][0][LAST_NAME] & co');
  const answer = await batch({
    u: 'user.get?ID=1',
    r: `imconnector.chat.name.set?CONNECTOR=${CONNECTOR}&LINE=1&CHAT_ID=c-1&USER_ID=ann&NAME=${name}`,
    whole: 'user.get?ID=$RESULT[u][0][ID]',
    missing: 'imopenlines.config.get?CONFIG_ID=$result[nothing]',
  });
  expect(scene.portal.state().dialogs[0]?.title).toBe('Weber & co');
  expect(answer.result).toMatchObject({ whole: [{ ID: '1' }] });
  expect(answer.result_error.missing?.error).toBe('CONFIG_ID_EMPTY');
});

it('scope is checked per command, the token once', async () => {
  scene.portal.update(scene.application.clientId, { scopes: ['user'] });
  const answer = await batch({ a: 'profile', b: 'imopenlines.revision.get' });
  expect(Object.keys(answer.result)).toEqual(['a']);
  expect(answer.result_error.b?.error).toBe('insufficient_scope');
});

it('the ledger holds the batch and then its commands', async () => {
  await batch({ a: 'profile', b: 'no.such' });
  expect(scene.portal.ledger.entries().slice(-3)).toMatchObject([
    { method: 'batch', status: 200, executed: true, answered: true },
    { method: 'profile', batchKey: 'a', status: 200, executed: true },
    { method: 'no.such', batchKey: 'b', status: 404, error: 'ERROR_METHOD_NOT_FOUND', executed: false },
  ]);
});

describe('faults of one command', () => {
  const cmd = { a: 'imopenlines.config.add', b: 'imopenlines.config.add', c: 'imopenlines.config.add' };
  const strike = (effect: object) =>
    scene.control('post', '/faults', {
      match: { method: 'imopenlines.config.add', batchCommand: true, skip: 1, times: 1 },
      effect,
    });

  it('an error', async () => {
    await strike({ status: 429, code: 'OPERATION_TIME_LIMIT' });
    const answer = await batch(cmd);
    expect(answer.result_error).toMatchObject({ b: { error: 'OPERATION_TIME_LIMIT' } });
    expect(scene.portal.state().lines).toHaveLength(3);
  });

  it('no entry', async () => {
    await strike({ noEntry: true });
    const answer = await batch(cmd);
    expect([Object.keys(answer.result), answer.result_error]).toEqual([['a', 'c'], []]);
  });

  it('a broken connection: a prefix was executed', async () => {
    await strike({ reset: 'after' });
    await expect(batch(cmd)).rejects.toThrow();
    expect(executed().map(({ batchKey }) => batchKey)).toEqual(['a', 'b']);
  });

  it('does not strike the method outside a batch', async () => {
    await strike({ noEntry: true });
    await scene.result('imopenlines.config.add');
    await scene.result('imopenlines.config.add');
    expect(scene.portal.faults.list()).toMatchObject([{ struck: 0 }]);
  });
});
