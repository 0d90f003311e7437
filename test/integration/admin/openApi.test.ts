import { routes } from '../../../src/http/admin/routes.ts';
import { createHealthRouter } from '../../../src/http/health.ts';
import { createDocsRouter } from '../../../src/http/openApi.ts';
import { serve, type Site } from '../http/serve.ts';

interface Operation {
  operationId: string;
  summary: string;
  tags: string[];
  security?: object[];
  parameters?: { name: string; in: string }[];
  requestBody?: object;
  responses: Record<string, object>;
}
interface Document {
  openapi: string;
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, object> };
}

let site: Site;
let document: Document;
const checks = { database: () => Promise.resolve(), workers: () => Promise.resolve() };
beforeAll(async () => {
  site = await serve((log) => [createDocsRouter(), createHealthRouter({ log, checks, timeoutMs: 100 })]);
  document = (await site.http.get<Document>('/openapi.json')).data;
});
afterAll(() => site.close());

describe('the document', () => {
  it('is readable without a key', async () => {
    const { status, headers } = await site.http.get('/openapi.json');
    expect([status, headers['content-type']]).toEqual([200, 'application/json; charset=utf-8']);
    expect(document.openapi).toBe('3.1.0');
  });

  it('describes every route of the administration, and no other', () => {
    const served = routes.map(({ method, path }) => `${method} /admin/v1${path.replaceAll(/:(\w+)/g, '{$1}')}`);
    const described = Object.entries(document.paths).flatMap(([path, item]) =>
      Object.keys(item).map((method) => `${method} ${path}`),
    );
    const besides = ['post /webhooks/{messenger}', 'get /health/live', 'get /health/ready', 'get /metrics'];
    expect(described.sort()).toEqual([...served, ...besides].sort());
  });

  it('points to nothing that is not there', () => {
    const references = [...JSON.stringify(document).matchAll(/"\$ref":"([^"]+)"/g)].map(([, to]) => to!);
    expect(references.length).toBeGreaterThan(50);
    const known = Object.keys(document.components.schemas).map((name) => `#/components/schemas/${name}`);
    expect(references.filter((reference) => !known.includes(reference))).toEqual([]);
  });

  it('names every operation once, and every parameter of its path', () => {
    const operations = Object.entries(document.paths).flatMap(([path, item]) =>
      Object.values(item).map((operation) => ({ path, ...operation })),
    );
    const ids = operations.map(({ operationId }) => operationId);
    expect(ids).toEqual([...new Set(ids)]);
    for (const { path, parameters = [], summary } of operations) {
      const inPath = parameters.filter((parameter) => parameter.in === 'path').map(({ name }) => name);
      expect(inPath).toEqual([...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name));
      expect(summary).toMatch(/^[A-Z]/);
    }
  });

  it('knows the answers every route has', () => {
    for (const { method, path, responses, body, upload } of routes) {
      const described = document.paths[`/admin/v1${path.replaceAll(/:(\w+)/g, '{$1}')}`]?.[method]?.responses ?? {};
      expect(Object.keys(described)).toEqual(expect.arrayContaining(Object.keys(responses)));
      expect(Object.keys(described)).toEqual(expect.arrayContaining(['401', '403', '503']));
      expect('415' in described).toBe((body ?? upload) !== undefined);
    }
  });

  it('asks for no key where none is needed', () => {
    const open = ['/webhooks/{messenger}', '/health/live', '/health/ready'];
    for (const path of open) {
      for (const { security } of Object.values(document.paths[path] ?? {})) expect(security).toEqual([]);
    }
  });
});

describe('the page', () => {
  it('loads everything from the gateway itself', async () => {
    const page = await site.http.get<string>('/docs/');
    expect(page.status).toBe(200);
    const script = await site.http.get<string>('/docs/swagger-ui-init.js');
    expect(script.data).toContain('"validatorUrl": null');
    const loaded = [...page.data.matchAll(/(?:src|href)=["']([^"']+)["']/g)].map(([, url]) => url!);
    expect(loaded.length).toBeGreaterThan(3);
    expect(loaded.filter((url) => /^(https?:)?\/\//.test(url))).toEqual([]);
    for (const url of loaded) expect((await site.http.get(`/docs/${url}`)).status).toBe(200);
  });

  it('is found without the slash too', async () => {
    const answer = await site.http.get<string>('/docs');
    expect([answer.status, (answer.request as { path: string }).path]).toEqual([200, '/docs/']);
  });
});

describe('health', () => {
  it('is alive as long as it answers', async () => {
    expect((await site.http.get('/health/live')).data).toEqual({ status: 'ok' });
  });

  it('is ready when every check says so', async () => {
    const { status, data } = await site.http.get<unknown>('/health/ready');
    expect([status, data]).toEqual([200, { status: 'ok', checks: { database: 'ok', workers: 'ok' } }]);
  });

  it.each([
    ['fails', () => Promise.reject(new Error('password of the database'))],
    ['does not answer', () => new Promise<void>(() => {})],
  ])('is not ready when a check %s, and keeps the reason to its log', async (_, check) => {
    const own = await serve((log) => [
      createHealthRouter({ log, timeoutMs: 50, checks: { ...checks, workers: check } }),
    ]);
    const { status, data } = await own.http.get<unknown>('/health/ready');
    expect([status, data]).toEqual([503, { status: 'failed', checks: { database: 'ok', workers: 'failed' } }]);
    expect(own.lines.map(({ event, fields }) => [event, fields.check])).toEqual([['health.failed', 'workers']]);
    await own.close();
  });
});
