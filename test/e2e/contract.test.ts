import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import axios, { type AxiosInstance, type AxiosResponse } from 'axios';
import type { Router } from 'express';
import { readConfig } from '../../src/config.ts';
import { describeApi } from '../../src/http/openApi.ts';
import { silentLogger } from '../../src/kit/logger.ts';
import type { Worker } from '../../src/outbox/worker.ts';
import { doorsOf } from '../../src/wiring/doors.ts';
import { closeParts, createParts } from '../../src/wiring/parts.ts';
import { type Call, createContract, type OpenApiDocument, type Operation } from '../support/contract.ts';
import { type Exercise, exercises, LAST, type World } from '../support/exercises.ts';
import { type Scene, startScene } from '../support/scene.ts';

/**
 * The running gateway against its own OpenAPI document: every operation is called as `exercises.ts` says and in all the
 * ways callers get it wrong; requests, answers and the audit are held to what the document promises.
 */

const document = describeApi() as unknown as OpenApiDocument;
const contract = createContract(document);
const isLast = ({ id }: Operation): boolean => LAST.includes(id);
const operations = [...contract.operations.filter((one) => !isLast(one)), ...contract.operations.filter(isLast)];

const NOWHERE = { uuid: '00000000-0000-7000-8000-000000000000', other: '987654321' };
/** What the examples say of people, and every secret that was shown: nothing of it may be kept in the audit. */
const hidden = ['Anna', 'Order 1042', 'call back', 'customer', '/deliveries'];
const SECRETS = ['key', 'secret', 'webhookSecret', 'deliverySecret'];

let scene: Scene;
let world: World;
let http: AxiosInstance;
let readKey: string;
/** Of every answer to an operation of the administration, by its request id. */
const answered = new Map<string, { operation: Operation; status: number; hadKey: boolean; replayed: boolean }>();
const exercised = new Set<string>();

beforeAll(async () => {
  scene = await startScene();
  let serial = 0;
  world = { scene, api: scene.api, fresh: (prefix) => `${prefix}${++serial}` };
  http = axios.create({ baseURL: scene.gateway.publicUrl, validateStatus: () => true });
  readKey = await scene.gateway.issueKey('reader', ['read']);
}, 30_000);
afterAll(() => scene.close());

const adminKey = (): string => String((scene.api.defaults.headers as unknown as Record<string, string>).authorization);
const filled = (path: string, params: Record<string, string> = {}): string =>
  path.replaceAll(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(params[name] ?? ''));

/** Sends it, and holds the answer to the document. `raw`: a body that is none of the schema. */
async function send(operation: Operation, call: Call & { raw?: string; key?: string | null }): Promise<AxiosResponse> {
  const key = call.key === undefined ? adminKey() : call.key;
  const requestId = world.fresh('contract-');
  const answer = await http.request<unknown>({
    method: operation.method,
    url: filled(operation.path, call.params),
    params: call.query,
    data: call.raw ?? (call.body === undefined ? undefined : JSON.stringify(call.body)),
    headers: {
      'x-request-id': requestId,
      ...(operation.keyed && key !== null ? { authorization: key } : {}),
      ...(operation.body || call.raw !== undefined ? { 'content-type': 'application/json' } : {}),
      ...call.headers,
    },
  });
  expect(contract.faultsOfAnswer(operation, answer)).toEqual([]);
  expect(answer.headers['x-request-id']).toBe(requestId);
  if (answer.status >= 400 && operation.keyed) expect(answer.data).toMatchObject({ requestId, status: answer.status });
  const replayed = answer.headers['idempotency-replayed'] === 'true';
  if (operation.path.startsWith('/admin/')) {
    const hadKey = key !== null && answer.status !== 401 && answer.status !== 429;
    answered.set(requestId, { operation, status: answer.status, hadKey, replayed });
  }
  return answer;
}

/** In all the ways that change nothing. */
async function misuse(operation: Operation, right: Exercise): Promise<void> {
  const expectStatus = async (status: number, call: Parameters<typeof send>[1]): Promise<void> => {
    expect([operation.id, (await send(operation, { ...right, ...call })).status]).toEqual([operation.id, status]);
  };
  const { path, method, parameters, body } = operation;
  await expectStatus(401, { key: null });
  if (operation.writes) await expectStatus(403, { key: `Bearer ${readKey}` });
  await expectStatus(400, { query: { nobodyKnowsThis: '1' } });
  for (const { name } of parameters.filter((one) => one.in === 'path')) {
    const isNumber = path.startsWith('/admin/v1/jobs') || path.startsWith('/admin/v1/webhook-events');
    const params = { ...right.params, [name]: isNumber ? NOWHERE.other : NOWHERE.uuid };
    await expectStatus(404, { params, ...(body?.example ? { body: right.body } : {}) });
  }
  if (parameters.some(({ name }) => name === 'If-Match')) {
    await expectStatus(412, { headers: { 'If-Match': '"of another time"' } });
  }
  if (body) {
    await expectStatus(400, { raw: '{"half": ' });
    await expectStatus(400, { raw: '{"nobodyKnowsThis": 1}' });
    await expectStatus(400, { raw: '[]' });
    await expectStatus(415, { raw: 'a=1', headers: { 'content-type': 'application/x-www-form-urlencoded' } });
    await expectStatus(413, { raw: JSON.stringify({ text: 'x'.repeat(1024 * 1024) }) });
  }
  if (method === 'post') await expectStatus(400, { headers: { 'Idempotency-Key': 'x'.repeat(256) } });
}

async function succeed(operation: Operation, right: Exercise): Promise<AxiosResponse> {
  expect(contract.faultsOfRequest(operation, right)).toEqual([]);
  const isRepeatable = operation.method === 'post' && operation.keyed;
  const headers = { ...right.headers, ...(isRepeatable ? { 'Idempotency-Key': world.fresh('once-') } : undefined) };
  const answer = await send(operation, { ...right, headers });
  expect([operation.id, answer.status, answer.status < 300 ? '' : answer.data]).toEqual([
    operation.id,
    answer.status,
    '',
  ]);
  const shown = (answer.data ?? {}) as Record<string, string>;
  hidden.push(...SECRETS.flatMap((name) => shown[name] ?? []));
  if (isRepeatable) await repeat(operation, { ...right, headers }, answer);
  const { etag } = answer.headers as { etag?: string };
  if (operation.method === 'get' && etag !== undefined) {
    const again = await send(operation, { ...right, headers: { 'If-None-Match': `"x", W/${etag}` } });
    expect([200, 304]).toContain(again.status);
  }
  return answer;
}

async function repeat(operation: Operation, call: Exercise, first: AxiosResponse): Promise<void> {
  const again = await send(operation, call);
  expect([again.status, again.headers['idempotency-replayed'], again.data]).toEqual([first.status, 'true', first.data]);
  if (!operation.body) return;
  const other = await send(operation, { ...call, body: { ...(call.body as object), nobody: 1 } });
  expect([400, 422]).toContain(other.status);
}

describe.each(operations.map((operation) => [operation.id, operation] as const))('%s', (id, operation) => {
  test('answers as the document says, whatever it is asked', async () => {
    const prepare = exercises[id];
    const needsHelp = operation.body !== undefined || operation.path.includes('{');
    if (needsHelp && !prepare) throw new Error(`test/support/exercises.ts does not say how ${id} is called`);
    const right = (await prepare?.(world, operation.body?.example ?? {})) ?? {};
    try {
      if (operation.keyed) await misuse(operation, right);
      await succeed(operation, right);
      exercised.add(id);
    } finally {
      await right.after?.();
    }
  });

  if (operation.body) {
    test('has an example, which is what it takes', () => {
      expect(operation.body?.example).toBeDefined();
      expect(contract.faultsOf(operation.body!.pointer, operation.body!.example)).toEqual([]);
    });
  }
});

test('every operation was called with success, and none is described that the document does not have', () => {
  expect([...exercised].sort()).toEqual(operations.map(({ id }) => id).sort());
  expect(Object.keys(exercises).filter((id) => !operations.some((one) => one.id === id))).toEqual([]);
});

/** For browsers, for Bitrix24, and for those who read the document: none of them calls by it. */
const UNDESCRIBED = /^\/(bitrix24|media|docs|console|metrics|openapi\.json)(\/|$)/;

/** `get /portals/{id}` of every route Express itself knows of a router. */
function servedBy(router: Router | undefined, prefix = ''): string[] {
  return (router?.stack ?? []).flatMap(({ route }) => {
    if (!route) return [];
    const { methods } = route as unknown as { methods: Record<string, boolean> };
    return [route.path].flat().flatMap((path) =>
      Object.keys(methods)
        .filter((method) => !method.startsWith('_'))
        .map((method) => `${method} ${prefix}${path.replaceAll(/:(\w+)/g, '{$1}')}`),
    );
  });
}

test('what Express serves and what the document describes are the same', async () => {
  const config = readConfig(
    { DATABASE_URL: scene.databaseUrl, ENCRYPTION_KEY: 'A'.repeat(43) + '=' },
    { isTerminal: false },
  );
  const settled = { ...config, databaseUrl: scene.databaseUrl, bitrix24: { clientId: 'local.a', clientSecret: 'b' } };
  const parts = await createParts(settled, silentLogger, {});
  const { machineDoors, routers, admin } = doorsOf(parts, { healthy: true } as Worker, []);
  await closeParts(parts);
  const doors = [...machineDoors, ...routers].flatMap((router) => servedBy(router));
  const served = [...doors.filter((one) => !UNDESCRIBED.test(one.split(' ')[1]!)), ...servedBy(admin, '/admin/v1')];
  const described = operations.map(({ method, path }) => `${method} ${path}`);
  const sameName = (one: string): string => one.replaceAll(/\{\w+\}/g, '{}');
  expect([...new Set(served.map(sameName))].sort()).toEqual(described.map(sameName).sort());
});

test('the document that is served is this one', async () => {
  expect((await http.get<unknown>('/openapi.json')).data).toEqual(JSON.parse(JSON.stringify(document)));
});

test('every example in the document is one of its own schema', () => {
  const faults: string[] = [];
  let seen = 0;
  const visit = (node: unknown, pointer: string): void => {
    if (typeof node !== 'object' || node === null) return;
    const { examples } = node as { examples?: unknown };
    if (Array.isArray(examples)) {
      for (const example of examples) {
        seen++;
        faults.push(...contract.faultsOf(pointer, example).map((fault) => `${pointer} ${fault}`));
      }
    }
    for (const [key, value] of Object.entries(node)) {
      if (key !== 'examples' && key !== 'example') {
        visit(value, `${pointer}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`);
      }
    }
  };
  visit(document, '#');
  expect(faults).toEqual([]);
  expect(seen).toBeGreaterThan(20);
});

interface Entry {
  requestId: string;
  operation: string;
  status: number | null;
  apiKey: { name: string };
}

test('every writing call with a valid key left exactly one entry in the audit, and no other call any', async () => {
  const entries: Entry[] = [];
  for (let cursor: string | null = null; ;) {
    const params: object = { limit: 200, ...(cursor === null ? {} : { cursor }) };
    const { data } = await scene.api.get<{ items: Entry[]; nextCursor: string | null }>('/audit', { params });
    entries.push(...data.items);
    cursor = data.nextCursor;
    if (cursor === null) break;
  }
  const ours = entries.filter(({ requestId }) => answered.has(requestId));
  const seen = ours.map(({ requestId, operation, status }) => `${requestId} ${operation} ${status}`);
  const due = [...answered]
    .filter(([, { operation, hadKey, replayed }]) => operation.writes && hadKey && !replayed)
    .map(([requestId, { operation, status }]) => `${requestId} ${operation.id} ${status}`);
  expect(seen.sort()).toEqual(due.sort());
  const writing = operations.filter(({ writes }) => writes).map(({ id }) => id);
  expect(writing.filter((id) => !entries.some(({ operation, status }) => operation === id && status! < 300))).toEqual(
    [],
  );
  const kept = JSON.stringify(entries.map((entry) => ({ ...entry, apiKey: undefined })));
  expect(hidden.length).toBeGreaterThan(8);
  expect(hidden.filter((text) => kept.includes(text))).toEqual([]);
});

test('wrong keys are answered 401, and 429 once there were too many', async () => {
  const operation = operations.find(({ id }) => id === 'listMessengers')!;
  const statuses: number[] = [];
  for (let n = 0; n < 30; n++) statuses.push((await send(operation, { key: `Bearer guess-${n}` })).status);
  expect(new Set(statuses)).toEqual(new Set([401, 429]));
  expect((await send(operation, {})).status).toBe(200);
});
