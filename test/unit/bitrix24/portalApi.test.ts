import type { Answer, Client, PortalRequest } from '../../../src/bitrix24/client.ts';
import { createPortalCall, type OperatingBudget } from '../../../src/bitrix24/portalApi.ts';
import type { Tokens } from '../../../src/bitrix24/tokens.ts';
import { DeliveryError } from '../../../src/kit/errors.ts';

const failure = (code: string, verdict: 'retry' | 'refused' | 'blocked' = 'retry'): DeliveryError =>
  new DeliveryError({ verdict, code, detail: code, status: 401 });

/** A portal that answers its script, the tokens `t1` and its renewal `t2`, and reserves of other users. */
function setUp(script: (Answer | DeliveryError)[], reserves: string[] = []) {
  const requests: PortalRequest[] = [];
  const log: string[] = [];
  const client: Client = {
    post(request) {
      requests.push(request);
      log.push(`post ${request.token}`);
      const next = script.shift();
      return next instanceof DeliveryError || !next
        ? Promise.reject(next ?? new Error('no more'))
        : Promise.resolve(next);
    },
    close() {},
  };
  const tokens: Tokens = {
    current: () => Promise.resolve({ token: 't1', endpoint: 'https://p/rest/' }),
    renew: (failed) => {
      log.push(`renew ${failed}`);
      return Promise.resolve({ token: 't2', endpoint: 'https://moved/rest/' });
    },
    instead: (failed, reason) => {
      log.push(`instead ${failed} ${reason}`);
      const token = reserves.shift();
      return Promise.resolve(token === undefined ? undefined : { token, endpoint: 'https://p/rest/' });
    },
    forget() {},
  };
  const told: unknown[] = [];
  const budget: OperatingBudget = {
    admit: (methods) => (told.push({ admit: methods }), Promise.resolve()),
    used: (uses) => (told.push(...uses), Promise.resolve()),
    exhausted: (method, afterMs) => (told.push({ exhausted: method, afterMs }), Promise.resolve()),
  };
  const call = createPortalCall({
    client,
    tokens,
    beforeCall: () => (log.push('gate'), Promise.resolve()),
    budget,
    onMoved: (endpoint) => (told.push({ moved: endpoint }), Promise.resolve()),
  });
  return { call, requests, log, told };
}

test('a call passes the gate, is not repeatable unless said, and tells what the answer says of limits and moves', async () => {
  const answer = { result: 5, time: { operating: 1.5, operatingResetAt: 7_000 }, movedTo: 'https://new/rest/' };
  const { call, requests, log, told } = setUp([answer, { result: 6 }]);
  expect(await call('a.b', { x: 1 })).toBe(5);
  expect(await call('a.b', { x: 1 }, { repeatable: true })).toBe(6);
  expect(requests.map(({ repeatable }) => repeatable)).toEqual([false, true]);
  expect(requests[0]).toMatchObject({ endpoint: 'https://p/rest/', token: 't1', method: 'a.b', params: { x: 1 } });
  expect(told).toEqual([
    { admit: ['a.b'] },
    { moved: 'https://new/rest/' },
    { method: 'a.b', operating: 1.5, operatingResetAt: 7_000 },
    { admit: ['a.b'] },
  ]);
  expect(log).toEqual(['gate', 'post t1', 'gate', 'post t1']);
});

test.each(['expired_token', 'invalid_token'])('%s renews once and repeats through the gate', async (code) => {
  const { call, requests, log } = setUp([failure(code), { result: 'ok' }]);
  expect(await call('a.b', {})).toBe('ok');
  expect(log).toEqual(['gate', 'post t1', 'renew t1', 'gate', 'post t2']);
  expect(requests[1]?.endpoint).toBe('https://moved/rest/');
});

test('a renewed token that is rejected too blocks the portal', async () => {
  const { call, requests } = setUp([failure('expired_token'), failure('expired_token')]);
  await expect(call('a.b', {})).rejects.toMatchObject({ verdict: 'blocked', scope: 'portal', code: 'expired_token' });
  expect(requests).toHaveLength(2);
});

test('another failure of the repeat is what it is', async () => {
  const { call } = setUp([failure('expired_token'), failure('ERROR_ARGUMENT', 'refused')]);
  await expect(call('a.b', {})).rejects.toMatchObject({ verdict: 'refused', code: 'ERROR_ARGUMENT' });
});

test.each(['NO_AUTH_FOUND', 'CONNECTION_ERROR', 'APPLICATION_NOT_FOUND', 'network'])(
  '%s says nothing about the token: no renewal, no repeat',
  async (code) => {
    const { call, log } = setUp([failure(code)]);
    await expect(call('a.b', {})).rejects.toMatchObject({ code });
    expect(log).toEqual(['gate', 'post t1']);
  },
);

describe('operating time', () => {
  const cmd = { c0: 'a.b?X=1', c1: 'a.b?X=2', c2: 'a.c?X=3' };

  test('of a batch is asked for and told by both readings: of the batch itself and of its commands', async () => {
    const { call, told } = setUp([
      {
        result: { result: { c0: 1 }, result_time: { c0: { operating: 3, operating_reset_at: 9 }, c2: {} } },
        time: { operating: 4, operatingResetAt: 5_000 },
      },
    ]);
    await call('batch', { halt: 0, cmd });
    expect(told).toEqual([
      { admit: ['batch', 'a.b', 'a.c'] },
      { method: 'batch', operating: 4, operatingResetAt: 5_000 },
      { method: 'a.b', operating: 3, operatingResetAt: 9_000 },
    ]);
  });

  test('that is used up is told, of a call and of commands inside a batch', async () => {
    const refusal = new DeliveryError({
      verdict: 'retry',
      code: 'OPERATION_TIME_LIMIT',
      detail: '',
      retryAfterMs: 30_000,
    });
    const single = setUp([refusal]);
    await expect(single.call('a.b', {})).rejects.toBe(refusal);
    expect(single.told).toContainEqual({ exhausted: 'a.b', afterMs: 30_000 });
    const batch = setUp([{ result: { result: [], result_error: { c2: { error: 'OPERATION_TIME_LIMIT' } } } }]);
    await batch.call('batch', { cmd });
    expect(batch.told).toContainEqual({ exhausted: 'a.c', afterMs: 0 });
  });
});

describe('a user whom the portal turns away', () => {
  test.each(['authorization_error', 'user_access_error'])('%s: another administrator calls', async (code) => {
    const { call, log } = setUp([failure(code, 'blocked'), { result: 'ok' }], ['r1']);
    expect(await call('a.b', {})).toBe('ok');
    expect(log).toEqual(['gate', 'post t1', `instead t1 ${code}`, 'gate', 'post r1']);
  });

  test('every reserve is tried, each with a renewal of its own; the last failure is what it is', async () => {
    const away = failure('authorization_error', 'blocked');
    const { call, log } = setUp([failure('expired_token'), away, failure('expired_token'), away], ['r1']);
    await expect(call('a.b', {})).rejects.toBe(away);
    expect(log.filter((line) => !line.startsWith('gate'))).toEqual([
      'post t1',
      'renew t1',
      'post t2',
      'instead t2 authorization_error',
      'post r1',
      'renew r1',
      'post t2',
      'instead t2 authorization_error',
    ]);
  });
});
