import type { OAuth, TokenPair } from '../../../src/bitrix24/oauth.ts';
import { createTokens, type Grant, type GrantStore } from '../../../src/bitrix24/tokens.ts';
import { DeliveryError } from '../../../src/kit/errors.ts';

const HOUR = 3_600_000;
const clock = { time: 1_000_000, now: () => clock.time };

const grant = (name: string, more: Partial<Grant> = {}): Grant => ({
  id: `id-${name}`,
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

/** The rows all processes share, with their lock: the first one is used. */
function sharedRow(...grants: Grant[]) {
  const row = {
    grants,
    lost: [] as string[],
    locked: Promise.resolve(),
    get grant() {
      const [first] = row.grants;
      if (!first) throw new DeliveryError({ verdict: 'blocked', code: 'no_grant', detail: '' });
      return first;
    },
  };
  const drop = (id: string): void => void (row.grants = row.grants.filter((one) => one.id !== id));
  const store: GrantStore = {
    read: async () => Promise.resolve(row.grant),
    exclusively(work) {
      const run = row.locked.then(() => {
        const held = row.grant;
        return work(held, (saved) => {
          row.grants = row.grants.map((one) =>
            one.id === held.id ? { id: held.id, ...saved, endpoint: saved.clientEndpoint } : one,
          );
          return Promise.resolve();
        });
      });
      row.locked = run.then(
        () => undefined,
        () => undefined,
      );
      return run;
    },
    lost: (dead, reason) => {
      row.lost.push(reason);
      drop(dead.id);
      return Promise.resolve();
    },
    setAside: ({ id }) => {
      if (row.grants.length < 2 || !row.grants.some((one) => one.id === id)) return Promise.resolve(false);
      drop(id);
      return Promise.resolve(true);
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
      row.grants = [grant('installed')];
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

describe('a reserve', () => {
  test('takes over when the first grant is dead, fresh as it is', async () => {
    const { store, row } = sharedRow(grant('a'), grant('b'));
    const { oauth, refreshed } = strictOAuth(['refresh-a']);
    const tokens = createTokens({ oauth, store, clock });
    expect((await tokens.renew('access-a')).token).toBe('access-b');
    expect((await tokens.current()).token).toBe('access-b');
    expect([refreshed, row.lost]).toEqual([['refresh-a'], ['invalid_grant']]);
  });

  test('that is expired is renewed first; the next one follows when it is dead too', async () => {
    const old = { expiresAt: 0 };
    const { store, row } = sharedRow(grant('a'), grant('b', old), grant('c', old));
    const { oauth, refreshed } = strictOAuth(['refresh-a', 'refresh-b']);
    expect((await createTokens({ oauth, store, clock }).renew('access-a')).token).toBe('access-c+');
    expect(refreshed).toEqual(['refresh-a', 'refresh-b', 'refresh-c']);
    expect(row.lost).toEqual(['invalid_grant', 'invalid_grant']);
  });

  test('calls instead of a user who is turned away; of many callers one sets the grant aside', async () => {
    const { store, row } = sharedRow(grant('a'), grant('b'));
    const tokens = createTokens({ oauth: strictOAuth().oauth, store, clock });
    await tokens.current();
    const others = await Promise.all(Array.from({ length: 5 }, () => tokens.instead('access-a', 'user_access_error')));
    expect(new Set(others.map((other) => other?.token))).toEqual(new Set(['access-b']));
    expect(row.grants.map(({ id }) => id)).toEqual(['id-b']);
  });

  test('that is not there leaves the last grant in place: the portal may let its user in again', async () => {
    const { store, row } = sharedRow(grant('a'));
    const tokens = createTokens({ oauth: strictOAuth().oauth, store, clock });
    expect(await tokens.instead('access-a', 'authorization_error')).toBeUndefined();
    expect((await tokens.current()).token).toBe('access-a');
    expect(row.lost).toEqual([]);
  });
});
