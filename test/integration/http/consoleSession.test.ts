import { gunzipSync } from 'node:zlib';
import axios, { type AxiosRequestConfig, type AxiosResponse } from 'axios';
import express from 'express';
import { findApiKey } from '../../../src/bridge/admin/apiKeys.ts';
import { createDatabase, type Database } from '../../../src/db/database.ts';
import { apiKeyOf, createApiKeyGuard } from '../../../src/http/apiKey.ts';
import { createConsoleRouter } from '../../../src/http/console/router.ts';
import { createConsoleSessions } from '../../../src/http/console/session.ts';
import { createWrongKeys } from '../../../src/http/wrongKeys.ts';
import { silentLogger } from '../../../src/kit/logger.ts';
import { hashSecret } from '../../../src/kit/secrets.ts';
import { createTestDatabase } from '../../support/database.ts';
import { type ProblemDocument, serve, type Site } from './serve.ts';

/** Signing in to the console, and what its page costs; what is on the page is tested in a browser (long/console.test.ts). */

const HOUR_MS = 3_600_000;
const WRONG_KEYS = 5;

let db: Database;
let site: Site;
let address: { url: string };
let time: number;

beforeAll(async () => {
  db = createDatabase({ url: await createTestDatabase(), connections: 4 });
  time = Date.now();
  address = { url: '' };
  const clock = { now: () => time };
  const wrongKeys = createWrongKeys({ limit: WRONG_KEYS });
  const findKey = (hash: string) => findApiKey({ db }, hash);
  const publicUrl = (): string => address.url;
  const sessions = createConsoleSessions({ db, clock, log: silentLogger, publicUrl, findKey, wrongKeys });
  const guard = createApiKeyGuard({ find: findKey, wrongKeys, session: (req) => sessions.keyOf(req) });
  const guarded = express.Router();
  guarded.get('/read', guard('read'), (_req, res) => void res.json(apiKeyOf(res).name));
  guarded.post('/write', guard('write'), (_req, res) => void res.json(apiKeyOf(res).name));
  site = await serve(() => [sessions.router, createConsoleRouter(), guarded]);
});
afterAll(async () => {
  await site.close();
  await db.close();
});
beforeEach(() => {
  address.url = `http://127.0.0.1:${site.port}`;
});

const code = ({ data }: AxiosResponse): string => (data as ProblemDocument).code;
let serial = 0;
async function addKey(scope: string): Promise<{ id: string; key: string }> {
  const key = `ocg_console-${++serial}`;
  const { id } = await db.prisma.apiKey.create({ data: { name: scope, hash: hashSecret(key), scopes: [scope] } });
  return { id, key };
}

/** What the page itself sends along, in a browser. */
const fromThePage = (more: Record<string, string> = {}): Record<string, string> => ({
  'ocg-console': 'person',
  'sec-fetch-site': 'same-origin',
  ...more,
});
const signIn = (key: string, headers = fromThePage()): Promise<AxiosResponse> =>
  site.http.post('/console/session', { key }, { headers });
const cookieOf = ({ headers }: AxiosResponse): string => headers['set-cookie']?.[0]?.split(';')[0] ?? '';
async function signedIn(scope = 'write'): Promise<{ cookie: string; id: string }> {
  const { id, key } = await addKey(scope);
  return { id, cookie: cookieOf(await signIn(key)) };
}
const read = (cookie: string, headers = {}): Promise<AxiosResponse> =>
  site.http.get('/read', { headers: { cookie, ...headers } });

describe('a session', () => {
  it('stands for the key it was opened with, and for nothing more', async () => {
    const { cookie } = await signedIn('read');
    expect((await read(cookie)).data).toBe('read');
    const refused = await site.http.post('/write', {}, { headers: fromThePage({ cookie }) });
    expect([refused.status, code(refused)]).toEqual([403, 'insufficient_scope']);
    const who = await site.http.get<unknown>('/console/session', { headers: { cookie } });
    expect(who.data).toMatchObject({ key: { name: 'read', scopes: ['read'] } });
    expect((await site.http.get<unknown>('/console/session')).data).toEqual({ key: null });
  });

  it('is a cookie no script reads and no other site sends, and only its hash is kept', async () => {
    const { key } = await addKey('read');
    const answer = await signIn(key);
    expect(answer.headers['set-cookie']?.[0]).toMatch(
      /^ocg-session=[\w-]{43}; Max-Age=604800; Path=\/; HttpOnly; SameSite=Strict$/,
    );
    const [, token = ''] = cookieOf(answer).split('=');
    expect(JSON.stringify(await db.prisma.consoleSession.findMany())).not.toContain(token);
    expect(JSON.stringify(answer.data)).not.toContain(key);
  });

  it('travels over https alone where the gateway has https', async () => {
    address.url = 'https://gateway.example';
    const { key } = await addKey('read');
    const answer = await signIn(key);
    expect(answer.headers['set-cookie']?.[0]).toMatch(/^__Host-ocg-session=.*; HttpOnly; Secure; SameSite=Strict$/);
    expect((await read(cookieOf(answer))).status).toBe(200);
  });

  it('ends eight hours after a person last did something; what the page asks by itself does not count', async () => {
    const { cookie } = await signedIn();
    time += 7 * HOUR_MS;
    expect((await read(cookie)).status).toBe(200);
    time += 7 * HOUR_MS;
    expect((await read(cookie, { 'ocg-console': 'poll' })).status).toBe(200);
    time += 2 * HOUR_MS;
    expect((await read(cookie)).status).toBe(401);
  });

  it('ends after a week, however busy', async () => {
    const { cookie } = await signedIn();
    for (let hours = 0; hours < 7 * 24 - 7; hours += 7) {
      time += 7 * HOUR_MS;
      expect((await read(cookie)).status).toBe(200);
    }
    time += 7 * HOUR_MS;
    expect((await read(cookie)).status).toBe(401);
  });

  it('ends with its key, and with the sign-out', async () => {
    const revoked = await signedIn();
    await db.prisma.apiKey.update({ where: { id: revoked.id }, data: { revokedAt: new Date() } });
    expect((await read(revoked.cookie)).status).toBe(401);

    const { cookie } = await signedIn();
    const out = await site.http.delete('/console/session', { headers: fromThePage({ cookie }) });
    expect([out.status, out.headers['set-cookie']?.[0]]).toEqual([204, expect.stringContaining('Max-Age=0')]);
    expect((await read(cookie)).status).toBe(401);
  });

  it('counts for nothing where a key is presented', async () => {
    const { cookie } = await signedIn();
    expect((await read(cookie, { authorization: 'Bearer wrong' })).status).toBe(401);
  });
});

describe('a writing request with a session', () => {
  const write = (headers: Record<string, string>): Promise<AxiosResponse> => site.http.post('/write', {}, { headers });

  it.each([
    ['says that it is from the page, and the browser agrees', fromThePage(), 200],
    ['comes from the address of the gateway', { 'ocg-console': 'person', origin: 'SELF' }, 200],
    ['lacks the header of the page', { 'sec-fetch-site': 'same-origin' }, 403],
    ['comes from another site', fromThePage({ 'sec-fetch-site': 'cross-site' }), 403],
    ['comes from another host of the same site', fromThePage({ 'sec-fetch-site': 'same-site', origin: 'SELF' }), 403],
    ['comes from another origin', { 'ocg-console': 'person', origin: 'http://127.0.0.1:1' }, 403],
    ['does not say where it comes from', { 'ocg-console': 'person' }, 403],
  ])('that %s', async (_what, headers: Record<string, string>, status) => {
    const { cookie } = await signedIn();
    const own = Object.entries(headers).map(([name, value]) => [name, value === 'SELF' ? address.url : value]);
    const answer = await write({ cookie, ...(Object.fromEntries(own) as Record<string, string>) });
    expect([answer.status, status === 403 ? code(answer) : undefined]).toEqual([
      status,
      status === 403 ? 'cross_site' : undefined,
    ]);
  });

  it('is not asked for when a key is presented: no browser sends that by itself', async () => {
    const { key } = await addKey('write');
    expect((await write({ authorization: `Bearer ${key}` })).status).toBe(200);
  });

  it('nor can another site sign somebody in, or out', async () => {
    const { key } = await addKey('read');
    const foreign = fromThePage({ 'sec-fetch-site': 'cross-site' });
    expect(code(await signIn(key, foreign))).toBe('cross_site');
    const { cookie } = await signedIn();
    const out = await site.http.delete('/console/session', { headers: { cookie, ...foreign } });
    expect([out.status, (await read(cookie)).status]).toEqual([403, 200]);
  });
});

describe('signing in', () => {
  it.each([[{}], [{ key: '' }], [{ key: 7 }], [{ key: 'a b' }], [{ key: 'x', more: 1 }]])(
    'with %j is no attempt',
    async (body) => {
      const answer = await site.http.post('/console/session', body, { headers: fromThePage() });
      expect([answer.status, code(answer)]).toEqual([400, 'invalid_request']);
    },
  );

  // The last of its kind here: the address is throttled from then on.
  it('with wrong keys is throttled, and the key that was right before still opens', async () => {
    const { key } = await addKey('read');
    expect((await signIn(key)).status).toBe(200);
    const answers: AxiosResponse[] = [];
    while (answers.at(-1)?.status !== 429 && answers.length <= WRONG_KEYS) {
      answers.push(await signIn(`ocg_guess-${answers.length}`));
    }
    expect(code(answers[0]!)).toBe('unauthorized');
    const last = answers.at(-1)!;
    expect([last.status, code(last)]).toEqual([429, 'too_many_wrong_keys']);
    expect(Number(last.headers['retry-after'])).toBeGreaterThan(0);
    expect((await signIn(key)).status).toBe(200);
  });
});

describe('the page', () => {
  const raw = (url: string): Promise<AxiosResponse<Buffer>> => {
    const options: AxiosRequestConfig = {
      responseType: 'arraybuffer',
      decompress: false,
      headers: { 'accept-encoding': 'gzip' },
      proxy: false,
    };
    return axios.get<Buffer>(new URL(url, `http://127.0.0.1:${site.port}/console`).href, options);
  };
  const textOf = ({ data, headers }: AxiosResponse<Buffer>): string =>
    (headers['content-encoding'] === 'gzip' ? gunzipSync(data) : data).toString('utf8');
  const named = (html: string): string[] => [...html.matchAll(/(?:href|src)="([^"]+)"/g)].map(([, url]) => url!);

  it('is under 100 kB with everything its first view needs, and kept for ever after that', async () => {
    const page = await raw('/console');
    const files = [...new Set(named(textOf(page)))];
    // The plots come with the first view, though not in the page.
    const base = files[0]!.split('/').slice(0, -1).join('/');
    files.push(`${base}/vendor/uplot.js`, `${base}/vendor/uplot.css`);
    const answers = await Promise.all(files.map(raw));
    const bytes = [page, ...answers].reduce((sum, { data }) => sum + data.length, 0);
    expect(files.length).toBeGreaterThan(15);
    expect(bytes).toBeLessThan(100_000);
    for (const { headers } of answers) {
      expect(headers['cache-control']).toBe('public, max-age=31536000, immutable');
    }
    expect(page.headers['cache-control']).toBe('no-cache');
  });

  it("needs no other host, runs no script but its own, and shows in nobody else's frame", async () => {
    const page = await raw('/console');
    expect(named(textOf(page)).filter((url) => !url.startsWith('./console/assets/'))).toEqual([]);
    const policy = String(page.headers['content-security-policy']);
    expect(policy).toContain("default-src 'none'");
    expect(policy).toMatch(/script-src 'self' 'sha256-[\w+/]{43}='(;|$)/);
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).not.toContain('unsafe');
  });

  it('has no files but its own, and none of an earlier version', async () => {
    const [file = ''] = named(textOf(await raw('/console')));
    const wrong = [
      file.replace(/assets\/\w+/, 'assets/0000000000000000'),
      './console/assets/%2e%2e/%2e%2e/package.json',
      './console/assets/x/..%2f..%2fpackage.json',
    ];
    for (const url of wrong) expect((await site.http.get(url.slice(1))).status).toBe(404);
  });
});
