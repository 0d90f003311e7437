import type { RequestHandler } from 'express';
import express from 'express';
import { z } from 'zod';
import { methodNotAllowed } from '../../../src/http/problem.ts';
import { DeliveryError, PROBLEMS, type ProblemCode, RequestError } from '../../../src/kit/errors.ts';
import { type ProblemDocument, serve, type Site } from './serve.ts';

/** What the route throws next. */
let failure: unknown;
let site: Site;

beforeAll(async () => {
  const fail: RequestHandler = () => {
    throw failure;
  };
  const halfway: RequestHandler = (_req, res) => {
    res.write('half');
    throw failure;
  };
  site = await serve(() => [
    express
      .Router()
      .get('/fail', fail)
      .get('/halfway', halfway)
      .get('/later', () => Promise.reject(failure as Error))
      .get('/things/:id', (_req, res) => void res.end())
      .post('/json', express.json({ limit: 100 }), (_req, res) => void res.end())
      .all('/json', methodNotAllowed('POST')),
  ]);
});
afterAll(() => site.close());
beforeEach(() => void (site.lines.length = 0));

async function answerTo(error: unknown, path = '/fail') {
  failure = error;
  return site.http.get<ProblemDocument>(path, { headers: { 'x-request-id': 'r-1' } });
}

describe('a RequestError', () => {
  it.each(Object.keys(PROBLEMS) as ProblemCode[])('%s is answered with its status, title and code', async (code) => {
    const { status, headers, data } = await answerTo(new RequestError(code));
    expect(status).toBe(PROBLEMS[code].status);
    expect(headers['content-type']).toBe('application/problem+json');
    expect(data).toMatchObject({ ...PROBLEMS[code], code, requestId: 'r-1' });
    expect(data.type).toBe(`urn:open-channel-gateway:problem:${code}`);
    expect(site.lines).toEqual([]);
  });

  it('carries its detail and extra members, none of which replaces a standard one', async () => {
    const { status, data } = await answerTo(
      new RequestError('conflict', 'taken', { slug: 'demo', status: 200, code: 'x' }),
    );
    expect(status).toBe(409);
    expect(data).toMatchObject({ status: 409, code: 'conflict', detail: 'taken', slug: 'demo' });
    expect(Object.keys(data).slice(0, 6)).toEqual(['type', 'title', 'status', 'detail', 'code', 'requestId']);
  });

  it('that means later says when', async () => {
    expect((await answerTo(new RequestError('not_stored'))).headers['retry-after']).toBe('5');
    expect((await answerTo(new RequestError('portal_unavailable'))).headers['retry-after']).toBe('30');
    expect((await answerTo(new RequestError('not_found'))).headers['retry-after']).toBeUndefined();
  });

  it('of an asynchronous handler is answered too', async () => {
    expect((await answerTo(new RequestError('in_use'), '/later')).status).toBe(409);
  });
});

describe('a ZodError', () => {
  it('is an invalid request with the paths, and without the values', async () => {
    const schema = z.strictObject({ 'a/b~c': z.array(z.object({ n: z.number() })) });
    const { error } = schema.safeParse({ 'a/b~c': [{ n: 'sent-value' }], 'sent-member': 1 });
    const { status, data } = await answerTo(error);
    expect(status).toBe(400);
    expect(data.errors!.map(({ path }) => path).sort()).toEqual(['', '/a~1b~0c/0/n']);
    expect(JSON.stringify(data)).not.toMatch(/sent-(value|member)/);
  });
});

describe('a DeliveryError', () => {
  it('that is final is refused by the portal', async () => {
    const { status, data } = await answerTo(
      new DeliveryError({ verdict: 'refused', code: 'CHAT_NOT_FOUND', detail: 'chat Anna', status: 400 }),
    );
    expect(status).toBe(422);
    expect(data).toMatchObject({ code: 'portal_refused', portalCode: 'CHAT_NOT_FOUND' });
    expect(JSON.stringify(data)).not.toContain('Anna');
  });

  it.each(['retry', 'unsure', 'blocked'] as const)('with the verdict %s is an unavailable portal', async (verdict) => {
    const { status, headers, data } = await answerTo(
      new DeliveryError({ verdict, code: 'QUERY_LIMIT_EXCEEDED', detail: 'slow', retryAfterMs: 1200 }),
    );
    expect(status).toBe(503);
    expect(headers['retry-after']).toBe('2');
    expect(data).toMatchObject({ code: 'portal_unavailable', portalCode: 'QUERY_LIMIT_EXCEEDED' });
  });

  it('with an odd code does not pass it on', async () => {
    const { headers, data } = await answerTo(new DeliveryError({ verdict: 'retry', code: '<b>', detail: '' }));
    expect(data.portalCode).toBe('unknown');
    expect(headers['retry-after']).toBe('30');
  });
});

describe('a bug', () => {
  it.each([
    ['an error', new TypeError('secret detail')],
    ['an error of an HTTP client', Object.assign(new Error('secret detail'), { status: 404, isAxiosError: true })],
    ['a server error of a library', Object.assign(new Error('secret detail'), { status: 500, expose: true })],
    ['a text', 'secret detail'],
  ])('(%s) is answered without detail and leaves one error line', async (_what, error) => {
    const { status, data } = await answerTo(error, '/fail?token=secret');
    expect(status).toBe(500);
    expect(data).toEqual({
      type: 'urn:open-channel-gateway:problem:internal',
      title: PROBLEMS.internal.title,
      status: 500,
      code: 'internal',
      requestId: 'r-1',
    });
    expect(site.lines).toEqual([
      { level: 'error', event: 'request.failed', fields: { requestId: 'r-1', method: 'GET', path: '/fail', error } },
    ]);
  });

  it('in the middle of an answer cuts the connection', async () => {
    await expect(answerTo(new Error('late'), '/halfway')).rejects.toMatchObject({ code: 'ECONNRESET' });
    expect(site.lines).toHaveLength(1);
  });
});

describe('what Express refuses', () => {
  it.each([
    ['broken JSON', '{"sent-value":', { 'content-type': 'application/json' }, 400, 'invalid_json'],
    ['a body over the limit', `"${'x'.repeat(200)}"`, { 'content-type': 'application/json' }, 413, 'payload_too_large'],
    [
      'an unknown charset',
      '{}',
      { 'content-type': 'application/json; charset=sent-value' },
      415,
      'unsupported_media_type',
    ],
    [
      'an unknown encoding',
      '{}',
      { 'content-type': 'application/json', 'content-encoding': 'sent-value' },
      415,
      'unsupported_media_type',
    ],
    [
      'a broken encoding',
      'sent-value',
      { 'content-type': 'application/json', 'content-encoding': 'gzip' },
      400,
      'invalid_request',
    ],
  ])('(%s) becomes a problem document', async (_what, body, headers, status, code) => {
    const answer = await site.http.post<ProblemDocument>('/json', body, {
      headers,
      transformRequest: (same: string) => same,
    });
    expect(answer.status).toBe(status);
    expect(answer.data.code).toBe(code);
    expect(JSON.stringify(answer.data)).not.toContain('sent-value');
    expect(site.lines).toEqual([]);
  });

  it('(a path that cannot be decoded) becomes one too', async () => {
    const { status, data } = await site.http.get<ProblemDocument>('/things/%E0%A4%A');
    expect(status).toBe(400);
    expect(data.code).toBe('invalid_request');
  });
});

describe('a path', () => {
  it('nobody answers is not found, and not repeated', async () => {
    const { status, data } = await site.http.get<ProblemDocument>('/sent-path');
    expect(status).toBe(404);
    expect(data.code).toBe('not_found');
    expect(JSON.stringify(data)).not.toContain('sent-path');
  });

  it('asked with another method names those it has', async () => {
    const { status, headers, data } = await site.http.get<ProblemDocument>('/json');
    expect(status).toBe(405);
    expect(headers.allow).toBe('POST');
    expect(data).toMatchObject({ status: 405, code: 'method_not_allowed' });
  });
});

describe('the request id', () => {
  it.each(['abc', 'A.b_c:d-9', 'x'.repeat(100)])('%s of the caller is kept', async (id) => {
    const { headers, data } = await site.http.get<ProblemDocument>('/none', { headers: { 'x-request-id': id } });
    expect(headers['x-request-id']).toBe(id);
    expect(data.requestId).toBe(id);
  });

  it.each(['x'.repeat(101), 'a b', 'a"b', '<script>', 'é', ''])('%j is replaced by one of ours', async (id) => {
    const { headers, data } = await site.http.get<ProblemDocument>('/none', { headers: { 'x-request-id': id } });
    expect(headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/);
    expect(data.requestId).toBe(headers['x-request-id']);
  });
});
