import {
  readFrame,
  readInstallEvent,
  verifyInstall,
  type InstallClaim,
  type VerifyDeps,
} from '../../../src/bitrix24/installation.ts';
import type { AppInfo } from '../../../src/bitrix24/oauth.ts';
import type { FormMap } from '../../../src/bitrix24/form.ts';
import { DeliveryError, RequestError } from '../../../src/kit/errors.ts';

const AUTH: Record<string, string> = {
  access_token: 'access',
  refresh_token: 'refresh',
  expires_in: '3600',
  scope: 'imconnector, imopenlines im',
  domain: 'acme.bitrix24.com',
  server_endpoint: 'https://oauth.bitrix.info/rest/',
  client_endpoint: 'https://acme.bitrix24.com/rest/',
  member_id: 'm1',
  application_token: 'app-token',
  status: 'L',
};
const installForm = (auth: Record<string, string> = {}, event = 'ONAPPINSTALL'): FormMap => ({
  event,
  data: { VERSION: '1' },
  auth: { ...AUTH, ...auth },
});

const QUERY = { DOMAIN: 'acme.bitrix24.com', PROTOCOL: '1', LANG: 'en', APP_SID: 'x' };
const BODY = {
  AUTH_ID: 'access',
  REFRESH_ID: 'refresh',
  AUTH_EXPIRES: '3600',
  SERVER_ENDPOINT: 'https://evil.example/rest/',
  APPLICATION_TOKEN: 'app-token',
  APPLICATION_SCOPE: 'imconnector,imopenlines',
  member_id: 'm1',
  status: 'L',
  PLACEMENT: 'SETTING_CONNECTOR',
  PLACEMENT_OPTIONS: '{"CONNECTOR":"acme_chat","LINE":"3","STATUS":false}',
};

const GENUINE: AppInfo = {
  clientId: 'app.1',
  userId: '27',
  memberId: 'm1',
  domain: 'acme.bitrix24.com',
  installed: true,
  version: '4',
  status: 'L',
  serverEndpoint: 'https://oauth.bitrix.info/rest/',
};

/** An OAuth server that knows one token. */
const deps = (info: Partial<AppInfo> = {}, more: Partial<VerifyDeps> = {}): VerifyDeps => ({
  clientId: 'app.1',
  allowInsecure: false,
  clock: { now: () => 1_000 },
  oauth: {
    appInfo: (token) =>
      token === 'access'
        ? Promise.resolve({ ...GENUINE, ...info })
        : Promise.reject(new DeliveryError({ verdict: 'refused', code: 'not_confirmed', detail: '' })),
  },
  ...more,
});

const forged = expect.objectContaining({ code: 'unverified_origin', extra: {} }) as RequestError;

test('a genuine installation', async () => {
  expect(await verifyInstall(readInstallEvent(installForm()), deps())).toEqual({
    memberId: 'm1',
    domain: 'acme.bitrix24.com',
    clientEndpoint: 'https://acme.bitrix24.com/rest/',
    serverEndpoint: 'https://oauth.bitrix.info/rest/',
    applicationToken: 'app-token',
    accessToken: 'access',
    refreshToken: 'refresh',
    expiresAt: 3_601_000,
    scope: ['imconnector', 'imopenlines', 'im'],
    userId: '27',
    status: 'L',
    version: '4',
    installed: true,
  });
});

test('a genuine page of a portal; the server it names is not stored', async () => {
  const claim = readFrame(QUERY, BODY);
  expect(claim).toMatchObject({
    endpoint: 'https://acme.bitrix24.com/rest/',
    placement: 'SETTING_CONNECTOR',
    placementOptions: { CONNECTOR: 'acme_chat', LINE: '3', STATUS: false },
    language: 'en',
  });
  expect(await verifyInstall(claim, deps())).toMatchObject({
    clientEndpoint: 'https://acme.bitrix24.com/rest/',
    serverEndpoint: 'https://oauth.bitrix.info/rest/',
    expiresAt: 3_601_000,
  });
});

test('an older self-hosted portal sends fewer fields', async () => {
  const { AUTH_ID, REFRESH_ID, AUTH_EXPIRES, member_id } = BODY;
  const claim = readFrame({ DOMAIN: 'crm.acme.example' }, { AUTH_ID, REFRESH_ID, AUTH_EXPIRES, member_id });
  expect(claim).toMatchObject({ placement: 'DEFAULT', placementOptions: {}, scope: [], language: 'en' });
  const verified = await verifyInstall(claim, deps({ domain: 'CRM.acme.example' }));
  expect(verified).toMatchObject({ domain: 'crm.acme.example' });
  expect(verified).not.toHaveProperty('applicationToken');
});

test('options that cannot be read are none', () => {
  for (const text of ['', '[]', 'null', '"x"', '{broken']) {
    expect(readFrame(QUERY, { ...BODY, PLACEMENT_OPTIONS: text }).placementOptions).toEqual({});
  }
});

test('an update is read like an installation, another event is not', () => {
  expect(readInstallEvent(installForm({}, 'OnAppUpdate')).memberId).toBe('m1');
  expect(() => readInstallEvent(installForm({}, 'ONAPPUNINSTALL'))).toThrow(forged);
});

describe('a shape that is not one', () => {
  test.each(['access_token', 'refresh_token', 'member_id', 'client_endpoint', 'application_token'])(
    'installation without %s',
    (field) => {
      const auth = Object.fromEntries(Object.entries(AUTH).filter(([name]) => name !== field));
      expect(() => readInstallEvent({ event: 'ONAPPINSTALL', auth })).toThrow(forged);
      expect(() => readInstallEvent({ event: 'ONAPPINSTALL', auth: { ...auth, [field]: ['x'] } })).toThrow(forged);
    },
  );

  test.each(['AUTH_ID', 'REFRESH_ID', 'member_id'])('page without %s', (field) => {
    expect(() => readFrame(QUERY, { ...BODY, [field]: '' })).toThrow(forged);
  });

  test.each(['', 'evil.example/path', 'user@evil.example', 'evil.example?x', 'evil.example#', 'a b', 'a\\b'])(
    'page of the host %j',
    (DOMAIN) => {
      expect(() => readFrame({ ...QUERY, DOMAIN }, BODY)).toThrow(forged);
    },
  );

  test('nothing at all', () => {
    expect(() => readInstallEvent('')).toThrow(forged);
    expect(() => readFrame([], 'x')).toThrow(forged);
  });
});

describe('forged', () => {
  const claim = (auth: Record<string, string> = {}): InstallClaim => readInstallEvent(installForm(auth));

  test.each<[string, InstallClaim, VerifyDeps]>([
    ['a token no server knows', claim({ access_token: 'guess' }), deps()],
    ['a token of another application', claim(), deps({ clientId: 'app.2' })],
    ['a token of another portal', claim(), deps({ memberId: 'm2' })],
    ['another host', claim({ client_endpoint: 'https://evil.example/rest/' }), deps()],
    ['another port', claim({ client_endpoint: 'https://acme.bitrix24.com:8443/rest/' }), deps()],
    ['a host in the user part', claim({ client_endpoint: 'https://acme.bitrix24.com@evil.example/rest/' }), deps()],
    ['another path', claim({ client_endpoint: 'https://acme.bitrix24.com/redirect?to=/rest/' }), deps()],
    ['no encryption', claim({ client_endpoint: 'http://acme.bitrix24.com/rest/' }), deps()],
    ['our own network', claim({ client_endpoint: 'https://10.0.0.1/rest/' }), deps({ domain: '10.0.0.1' })],
    ['our own machine', claim({ client_endpoint: 'https://localhost/rest/' }), deps({ domain: 'localhost' })],
    ['no address', claim({ client_endpoint: 'acme' }), deps()],
    ['a page of another host', readFrame({ ...QUERY, DOMAIN: 'evil.example' }, BODY), deps()],
    ['a page without encryption', readFrame({ ...QUERY, PROTOCOL: '0' }, BODY), deps()],
    ['a page with a stolen member id', readFrame(QUERY, { ...BODY, member_id: 'm2' }), deps()],
  ])('%s', async (_name, forgery, given) => {
    await expect(verifyInstall(forgery, given)).rejects.toEqual(forged);
  });
});

test('private networks and plain http are for gateways that allow them', async () => {
  const local = readInstallEvent(installForm({ client_endpoint: 'http://127.0.0.1:4000/rest' }));
  const given = deps({ domain: '127.0.0.1:4000' }, { allowInsecure: true });
  expect(await verifyInstall(local, given)).toMatchObject({
    domain: '127.0.0.1:4000',
    clientEndpoint: 'http://127.0.0.1:4000/rest/',
  });
});

test('no OAuth server to ask is not a forgery', async () => {
  const oauth = {
    appInfo: () => Promise.reject(new DeliveryError({ verdict: 'retry', code: 'unreachable', detail: '' })),
  };
  await expect(verifyInstall(readInstallEvent(installForm()), deps({}, { oauth }))).rejects.toMatchObject({
    verdict: 'retry',
  });
});
