import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { createClient, type Client, type ClientDeps, type PortalRequest } from '../../../src/bitrix24/client.ts';
import { MAY_RUN_MS } from '../../../src/bitrix24/verdict.ts';
import { systemClock } from '../../../src/kit/clock.ts';
import type { LogFields, Logger } from '../../../src/kit/logger.ts';
import { json, reset, silence, text, tinyServer, type TinyServer } from './tinyServer.ts';

const opened: { close(): unknown }[] = [];
const logged: { event: string; fields: LogFields }[] = [];
const record = (event: string, fields: LogFields = {}): void => void logged.push({ event, fields });
const log: Logger = { error: record, warn: record, info: record, debug: record };

const portal = async (...replies: Parameters<typeof tinyServer>): Promise<TinyServer> => {
  const server = await tinyServer(...replies);
  opened.push(server);
  return server;
};
const client = (more: Partial<ClientDeps> = {}): Client => {
  const created = createClient({ clock: systemClock, log, allowInsecure: true, userAgent: 'gateway/0.1', ...more });
  opened.push(created);
  return created;
};
const request = (server: { url: string }, more: Partial<PortalRequest> = {}): PortalRequest => ({
  endpoint: `${server.url}/rest/`,
  token: 'secret-token',
  method: 'imconnector.status',
  params: { CONNECTOR: 'acme', LINE: 1, private: 'words of a person' },
  repeatable: false,
  ...more,
});

afterEach(async () => {
  for (const each of opened.splice(0)) await each.close();
  logged.length = 0;
});

test('posts JSON with the token in the body, and only there', async () => {
  const server = await portal(
    json(200, { result: { ok: 1 }, time: { operating: 0.5, operating_reset_at: 1_760_000_000 } }),
  );
  const answer = await client().post(request(server));
  expect(answer).toEqual({ result: { ok: 1 }, time: { operating: 0.5, operatingResetAt: 1_760_000_000_000 } });
  const [received] = server.received;
  expect(received).toMatchObject({ method: 'POST', url: '/rest/imconnector.status' });
  expect(JSON.parse(received?.body ?? '')).toMatchObject({ CONNECTOR: 'acme', LINE: 1, auth: 'secret-token' });
  expect(received?.headers).toMatchObject({
    accept: 'application/json',
    'user-agent': 'gateway/0.1',
    'content-type': 'application/json',
  });
  expect(JSON.stringify([received?.url, received?.headers])).not.toContain('secret-token');
});

test('logs one line per call, with the portal and without parameters and token', async () => {
  const server = await portal(json(200, { result: true }), json(400, { error: 'ERROR_ARGUMENT' }), text(502, '<html>'));
  const used = client();
  await used.post(request(server, { portalId: 'p-1' }));
  await expect(used.post(request(server, { portalId: 'p-1' }))).rejects.toThrow();
  await expect(used.post(request(server, { portalId: 'p-1', repeatable: true }))).rejects.toThrow();
  expect(new Set(logged.map(({ fields }) => fields.portalId))).toEqual(new Set(['p-1']));
  expect(logged.map(({ event, fields }) => [event, fields.method, fields.status, fields.code])).toEqual([
    ['portal.called', 'imconnector.status', 200, 'ok'],
    ['portal.called', 'imconnector.status', 400, 'ERROR_ARGUMENT'],
    ['portal.called', 'imconnector.status', 502, 'http_502'],
  ]);
  expect(logged.every(({ fields }) => typeof fields.durationMs === 'number')).toBe(true);
  expect(JSON.stringify(logged)).not.toMatch(/secret-token|words of a person/);
});

test.each([301, 302, 307, 308])('a moved portal (%i) is posted to again, body and all', async (status) => {
  const moved = await portal(json(200, { result: 'here' }));
  const old = await portal(text(status, '', { location: `${moved.url}/rest/imconnector.status?auth=x` }));
  expect(await client().post(request(old))).toEqual({ result: 'here', movedTo: `${moved.url}/rest/` });
  expect(moved.received).toHaveLength(1);
  expect(moved.received[0]).toMatchObject({ method: 'POST', url: '/rest/imconnector.status' });
  expect(moved.received[0]?.body).toBe(old.received[0]?.body);
});

test('two moves are followed, a third is not', async () => {
  const ring = await portal(() => undefined);
  ring.replies.splice(0, 1, text(302, '', { location: '/rest/imconnector.status' }));
  const failure = { verdict: 'retry', code: 'http_302' };
  await expect(client().post(request(ring))).rejects.toMatchObject(failure);
  expect(ring.received).toHaveLength(3);
});

test.each(['https://login.example/', '', '/login?back=/rest/imconnector.status'])(
  'a redirect to %j is no move; nothing was executed',
  async (location) => {
    const server = await portal(text(302, '<html>', { location }));
    await expect(client().post(request(server))).rejects.toMatchObject({ verdict: 'retry', code: 'http_302' });
    expect(server.received).toHaveLength(1);
  },
);

test.each<[string, Parameters<typeof tinyServer>[0], object]>([
  ['200 with an error inside', json(200, { error: 'ICON_REQUIRED' }), { verdict: 'refused', code: 'ICON_REQUIRED' }],
  [
    '200 with a page',
    text(200, '<html>login</html>'),
    { verdict: 'unsure', code: 'html_answer', mayRunUntil: undefined },
  ],
  ['200 with nothing', text(200, ''), { verdict: 'unsure', code: 'empty_answer', mayRunUntil: undefined }],
  ['200 with half a JSON', json(200, undefined), { verdict: 'unsure', code: 'empty_answer' }],
  ['500 of the portal', json(500, { error: 'INTERNAL_SERVER_ERROR' }), { verdict: 'unsure', mayRunUntil: undefined }],
  ['503 of the bucket', json(503, { error: 'QUERY_LIMIT_EXCEEDED' }), { verdict: 'retry', retryAfterMs: 1_000 }],
  ['503 of a block', json(503, { error: 'OVERLOAD_LIMIT' }), { verdict: 'blocked', scope: 'portal' }],
])('%s', async (_name, reply, failure) => {
  const server = await portal(reply);
  await expect(client().post(request(server))).rejects.toMatchObject(failure);
  expect(server.received).toHaveLength(1);
});

describe('no answer', () => {
  test('a reset after the request: it may have happened, and may still be running', async () => {
    const server = await portal(reset);
    const before = Date.now();
    const failure = await client()
      .post(request(server))
      .catch((error: unknown) => error);
    expect(failure).toMatchObject({ verdict: 'unsure', code: 'network' });
    const { mayRunUntil = 0 } = failure as { mayRunUntil?: number };
    expect(mayRunUntil).toBeGreaterThanOrEqual(before + MAY_RUN_MS);
    expect(mayRunUntil).toBeLessThanOrEqual(Date.now() + MAY_RUN_MS);
    expect(server.received).toHaveLength(1);
    await expect(client().post(request(server, { repeatable: true }))).rejects.toMatchObject({ verdict: 'retry' });
  });

  test('a reset before TLS stands: nothing was sent', async () => {
    const server = createServer((socket) => socket.destroy());
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    opened.push(server);
    const { port } = server.address() as AddressInfo;
    const given = request({ url: `https://127.0.0.1:${port}` });
    await expect(client().post(given)).rejects.toMatchObject({ verdict: 'retry', code: 'unreachable' });
  });

  test('nobody listens: nothing was sent', async () => {
    const server = await tinyServer();
    await server.close();
    await expect(client().post(request(server))).rejects.toMatchObject({ verdict: 'retry', code: 'unreachable' });
  });

  test('a name that does not exist: nothing was sent', async () => {
    const given = request({ url: 'https://portal.invalid' });
    await expect(client().post(given)).rejects.toMatchObject({ verdict: 'retry', code: 'unreachable' });
  });

  test('a timeout, also of an answer that drips', async () => {
    const dripping = await portal((_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      const timer = setInterval(() => response.write(' '), 10);
      response.on('close', () => clearInterval(timer));
    });
    const mute = await portal(silence);
    for (const server of [mute, dripping]) {
      const failure = { verdict: 'unsure', code: 'timeout', mayRunUntil: expect.any(Number) as number };
      await expect(client({ timeoutMs: 80 }).post(request(server))).rejects.toMatchObject(failure);
    }
  });

  test('given up from outside: before sending nothing happened, afterwards it may have', async () => {
    const server = await portal(silence);
    await expect(client().post(request(server, { signal: AbortSignal.abort() }))).rejects.toMatchObject({
      verdict: 'retry',
      code: 'aborted',
    });
    expect(server.received).toHaveLength(0);
    const controller = new AbortController();
    server.replies.splice(0, 1, () => controller.abort());
    await expect(client().post(request(server, { signal: controller.signal }))).rejects.toMatchObject({
      verdict: 'unsure',
      code: 'aborted',
    });
  });
});

describe('the policy of addresses', () => {
  test.each(['http://127.0.0.1:1', 'https://127.0.0.1:1', 'https://localhost:1', 'http://acme.bitrix24.com'])(
    '%s is not called unless allowed',
    async (url) => {
      const failure = { verdict: 'blocked', code: 'endpoint_not_allowed' };
      await expect(client({ allowInsecure: false }).post(request({ url }))).rejects.toMatchObject(failure);
    },
  );
});

test('connections are kept for the next call and closed with the client', async () => {
  const server = await portal(json(200, { result: 1 }));
  const used = client();
  await used.post(request(server));
  await used.post(request(server));
  const [first, second] = server.received.map(({ headers }) => headers.connection);
  expect([first, second]).toEqual(['keep-alive', 'keep-alive']);
});
