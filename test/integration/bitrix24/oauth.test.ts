import { createOAuth, type OAuth, type OAuthDeps } from '../../../src/bitrix24/oauth.ts';
import { silentLogger } from '../../../src/kit/logger.ts';
import { json, reset, silence, text, tinyServer, type TinyServer } from './tinyServer.ts';

const NOW = 1_760_000_000_000;
const opened: { close(): unknown }[] = [];
afterEach(async () => {
  for (const each of opened.splice(0)) await each.close();
});

const server = async (...replies: Parameters<typeof tinyServer>): Promise<TinyServer> => {
  const started = await tinyServer(...replies);
  opened.push(started);
  return started;
};
const oauth = (trusted: { url: string }[], more: Partial<OAuthDeps> = {}): OAuth => {
  const created = createOAuth({
    clientId: 'app.1',
    clientSecret: 'our-secret',
    trustedServers: trusted.map(({ url }) => url),
    clock: { now: () => NOW },
    log: silentLogger,
    timeoutMs: 200,
    ...more,
  });
  opened.push(created);
  return created;
};

const PAIR = {
  access_token: 'a2',
  refresh_token: 'r2',
  expires_in: 3600,
  expires: 1_760_009_999,
  client_endpoint: 'https://acme.bitrix24.com/rest/',
  server_endpoint: 'https://oauth.bitrix.info/rest/',
  domain: 'oauth.bitrix.info',
  member_id: 'm1',
  scope: 'imconnector,imopenlines',
  status: 'L',
  user_id: 27,
};

describe('refreshing', () => {
  test('posts a form to the OAuth server and takes the portal from client_endpoint', async () => {
    const trusted = await server(json(200, PAIR));
    expect(await oauth([trusted]).refresh('r1', `${trusted.url}/rest/`)).toEqual({
      accessToken: 'a2',
      refreshToken: 'r2',
      expiresAt: NOW + 3_600_000,
      clientEndpoint: 'https://acme.bitrix24.com/rest/',
      serverEndpoint: 'https://oauth.bitrix.info/rest/',
      memberId: 'm1',
      scope: ['imconnector', 'imopenlines'],
      userId: '27',
      status: 'L',
    });
    const [received] = trusted.received;
    expect(received).toMatchObject({ method: 'POST', url: '/oauth/token/' });
    expect(received?.headers['content-type']).toContain('application/x-www-form-urlencoded');
    expect(Object.fromEntries(new URLSearchParams(received?.body))).toEqual({
      grant_type: 'refresh_token',
      client_id: 'app.1',
      client_secret: 'our-secret',
      refresh_token: 'r1',
    });
  });

  test('the life time is of our clock, of the absolute time only where no other is named', async () => {
    const expiry = async (fields: object): Promise<number> => {
      const trusted = await server(json(200, { ...PAIR, expires: undefined, expires_in: undefined, ...fields }));
      return (await oauth([trusted]).refresh('r1')).expiresAt;
    };
    expect(await expiry({ expires_in: 60 })).toBe(NOW + 60_000);
    expect(await expiry({ expires_in: '60', expires: 5 })).toBe(NOW + 60_000);
    expect(await expiry({ expires: 1_760_000_500 })).toBe(1_760_000_500_000);
    expect(await expiry({})).toBe(NOW + 3_600_000);
  });

  test('secrets go to no server but the trusted ones', async () => {
    const [first, second, stranger] = await Promise.all([1, 2, 3].map(() => server(json(200, PAIR))));
    const used = oauth([first, second].flatMap((each) => each ?? []));
    await used.refresh('r1', `${second?.url}/rest/`);
    await used.refresh('r1', `${stranger?.url}/rest/`);
    await used.refresh('r1', `${first?.url}@evil.example/rest/`);
    await used.refresh('r1', 'nonsense');
    expect([first, second, stranger].map((each) => each?.received.length)).toEqual([3, 1, 0]);
  });

  test('a redirect is not followed', async () => {
    const stranger = await server(json(200, PAIR));
    const trusted = await server(text(302, '', { location: `${stranger.url}/oauth/token/` }));
    await expect(oauth([trusted]).refresh('r1')).rejects.toMatchObject({ verdict: 'retry' });
    expect(stranger.received).toHaveLength(0);
  });

  test.each([
    [400, 'invalid_grant'],
    [401, 'invalid_client'],
    [404, 'invalid_client'],
    [200, 'PAYMENT_REQUIRED'],
    [403, 'PAYMENT_REQUIRED'],
    [400, 'invalid_request'],
    [400, 'invalid_scope'],
  ])('%i %s ends it', async (status, code) => {
    const trusted = await server(json(status, { error: code, error_description: 'no' }));
    await expect(oauth([trusted]).refresh('r1')).rejects.toMatchObject({ verdict: 'blocked', code, status });
  });

  test.each<[string, Parameters<typeof tinyServer>[0]]>([
    ['500', json(500, { error: 'invalid_grant' })],
    ['502 page', text(502, '<html>')],
    ['429', json(429, { error: 'too_many' })],
    ['200 page', text(200, '<html>')],
    ['404 page', text(404, '<html>')],
    ['an empty map', json(200, {})],
    ['half a pair', json(200, { access_token: 'a' })],
    ['a reset', reset],
    ['silence', silence],
  ])('%s is a disturbance, never the loss of the grant', async (_name, reply) => {
    const trusted = await server(reply);
    await expect(oauth([trusted]).refresh('r1')).rejects.toMatchObject({ verdict: 'retry' });
  });
});

describe('asking whose token it is', () => {
  const INFO = {
    result: {
      client_id: 'app.1',
      user_id: 27,
      install: { member_id: 'm1', domain: 'acme.bitrix24.com', installed: true, version: 4, status: 'L' },
    },
  };
  const unknown = json(401, { error: 'invalid_token' });

  test('the first server that knows it', async () => {
    const trusted = await server(json(200, INFO));
    expect(await oauth([trusted]).appInfo('a1')).toEqual({
      clientId: 'app.1',
      userId: '27',
      memberId: 'm1',
      domain: 'acme.bitrix24.com',
      installed: true,
      version: '4',
      status: 'L',
      serverEndpoint: `${trusted.url}/rest/`,
    });
    expect(trusted.received[0]).toMatchObject({ method: 'POST', url: '/rest/app.info', body: 'auth=a1' });
  });

  test('the hinted trusted server is asked first, the others afterwards, no stranger ever', async () => {
    const [first, second, stranger] = await Promise.all([
      server(unknown),
      server(json(200, INFO)),
      server(json(200, INFO)),
    ]);
    const used = oauth([first, second]);
    expect((await used.appInfo('a1', `${second.url}/rest/`)).serverEndpoint).toBe(`${second.url}/rest/`);
    expect(first.received).toHaveLength(0);
    expect((await used.appInfo('a1', `${stranger.url}/rest/`)).serverEndpoint).toBe(`${second.url}/rest/`);
    expect([first, second, stranger].map(({ received }) => received.length)).toEqual([1, 2, 0]);
  });

  test('known to none of them is refused', async () => {
    const servers = await Promise.all([server(unknown), server(unknown)]);
    await expect(oauth(servers).appInfo('a1')).rejects.toMatchObject({ verdict: 'refused', code: 'not_confirmed' });
  });

  test.each<[string, Parameters<typeof tinyServer>[0]]>([
    ['a page', text(200, '<html>')],
    ['an error of its own', json(500, { error: 'INTERNAL_SERVER_ERROR' })],
    ['an answer without an installation', json(200, { result: { client_id: 'app.1' } })],
    ['a reset', reset],
  ])('a server that cannot say (%s) might know it', async (_name, reply) => {
    const servers = await Promise.all([server(unknown), server(reply)]);
    await expect(oauth(servers).appInfo('a1')).rejects.toMatchObject({ verdict: 'retry' });
  });
});

test('without a trusted server there is nobody to ask', () => {
  expect(() => oauth([])).toThrow('must be trusted');
});
