import { bundled, type Command, MAX_COMMANDS, runBatch } from '../../../src/bitrix24/batch.ts';
import type { Call } from '../../../src/bitrix24/portalApi.ts';
import { parseForm } from '../../../src/bitrix24/form.ts';
import { refused, scriptedCall } from './scriptedCall.ts';

const clock = { now: () => 1_000 };
const rename = (name: string, more: Partial<Command> = {}): Command => ({
  method: 'imconnector.chat.name.set',
  params: { CONNECTOR: 'acme', NAME: name },
  repeatable: true,
  ...more,
});
const answer = (fields: object) => ({ result: [], result_error: [], result_time: [], ...fields });

test('commands are encoded once, whatever is in them, under keys that are no numbers', async () => {
  const params = { NAME: 'A&B=#1 +ü😀', LIST: ['x', { y: 1 }], flag: true, off: false, none: null, left: undefined };
  const { call, calls } = scriptedCall({ batch: answer({ result: { c0: true } }) });
  await runBatch(call, [rename('', { params })], { clock });
  const { halt, cmd } = calls[0]?.params as { halt: number; cmd: Record<string, string> };
  expect([halt, Object.keys(cmd)]).toEqual([0, ['c0']]);
  const [method = '', query = ''] = cmd.c0?.split('?') ?? [];
  expect(method).toBe('imconnector.chat.name.set');
  expect(query).not.toContain('#');
  expect(parseForm(query)).toEqual({ NAME: 'A&B=#1 +ü😀', LIST: ['x', { y: '1' }], flag: '1', off: '0', none: '' });
});

test('every command has its own outcome at its own place', async () => {
  const { call } = scriptedCall({
    batch: answer({
      result: { c0: { SUCCESS: true }, c2: false },
      result_error: { c1: { error: 'CHAT_RENAMING_FAILED', error_description: '' }, c2: { error: 'ICON_REQUIRED' } },
      result_time: { c0: { operating: 1.5, operating_reset_at: 7 } },
    }),
  });
  const outcomes = await runBatch(
    call,
    ['a', 'b', 'c', 'd'].map((name) => rename(name)),
    { clock },
  );
  expect(outcomes).toMatchObject([
    { ok: true, result: { SUCCESS: true }, operating: 1.5, operatingResetAt: 7_000 },
    { ok: false, failure: { verdict: 'refused', code: 'CHAT_RENAMING_FAILED' } },
    { ok: false, failure: { verdict: 'refused', code: 'ICON_REQUIRED' } },
    { ok: false, failure: { verdict: 'retry', code: 'no_entry' } },
  ]);
});

test('the operating limit of one command is not executed, a missing entry may have been', async () => {
  const { call } = scriptedCall({ batch: answer({ result_error: { c0: { error: 'OPERATION_TIME_LIMIT' } } }) });
  const outcomes = await runBatch(call, [rename('a'), rename('b', { repeatable: false })], { clock });
  expect(outcomes).toMatchObject([
    { failure: { verdict: 'retry', retryAfterMs: 60_000 } },
    { failure: { verdict: 'unsure', code: 'no_entry' } },
  ]);
});

test('a request that fails as a whole fails for every command in its own way', async () => {
  const lost = refused('network', { verdict: 'unsure', mayRunUntil: 9 });
  const { call } = scriptedCall({ batch: lost });
  const outcomes = await runBatch(call, [rename('a'), rename('b', { repeatable: false })], { clock });
  expect(outcomes).toMatchObject([
    { failure: { verdict: 'retry', code: 'network' } },
    { failure: { verdict: 'unsure', code: 'network', mayRunUntil: 9 } },
  ]);
  const full = scriptedCall({ batch: refused('QUERY_LIMIT_EXCEEDED', { verdict: 'retry', retryAfterMs: 1_000 }) });
  expect(await runBatch(full.call, [rename('a')], { clock })).toMatchObject([{ failure: { retryAfterMs: 1_000 } }]);
});

test('text the batch would interpret goes out on its own, as it is', async () => {
  const { call, calls } = scriptedCall({
    batch: answer({ result: { c0: 'packed' } }),
    'imconnector.chat.name.set': ({ NAME }: { NAME: string }) => (NAME.includes('Total') ? refused('X') : 'single'),
  });
  const outcomes = await runBatch(call, [rename('$result[c0]'), rename('b'), rename('$Total[x]')], { clock });
  expect(outcomes).toMatchObject([
    { ok: true, result: 'single' },
    { ok: true, result: 'packed' },
    { ok: false, failure: { code: 'X' } },
  ]);
  expect(calls.map(({ method }) => method)).toEqual([
    'batch',
    'imconnector.chat.name.set',
    'imconnector.chat.name.set',
  ]);
});

test('nothing is no request, 51 commands are a mistake', async () => {
  const { call, calls } = scriptedCall({});
  expect(await runBatch(call, [], { clock })).toEqual([]);
  expect(calls).toEqual([]);
  await expect(runBatch(call, Array<Command>(51).fill(rename('a')), { clock })).rejects.toThrow(RangeError);
});

describe('calls that are made side by side', () => {
  const askMany = (call: Call) =>
    Promise.allSettled(
      Array.from({ length: MAX_COMMANDS + 1 }, (_, id) => call('imopenlines.dialog.get', { CHAT_ID: `${id}` }, {})),
    );

  test('share requests, and each hears its own answer', async () => {
    const { call, calls } = scriptedCall({
      batch: answer({ result: { c0: 'first', c1: 'second' } }),
    });
    const together = bundled(call, { clock });
    const both = ['1', '2'].map((CHAT_ID) => together('imopenlines.dialog.get', { CHAT_ID }, {}));
    expect(await Promise.all(both)).toEqual(['first', 'second']);
    expect(calls).toHaveLength(1);
  });

  test('after a request that failed as a whole the portal is left alone', async () => {
    const { call, calls } = scriptedCall({ batch: refused('INTERNAL_SERVER_ERROR', { verdict: 'retry' }) });
    const ends = await askMany(bundled(call, { clock }));
    expect(ends.every(({ status }) => status === 'rejected')).toBe(true);
    expect(calls).toHaveLength(1);
  });

  test('refusals of all commands of a request are answers: the next request goes out', async () => {
    const errors = Array.from({ length: MAX_COMMANDS }, (_, n) => [`c${n}`, { error: 'ACCESS_ERROR' }] as const);
    const { call, calls } = scriptedCall({
      batch: answer({ result_error: Object.fromEntries(errors) }),
      'imopenlines.dialog.get': 'the last one',
    });
    const ends = await askMany(bundled(call, { clock }));
    expect(ends.at(-1)).toEqual({ status: 'fulfilled', value: 'the last one' });
    expect(calls).toHaveLength(2);
  });
});
