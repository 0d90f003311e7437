import { openScene, visitor, type Scene } from './scene.ts';

let scene: Scene;
beforeEach(async () => {
  scene = await openScene();
});
afterEach(() => scene.close());

interface TokenBody {
  readonly error?: string;
  readonly access_token: string;
  readonly refresh_token: string;
}

const keys = () => ({ client_id: scene.application.clientId, client_secret: scene.application.clientSecret });

function token(params: Record<string, string | undefined>) {
  const form = new URLSearchParams(
    Object.entries(params).filter((pair): pair is [string, string] => pair[1] !== undefined),
  );
  return visitor.post<TokenBody>(`${scene.sandbox.oauthUrl}/oauth/token/`, form);
}
const refresh = (refreshToken = scene.tokens.refresh_token, more: object = {}) =>
  token({ grant_type: 'refresh_token', refresh_token: refreshToken, ...keys(), ...more });

it('a refresh answers a new pair, and `domain` is the OAuth server', async () => {
  const { status, data } = await refresh();
  expect(status).toBe(200);
  expect(data).toMatchObject({
    expires_in: 3600,
    domain: new URL(scene.sandbox.oauthUrl).host,
    client_endpoint: scene.portal.restUrl,
    server_endpoint: `${scene.sandbox.oauthUrl}/rest/`,
    member_id: scene.portal.memberId,
    user_id: 1,
  });
  const profile = await visitor.post(`${scene.portal.restUrl}profile`, { auth: data.access_token });
  expect(profile.status).toBe(200);
});

it('GET works too', async () => {
  const params = { grant_type: 'refresh_token', refresh_token: scene.tokens.refresh_token, ...keys() };
  expect((await visitor.get(`${scene.sandbox.oauthUrl}/oauth/token/`, { params })).status).toBe(200);
});

it('a refresh token works once', async () => {
  const first = await refresh();
  expect([(await refresh()).status, (await refresh()).data.error]).toEqual([400, 'invalid_grant']);
  expect((await refresh(first.data.refresh_token)).status).toBe(200);
});

it('of parallel refreshes one wins', async () => {
  const answers = await Promise.all([refresh(), refresh(), refresh()]);
  expect(answers.map(({ status }) => status).sort()).toEqual([200, 400, 400]);
});

it('a lenient server takes an old refresh token again', async () => {
  await scene.close();
  scene = await openScene({ sandbox: { strictRotation: false } });
  await refresh();
  expect((await refresh()).status).toBe(200);
});

it('a refresh token lives 180 days', async () => {
  scene.sandbox.advance(180 * 24 * 3600_000);
  expect((await refresh()).data.error).toBe('invalid_grant');
});

it.each<[string, () => object, number, string]>([
  ['a wrong secret', () => ({ client_secret: 'x' }), 401, 'invalid_client'],
  ['an unknown client', () => ({ client_id: 'x' }), 401, 'invalid_client'],
  ['a wrong token', () => ({ refresh_token: 'x' }), 400, 'invalid_grant'],
  ['another grant type', () => ({ grant_type: 'password' }), 400, 'invalid_request'],
])('%s is refused', async (_what, more, status, error) => {
  const answer = await refresh(undefined, more());
  expect([answer.status, answer.data.error]).toEqual([status, error]);
});

it('an uninstalled application is no client of the portal; after a re-install the old grant stays dead', async () => {
  scene.portal.uninstall(scene.application.clientId);
  expect((await refresh()).data.error).toBe('invalid_client');
  scene.portal.install(scene.application.clientId);
  expect((await refresh()).data.error).toBe('invalid_grant');
});

it('an expired payment keeps the refresh token', async () => {
  scene.portal.setPayment(scene.application.clientId, true);
  expect((await refresh()).data.error).toBe('PAYMENT_REQUIRED');
  scene.portal.setPayment(scene.application.clientId, false);
  expect((await refresh()).status).toBe(200);
});

it('revoked tokens of a user stop at both doors', async () => {
  scene.portal.revokeGrant(scene.application.clientId, 1);
  expect((await refresh()).data.error).toBe('invalid_grant');
  expect((await scene.call('profile')).data.error).toBe('invalid_token');
});

it('a code works once, within 30 s', async () => {
  const exchange = (code: string) => token({ grant_type: 'authorization_code', code, ...keys() });
  const code = scene.portal.authorize(scene.application.clientId, 7);
  const { data } = await exchange(code);
  expect(data).toMatchObject({ user_id: 7, refresh_token: expect.any(String) as string });
  expect((await exchange(code)).data.error).toBe('invalid_grant');
  const late = scene.portal.authorize(scene.application.clientId, 7);
  scene.sandbox.advance(30_000);
  expect((await exchange(late)).data.error).toBe('invalid_grant');
});

it('app.info tells whose token it is', async () => {
  const ask = (auth: string | undefined) => visitor.post(`${scene.sandbox.oauthUrl}/rest/app.info`, { auth });
  expect((await ask(scene.tokens.access_token)).data).toEqual({
    result: {
      client_id: scene.application.clientId,
      user_id: 1,
      install: {
        member_id: scene.portal.memberId,
        domain: scene.portal.domain,
        installed: true,
        version: 1,
        status: 'L',
      },
    },
  });
  const strange = await ask('strange');
  expect([strange.status, strange.data]).toMatchObject([401, { error: 'invalid_token' }]);
  scene.sandbox.advance(3600_000);
  const old = await ask(scene.tokens.access_token);
  expect([old.status, old.data]).toMatchObject([401, { error: 'expired_token' }]);
});

it('an answer can be lost after the rotation', async () => {
  scene.sandbox.oauthFaults.add({ match: { method: 'oauth/token', times: 1 }, effect: { happensButNoAnswer: true } });
  await expect(refresh()).rejects.toThrow();
  expect((await refresh()).data.error).toBe('invalid_grant');
});

it('the server can be down', async () => {
  await scene.control('post', '/oauth-faults', { match: { times: 1 }, effect: { html: 502 } });
  const { status, headers } = await refresh();
  expect([status, headers['content-type']]).toEqual([502, 'text/html; charset=utf-8']);
  expect((await refresh()).status).toBe(200);
});
