import { routes } from '../../../src/http/admin/routes.ts';
import { type AdminSite, createAdminSite, NOWHERE, problem } from './site.ts';

let site: AdminSite;
beforeAll(async () => {
  site = await createAdminSite();
});
afterAll(() => site.close());

const concrete = (path: string): string =>
  path.replaceAll(/:(\w+)/g, (_, name: string) => ({ code: 'chat', slug: 'nobody' })[name] ?? NOWHERE);

describe.each(routes.map((route) => [`${route.method.toUpperCase()} ${route.path}`, route] as const))(
  '%s',
  (_, route) => {
    const send = (key: 'read' | 'write' | 'admin' | 'nobody') =>
      site.as[key].request({ method: route.method, url: concrete(route.path), ...(route.body ? { data: {} } : {}) });

    it('is closed to unknown keys', async () => {
      const answer = await send('nobody');
      expect([answer.status, problem(answer).code]).toEqual([401, 'unauthorized']);
    });

    it(`needs the scope ${route.scope}`, async () => {
      const order = ['read', 'write', 'admin'] as const;
      const below = order.slice(0, order.indexOf(route.scope));
      for (const key of below) {
        const answer = await send(key);
        expect([answer.status, problem(answer).code]).toEqual([403, 'insufficient_scope']);
      }
    });
  },
);

describe('what the scopes are for', () => {
  it.each(routes.map((route) => [route.method, route.path, route.scope] as const))(
    '%s %s is open to %s',
    (method, path, scope) => {
      const erases = method === 'delete' && ['/portals/:id', '/messengers/:slug/persons/:externalId'].includes(path);
      const secret = path.startsWith('/api-keys') || path === '/audit' || erases;
      expect(scope).toBe(secret ? 'admin' : method === 'get' ? 'read' : 'write');
    },
  );
});

describe('the edges of the API', () => {
  it('a revoked key is unknown', async () => {
    const { data } = await site.as.admin.post<{ id: string; key: string }>('/api-keys', {
      name: 'short',
      scopes: ['read'],
    });
    const headers = { authorization: `Bearer ${data.key}` };
    expect((await site.as.nobody.get('/portals', { headers })).status).toBe(200);
    await site.as.admin.delete(`/api-keys/${data.id}`);
    expect((await site.as.nobody.get('/portals', { headers })).status).toBe(401);
  });

  it('a method a path does not have is answered 405 with those it has', async () => {
    const answer = await site.as.admin.put('/portals');
    expect(answer.status).toBe(405);
    expect(answer.headers.allow).toBe('GET');
  });

  it.each(['/nothing', '/portals/x/y/z', '/Portals'])('%s is not there', async (path) => {
    expect((await site.as.admin.get(path)).status).toBe(404);
  });

  it.each([
    ...['/portals/17', '/portals/x', '/conversations/..%2f', '/jobs/abc', '/jobs/0', '/jobs/99999999999999999999'],
    ...[`/portals/${NOWHERE}/bots/2147483648`, '/messages/a%00b'],
  ])('an id that cannot be one names nothing: %s', async (path) => {
    const answer = await site.as.admin.get(path);
    expect([answer.status, problem(answer).code]).toEqual([404, 'not_found']);
  });

  it('ids are found in any case', async () => {
    const { id } = await site.addPortal();
    expect((await site.as.read.get(`/portals/${id.toUpperCase()}`)).status).toBe(200);
  });

  it('every fault of a body is named by its JSON pointer, without its value', async () => {
    const answer = await site.as.write.post('/channels', {
      portalId: 'secret-value',
      connector: 'chat',
      lineId: -1,
      companion: { mode: 'never' },
      colour: 'red',
    });
    expect(answer.status).toBe(400);
    const { code, errors, requestId } = problem(answer);
    expect(code).toBe('invalid_request');
    expect(requestId).toBe(answer.headers['x-request-id']);
    expect(errors?.map(({ path }) => path).sort()).toEqual([
      '',
      '/companion/mode',
      '/lineId',
      '/messenger',
      '/portalId',
    ]);
    expect(JSON.stringify(answer.data)).not.toContain('secret-value');
  });

  it('a query member nobody knows is refused rather than ignored', async () => {
    const answer = await site.as.read.get('/conversations', { params: { chanelId: NOWHERE } });
    expect([answer.status, problem(answer).code]).toEqual([400, 'invalid_request']);
  });

  it('a body that is not JSON is invalid_json', async () => {
    const headers = { 'content-type': 'application/json' };
    const answer = await site.as.write.post('/messengers', Buffer.from('{"slug": '), { headers });
    expect([answer.status, problem(answer).code]).toEqual([400, 'invalid_json']);
  });

  it('a body that is not JSON is no failure of the database, whatever codes it has in it', async () => {
    const headers = { 'content-type': 'application/json' };
    for (const text of ['{"a": x08006', '{57P01}', 'ECONNREFUSED']) {
      const answer = await site.as.write.post('/messengers', Buffer.from(text), { headers });
      expect([text, answer.status]).toEqual([text, 400]);
    }
  });

  it('an image that is none is refused at once, however long it is', async () => {
    const { id } = await site.addPortal();
    const avatar = `A${' '.repeat(900_000)}!`;
    const answer = await site.as.write.post(`/portals/${id}/bots`, { code: 'slow', name: 'Slow', avatar });
    expect([answer.status, problem(answer).errors?.[0]?.path]).toEqual([400, '/avatar']);
  });

  it.each(['text/plain', 'application/x-www-form-urlencoded', 'application/json5'])(
    'a body of the type %s is not read',
    async (type) => {
      const answer = await site.as.write.post('/messengers', 'slug=a', { headers: { 'content-type': type } });
      expect([answer.status, problem(answer).code]).toEqual([415, 'unsupported_media_type']);
    },
  );

  it('a body of more than 1 MiB is too large', async () => {
    const answer = await site.as.write.post('/messengers', { slug: 'x', name: 'x'.repeat(1024 * 1024) });
    expect([answer.status, problem(answer).code]).toEqual([413, 'payload_too_large']);
  });

  it('texts PostgreSQL cannot store are refused or repaired, never a failure', async () => {
    const answers = await Promise.all([
      site.as.read.get('/conversations', { params: { q: 'a\0b', externalId: '\0' } }),
      site.as.read.get('/webhook-events', { params: { type: '\0' } }),
      site.as.write.post('/messengers', { slug: 'nul', name: 'a\0b', settings: { ok: 'é' } }),
      site.as.write.post('/messengers', { slug: 'nul-2', name: 'b', settings: { deep: ['\0'] } }),
      site.as.write.post('/messengers', { slug: 'nul-3', name: 'b', settings: { half: '\ud800' } }),
      site.as.write.post('/messengers', { slug: 'nul-4', name: 'b', settings: { fine: '\\u0000 \u{1F600}' } }),
    ]);
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 201, 400, 400, 201]);
  });

  it('answers are kept by no cache', async () => {
    expect((await site.as.read.get('/portals')).headers['cache-control']).toBe('no-store');
  });
});
