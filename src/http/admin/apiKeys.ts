import { z } from 'zod';
import { type ApiKeyRow, createApiKey, getApiKey, listApiKeys, revokeApiKey } from '../../bridge/admin/apiKeys.ts';
import { line, time, timeOf, uuid } from './fields.ts';
import { pageOf, toPage, uuidPage } from './pages.ts';
import { created, gone, ok, route, type Route } from './route.ts';

const tag = 'API keys';
const params = z.strictObject({ id: uuid });
const scopes = z
  .array(z.enum(['read', 'write', 'admin']))
  .min(1)
  .max(3)
  .meta({ description: '`write` includes `read`, `admin` includes both.' });

const apiKey = z
  .object({ id: z.uuid(), name: z.string(), scopes, createdAt: time, revokedAt: time.nullable() })
  .meta({ id: 'ApiKey' });
const madeApiKey = apiKey
  .extend({ key: z.string().meta({ description: 'Shown this once', examples: ['ocg_…'] }) })
  .meta({ id: 'MadeApiKey' });
const newApiKey = z.strictObject({ name: line(100), scopes }).meta({ id: 'NewApiKey' });

const present = ({ id, name, scopes: own, createdAt, revokedAt }: ApiKeyRow): object => ({
  id,
  name,
  scopes: own,
  createdAt: createdAt.toISOString(),
  revokedAt: timeOf(revokedAt),
});

export const apiKeyRoutes: Route[] = [
  route({
    method: 'get',
    path: '/api-keys',
    operationId: 'listApiKeys',
    tag,
    summary: 'Keys, revoked ones too',
    scope: 'admin',
    query: z.strictObject(uuidPage),
    responses: { 200: pageOf(apiKey) },
    handler: async ({ deps, query }) => ok(toPage(await listApiKeys(deps, query), query, ({ id }) => id, present)),
  }),
  route({
    method: 'post',
    path: '/api-keys',
    operationId: 'createApiKey',
    tag,
    summary: 'Make a key',
    scope: 'admin',
    body: newApiKey,
    example: { name: 'Console of the night shift', scopes: ['write'] },
    responses: { 201: madeApiKey },
    async handler({ deps, body }) {
      const { row, key } = await createApiKey(deps, { ...body, scopes: [...new Set(body.scopes)] });
      return created({ ...present(row), key });
    },
  }),
  route({
    method: 'get',
    path: '/api-keys/:id',
    operationId: 'getApiKey',
    tag,
    summary: 'One key',
    scope: 'admin',
    params,
    responses: { 200: apiKey },
    handler: async ({ deps, params: { id } }) => ok(present(await getApiKey(deps, id))),
  }),
  route({
    method: 'delete',
    path: '/api-keys/:id',
    operationId: 'revokeApiKey',
    tag,
    summary: 'Revoke a key',
    scope: 'admin',
    params,
    description: 'The last key with the scope admin cannot be revoked.',
    responses: { 204: null },
    problems: ['conflict'],
    async handler({ deps, params: { id } }) {
      await revokeApiKey(deps, id);
      return gone;
    },
  }),
];
