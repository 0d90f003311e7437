import http from 'node:http';
import { openScene, visitor, type Body, type Scene } from './scene.ts';

let scene: Scene;
beforeEach(async () => {
  scene = await openScene();
});
afterEach(() => scene.close());

const url = (path: string) => `${scene.portal.url}${path}`;
const lineOne = { ID: '1', LINE_NAME: 'Open Channel' };

/** Without any client library in between: what is sent is what is written here. */
function raw(path: string, options: { type?: string; body?: string; headers?: Record<string, string> }) {
  return new Promise<{ status: number; text: string }>((resolve, reject) => {
    const headers = { ...(options.type ? { 'Content-Type': options.type } : {}), ...options.headers };
    const request = http.request(url(path), { method: 'POST', headers, agent: false }, (response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => (text += chunk.toString()));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
    });
    request.on('error', reject);
    request.end(options.body);
  });
}

it.each([
  '/rest/imopenlines.config.get',
  '/rest//imopenlines.config.get',
  '/rest/imopenlines.config.get/',
  '/rest/ImOpenLines.Config.GET.json',
])('the method is found at %s', async (path) => {
  const { data } = await visitor.post<Body>(url(path), { CONFIG_ID: 1, auth: scene.tokens.access_token });
  expect(data.result).toMatchObject(lineOne);
});

it.each<[string, (token: string) => Promise<{ status: number; text: string }>]>([
  [
    'a form',
    (token) =>
      raw('/rest/imopenlines.config.get', {
        type: 'application/x-www-form-urlencoded',
        body: `CONFIG_ID=1&auth=${token}`,
      }),
  ],
  [
    'JSON with a charset',
    (token) =>
      raw('/rest/imopenlines.config.get', {
        type: 'application/json; charset=utf-8',
        body: JSON.stringify({ CONFIG_ID: 1, auth: token }),
      }),
  ],
  [
    'JSON over a query',
    (token) =>
      raw(`/rest/imopenlines.config.get?CONFIG_ID=99&auth=${token}`, {
        type: 'application/json',
        body: '{"CONFIG_ID":1}',
      }),
  ],
  [
    'a query and a bearer',
    (token) => raw('/rest/imopenlines.config.get?CONFIG_ID=1', { headers: { Authorization: `Bearer ${token}` } }),
  ],
  ['access_token', (token) => raw(`/rest/imopenlines.config.get?CONFIG_ID=1&access_token=${token}`, {})],
])('parameters are read from %s', async (_form, request) => {
  const { status, text } = await request(scene.tokens.access_token ?? '');
  expect([status, (JSON.parse(text) as Body).result]).toEqual([200, expect.objectContaining(lineOne)]);
});

it('invalid JSON is no error but no parameters', async () => {
  const path = `/rest/imopenlines.config.get?auth=${scene.tokens.access_token}`;
  const { status, text } = await raw(path, { type: 'application/json', body: '{"CONFIG_ID":1' });
  expect([status, (JSON.parse(text) as Body).error]).toEqual([400, 'CONFIG_ID_EMPTY']);
});

it('JSON escapes markup characters and slashes, not letters', async () => {
  await scene.result('imopenlines.config.update', { CONFIG_ID: 1, PARAMS: { LINE_NAME: `<a href='/x'>"&\\ ü` } });
  const { text } = await raw(`/rest/imopenlines.config.get?CONFIG_ID=1&auth=${scene.tokens.access_token}`, {});
  expect(text).toContain(String.raw`\u003Ca href=\u0027\/x\u0027\u003E\u0022\u0026\\ ü`);
  expect((JSON.parse(text) as { result: { LINE_NAME: string } }).result.LINE_NAME).toBe(`<a href='/x'>"&\\ ü`);
});

it('a success carries its time, an error does not', async () => {
  const { data } = await scene.call('server.time');
  expect(Object.keys(data.time ?? {})).toEqual(
    expect.arrayContaining([
      'start',
      'finish',
      'duration',
      'processing',
      'date_start',
      'operating',
      'operating_reset_at',
    ]),
  );
  expect((await scene.call('imopenlines.config.get')).data).not.toHaveProperty('time');
});

describe('gates', () => {
  const failing = async (token: string | undefined, method = 'imconnector.list') => {
    const { status, data } = await visitor.post<Body>(
      url(`/rest/${method}`),
      token === undefined ? {} : { auth: token },
    );
    return [status, data.error];
  };

  it('an unknown method is answered before anybody looks at the token', async () => {
    expect(await failing(undefined, 'no.such.method')).toEqual([404, 'ERROR_METHOD_NOT_FOUND']);
  });

  it('no token, a strange one, an old one', async () => {
    expect(await failing(undefined)).toEqual([401, 'NO_AUTH_FOUND']);
    expect(await failing('strange')).toEqual([401, 'invalid_token']);
    scene.sandbox.advance(3600_000);
    expect(await failing(scene.tokens.access_token)).toEqual([401, 'expired_token']);
  });

  it('a token of another portal', async () => {
    const other = await scene.sandbox.addPortal();
    const { status, data } = await visitor.post<Body>(`${other.restUrl}profile`, { auth: scene.tokens.access_token });
    expect([status, data.error]).toEqual([401, 'invalid_token']);
  });

  it('an application that left', async () => {
    scene.portal.uninstall(scene.application.clientId);
    expect(await failing(scene.tokens.access_token)).toEqual([401, 'APPLICATION_NOT_FOUND']);
  });

  it('a scope that is missing stands before a user who left', async () => {
    scene.portal.update(scene.application.clientId, { scopes: ['user'] });
    scene.portal.dismissUser(1);
    expect(await failing(scene.tokens.access_token)).toEqual([401, 'insufficient_scope']);
    expect(await failing(scene.tokens.access_token, 'profile')).toEqual([401, 'authorization_error']);
  });

  it('an application closed to the user', async () => {
    scene.portal.revokeGrant(scene.application.clientId, 1, 'access');
    expect(await failing(scene.tokens.access_token)).toEqual([403, 'user_access_error']);
  });

  it('an inbound webhook of the wrong secret, and a right one', async () => {
    const path = scene.portal.addWebhook(7, ['user']);
    expect(await failing(undefined, '7/wrong/profile')).toEqual([403, 'INVALID_CREDENTIALS']);
    expect((await visitor.get<Body>(url(`/rest/${path}/profile.json`))).data.result).toMatchObject({
      ID: '7',
      ADMIN: false,
    });
    expect(await failing(undefined, `${path}/event.get`)).toEqual([403, 'WRONG_AUTH_TYPE']);
  });
});

describe('methods of the platform', () => {
  it('app.info tells neither member_id nor client_id by name', async () => {
    const info = await scene.result<object>('app.info');
    expect(info).toMatchObject({ INSTALLED: true, STATUS: 'L', LICENSE_FAMILY: 'pro' });
    expect(Object.keys(info)).not.toEqual(expect.arrayContaining(['member_id', 'client_id']));
  });

  it('user.get filters, and hides clients of Open Channels', async () => {
    const { data } = await scene.call('user.get', { FILTER: { ACTIVE: true } });
    expect((data.result as { ID: string }[]).map(({ ID }) => ID)).toEqual(['1', '7', '27', '29', '44']);
    expect(data.total).toBe(5);
    expect(await scene.result('user.get', { ID: 31 })).toMatchObject([{ ID: '31', ACTIVE: false }]);
    expect(await scene.result('user.search', { FIND: 'clara' })).toMatchObject([{ ID: '27' }]);
    expect(await scene.result('user.current')).toMatchObject({ ID: '1' });
  });

  it('scope, method.get, feature.get', async () => {
    expect(await scene.result('scope')).toContain('imopenlines');
    expect(await scene.result('method.get', { name: 'imConnector.register' })).toEqual({
      isExisting: true,
      isAvailable: true,
    });
    expect(await scene.result('method.get', { name: 'nothing' })).toEqual({ isExisting: false, isAvailable: false });
    expect(await scene.result('feature.get', { CODE: 'rest_offline_extended' })).toEqual({ value: 'N' });
  });

  it('placements: a manual SETTING_CONNECTOR is taken', async () => {
    const bind = { PLACEMENT: 'SETTING_CONNECTOR', HANDLER: 'https://gate.example/x' };
    expect(await scene.result('placement.bind', bind)).toBe(true);
    expect((await scene.call('placement.bind', bind)).data.error).toBe('ERROR_CORE');
    expect((await scene.call('placement.bind', { ...bind, PLACEMENT: 'X' })).data.error).toBe(
      'ERROR_PLACEMENT_NOT_FOUND',
    );
    expect(await scene.result('placement.unbind', bind)).toEqual({ count: 1 });
  });
});
