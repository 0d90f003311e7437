import express from 'express';
import { apiKeyOf, type ApiKey, createApiKeyGuard } from '../../../src/http/apiKey.ts';
import { hashSecret } from '../../../src/kit/secrets.ts';
import { type ProblemDocument, serve, type Site } from './serve.ts';

const keys = new Map<string, ApiKey>(
  [['read'], ['write'], ['admin'], ['read', 'write'], [], ['root', 'toString']].map((scopes) => {
    const name = scopes.join('+') || 'none';
    return [hashSecret(`key-${name}`), { id: `id-${name}`, name, scopes, hash: 'never passed on' }];
  }),
);
let site: Site;

beforeAll(async () => {
  const requireScope = createApiKeyGuard({ find: (hash) => Promise.resolve(keys.get(hash)) });
  site = await serve(() => [
    express
      .Router()
      .get('/read', requireScope('read'), (_req, res) => void res.json(apiKeyOf(res)))
      .get('/write', requireScope('write'), (_req, res) => void res.json(apiKeyOf(res)))
      .get('/admin', requireScope('admin'), (_req, res) => void res.json(apiKeyOf(res)))
      .get('/open', (_req, res) => void res.json(apiKeyOf(res))),
  ]);
});
afterAll(() => site.close());

const get = (path: string, authorization?: string) =>
  site.http.get<ProblemDocument>(path, { headers: authorization === undefined ? {} : { authorization } });

describe('a key', () => {
  it.each([
    ['read', [200, 403, 403]],
    ['write', [200, 200, 403]],
    ['admin', [200, 200, 200]],
    ['read+write', [200, 200, 403]],
    ['none', [403, 403, 403]],
    ['root+toString', [403, 403, 403]],
  ])('with the scopes %s opens read, write, admin: %j', async (name, statuses) => {
    const answers = await Promise.all(['/read', '/write', '/admin'].map((path) => get(path, `Bearer key-${name}`)));
    expect(answers.map(({ status }) => status)).toEqual(statuses);
    const refused = answers.find(({ status }) => status === 403);
    if (refused) expect(refused.data.code).toBe('insufficient_scope');
  });

  it('is known to the route by id, name and scopes', async () => {
    const { data } = await get('/read', 'bearer  key-admin');
    expect(data).toEqual({ id: 'id-admin', name: 'admin', scopes: ['admin'] });
  });

  it.each([
    ['absent', undefined],
    ['unknown', 'Bearer key-nobody'],
    ['empty', 'Bearer '],
    ['of another scheme', 'Basic key-admin'],
    ['without scheme', 'key-admin'],
    ['followed by another', 'Bearer key-admin key-admin'],
    ['very long', `Bearer ${'x'.repeat(501)}`],
  ])('that is %s is unauthorized', async (_what, authorization) => {
    const { status, headers, data } = await get('/read', authorization);
    expect(status).toBe(401);
    expect(headers['www-authenticate']).toBe('Bearer');
    expect(data.code).toBe('unauthorized');
  });
});

it('a route that forgot its guard fails instead of serving nobody', async () => {
  expect((await get('/open', 'Bearer key-admin')).status).toBe(500);
});
