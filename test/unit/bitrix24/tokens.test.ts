import type { OAuth, TokenPair } from '../../../src/bitrix24/oauth.ts';
import { createTokens, type Grant, type GrantStore } from '../../../src/bitrix24/tokens.ts';
import { DeliveryError } from '../../../src/kit/errors.ts';

const HOUR = 3_600_000;
const clock = { time: 1_000_000, now: () => clock.time };

const grant = (name: string, more: Partial<Grant> = {}): Grant => ({
  accessToken: `access-${name}`,
  refreshToken: `refresh-${name}`,
  expiresAt: clock.time + HOUR,
  endpoint: 'https://acme.bitrix24.com/rest/',
  serverEndpoint: 'https://oauth.bitrix.info/rest/',
  ...more,
});

const pair = (name: string, more: Partial<TokenPair> = {}): TokenPair => ({
  accessToken: `access-${name}`,
  refreshToken: `refresh-${name}`,
  expiresAt: clock.time + HOUR,
  clientEndpoint: 'https://acme.bitrix24.com/rest/',
  serverEndpoint: 'https://oauth.bitrix.info/rest/',
  memberId: 'm1',
  scope: [],
  ...more,
});

/** The row all processes share, with its lock. */
function sharedRow(first: Grant) {
  const row = { grant: first, lost: [] as string[], locked: Promise.resolve() };
  const store: GrantStore = {
    read: () => Promise.resolve(row.grant),
    exclusively(work) {
      const run = row.locked.then(() =>
        work(row.grant, (saved) => {
          row.grant = { ...saved, endpoint: saved.clientEndpoint };
          return Promise.resolve();
        }),
      );
      row.locked = run.then(
        () => undefined,
        () => undefined,
      );
      return run;
    },
    lost: (reason) => {
      row.lost.push(reason);
      return Promise.resolve();
    },
  };
  return { row, store };
}

/** Rotates strictly: a refresh token works once. */
function strictOAuth(spent: string[] = []) {
  const refreshed: string[] = [];
  const oauth: Pick<OAuth, 'refresh'> = {
    async refresh(token) {
      refreshed.push(token);
      await new Promise((resolve) => setImmediate(resolve));
      if (spent.includes(token))
        throw new DeliveryError({ verdict: 'blocked', code: 'invalid_grant', detail: 'spent' });
      spent.push(token);
      return pair(`${token.replace('refresh-', '')}+`);
    },
  };
  return { oauth: oauth as OAuth, refreshed };
}

const blocked = { verdict: 'blocked', code: 'invalid_grant' };

test('a fresh token is used as it is, and read once', async () => {
  const { store } = sharedRow(grant('a'));
  const { oauth, refreshed } = strictOAuth();
  let reads = 0;
  const counting = { ...store, read: () => ((reads += 1), store.read()) };
  const tokens = createTokens({ oauth, store: counting, clock });
  expect(await tokens.current()).toEqual({ token: 'access-a', endpoint: 'https://acme.bitrix24.com/rest/' });
  await tokens.current();
  expect(reads).toBe(1);
  expect(refreshed).toEqual([]);
  tokens.forget();
  await tokens.current();
  expect(reads).toBe(2);
});

test('a token that ends within a minute is renewed before the call', async () => {
  const { store } = sharedRow(grant('a', { expiresAt: clock.time + 59_000 }));
  const { oauth, refreshed } = strictOAuth();
  expect((await createTokens({ oauth, store, clock }).current()).token).toBe('access-a+');
  expect(refreshed).toEqual(['refresh-a']);
});

test('twenty parallel callers with a rejected token share one refresh', async () => {
  const { store, row } = sharedRow(grant('a'));
  const { oauth, refreshed } = strictOAuth();
  const tokens = createTokens({ oauth, store, clock });
  await tokens.current();
  const renewed = await Promise.all(Array.from({ length: 20 }, () => tokens.renew('access-a')));
  expect(new Set(renewed.map(({ token }) => token))).toEqual(new Set(['access-a+']));
  expect(refreshed).toEqual(['refresh-a']);
  expect(row.grant.accessToken).toBe('access-a+');
});

test('twenty parallel first calls with an expired grant share one refresh', async () => {
  const { store } = sharedRow(grant('a', { expiresAt: 0 }));
  const { oauth, refreshed } = strictOAuth();
  const tokens = createTokens({ oauth, store, clock });
  await Promise.all(Array.from({ length: 20 }, () => tokens.current()));
  expect(refreshed).toEqual(['refresh-a']);
});

test('processes that share the row refresh once between them', async () => {
  const { store } = sharedRow(grant('a'));
  const { oauth, refreshed } = strictOAuth();
  const processes = Array.from({ length: 5 }, () => createTokens({ oauth, store, clock }));
  const renewed = await Promise.all(processes.map((tokens) => tokens.renew('access-a')));
  expect(new Set(renewed.map(({ token }) => token))).toEqual(new Set(['access-a+']));
  expect(refreshed).toEqual(['refresh-a']);
});

test('a token somebody else renewed, but long ago, is renewed again', async () => {
  const { store } = sharedRow(grant('b', { expiresAt: clock.time }));
  const { oauth, refreshed } = strictOAuth();
  expect((await createTokens({ oauth, store, clock }).renew('access-a')).token).toBe('access-b+');
  expect(refreshed).toEqual(['refresh-b']);
});

test('who lost the race against an installation reads the row again', async () => {
  const { store, row } = sharedRow(grant('a'));
  const { oauth } = strictOAuth(['refresh-a']);
  const racing: OAuth = {
    ...oauth,
    refresh: (token) => {
      row.grant = grant('installed');
      return oauth.refresh(token);
    },
  };
  expect((await createTokens({ oauth: racing, store, clock }).renew('access-a')).token).toBe('access-installed');
  expect(row.lost).toEqual([]);
});

test('an unchanged grant that the server does not take is lost, once, for all callers', async () => {
  const { store, row } = sharedRow(grant('a'));
  const { oauth } = strictOAuth(['refresh-a']);
  const tokens = createTokens({ oauth, store, clock });
  const outcomes = await Promise.allSettled(Array.from({ length: 5 }, () => tokens.renew('access-a')));
  for (const outcome of outcomes) expect(outcome).toMatchObject({ status: 'rejected', reason: blocked });
  expect(row.lost).toEqual(['invalid_grant']);
});

test.each(['retry', 'blocked'] as const)('another failure (%s) leaves the grant as it is', async (verdict) => {
  const { store, row } = sharedRow(grant('a'));
  const failing = { refresh: () => Promise.reject(new DeliveryError({ verdict, code: 'other', detail: '' })) };
  const tokens = createTokens({ oauth: failing as unknown as OAuth, store, clock });
  await expect(tokens.renew('access-a')).rejects.toMatchObject({ verdict, code: 'other' });
  expect(row.lost).toEqual([]);
  expect(row.grant).toEqual(grant('a'));
});

test('a pair that could not be stored is not used', async () => {
  const { store, row } = sharedRow(grant('a'));
  const { oauth } = strictOAuth();
  const broken: GrantStore = {
    ...store,
    exclusively: (work) => store.exclusively((held) => work(held, () => Promise.reject(new Error('disk full')))),
  };
  const tokens = createTokens({ oauth, store: broken, clock });
  await expect(tokens.renew('access-a')).rejects.toThrow('disk full');
  expect(row.grant.accessToken).toBe('access-a');
  expect((await tokens.current()).token).toBe('access-a');
});

test('the new address of a portal comes with the pair; without one the old stays', async () => {
  const moved = { refresh: () => Promise.resolve(pair('b', { clientEndpoint: 'https://new.example.com/rest/' })) };
  const silent = { refresh: () => Promise.resolve(pair('b', { clientEndpoint: '' })) };
  const endpoint = async (oauth: object): Promise<string> => {
    const tokens = createTokens({ oauth: oauth as OAuth, store: sharedRow(grant('a')).store, clock });
    return (await tokens.renew('access-a')).endpoint;
  };
  expect(await endpoint(moved)).toBe('https://new.example.com/rest/');
  expect(await endpoint(silent)).toBe('https://acme.bitrix24.com/rest/');
});
