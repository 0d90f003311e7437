import type { Answer, Client, PortalRequest } from '../../../src/bitrix24/client.ts';
import { createPortalCall } from '../../../src/bitrix24/portalApi.ts';
import type { Tokens } from '../../../src/bitrix24/tokens.ts';
import { DeliveryError } from '../../../src/kit/errors.ts';

const failure = (code: string, verdict: 'retry' | 'refused' | 'blocked' = 'retry'): DeliveryError =>
  new DeliveryError({ verdict, code, detail: code, status: 401 });

/** A portal that answers its script, and the tokens `t1`, `t2`, ... */
function setUp(script: (Answer | DeliveryError)[]) {
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
    forget() {},
  };
  const infos: unknown[] = [];
  const call = createPortalCall({
    client,
    tokens,
    beforeCall: () => (log.push('gate'), Promise.resolve()),
    onAnswer: (info) => infos.push(info),
  });
  return { call, requests, log, infos };
}

test('a call passes the gate, is not repeatable unless said, and tells what the answer says of limits and moves', async () => {
  const answer = { result: 5, time: { operating: 1.5, operatingResetAt: 7_000 }, movedTo: 'https://new/rest/' };
  const { call, requests, log, infos } = setUp([answer, { result: 6 }]);
  expect(await call('a.b', { x: 1 })).toBe(5);
  expect(await call('a.b', { x: 1 }, { repeatable: true })).toBe(6);
  expect(requests.map(({ repeatable }) => repeatable)).toEqual([false, true]);
  expect(requests[0]).toMatchObject({ endpoint: 'https://p/rest/', token: 't1', method: 'a.b', params: { x: 1 } });
  expect(infos).toEqual([
    { method: 'a.b', operating: 1.5, operatingResetAt: 7_000, movedTo: 'https://new/rest/' },
    { method: 'a.b' },
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
