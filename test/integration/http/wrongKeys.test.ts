import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import express from 'express';
import { createApiKeyGuard } from '../../../src/http/apiKey.ts';
import { createWrongKeys } from '../../../src/http/wrongKeys.ts';
import { hashSecret } from '../../../src/kit/secrets.ts';
import { until } from '../../support/until.ts';
import { type ProblemDocument, serve, type Site } from './serve.ts';

const LIMIT = 5;
const owned = new Set(['key-a', 'key-b', 'key-c'].map(hashSecret));
const looked: string[] = [];
const throttled: string[] = [];
let wrongKeys = createWrongKeys();
let site: Site;

const find = (hash: string) => {
  looked.push(hash);
  return Promise.resolve(owned.has(hash) ? { id: hash, name: 'a', scopes: ['read'] } : undefined);
};
beforeAll(async () => {
  const throughNow = { attempt: ((...args) => wrongKeys.attempt(...args)) as typeof wrongKeys.attempt };
  const guard = createApiKeyGuard({ find, wrongKeys: throughNow });
  site = await serve(() => [express.Router().get('/read', guard('read'), (_req, res) => void res.json({}))]);
});
afterAll(() => site.close());
beforeEach(() => {
  looked.length = throttled.length = 0;
  wrongKeys = createWrongKeys({ limit: LIMIT, onThrottled: (address) => void throttled.push(address) });
});

const get = (key: string) => site.http.get<ProblemDocument>('/read', { headers: { authorization: `Bearer ${key}` } });
const statusesOf = async (...keys: string[]) => (await Promise.all(keys.map(get))).map(({ status }) => status);
const guesses = (count: number) => Array.from({ length: count }, (_, n) => `guess-${n}`);

describe('wrong keys', () => {
  it('of one address are answered 429 with Retry-After once there were too many, and looked up no more', async () => {
    for (const key of guesses(LIMIT)) expect((await get(key)).status).toBe(401);
    looked.length = 0;
    const { status, headers, data } = await get('guess-again');
    expect([status, data.code]).toEqual([429, 'too_many_wrong_keys']);
    expect(Number(headers['retry-after'])).toBeGreaterThan(0);
    expect(Number(headers['retry-after'])).toBeLessThanOrEqual(60);
    expect(looked).toEqual([]);
    await get('guess-again');
    expect(throttled).toEqual(['127.0.0.1']);
  });

  it('sent at the same moment are counted one by one', async () => {
    const statuses = await statusesOf(...guesses(4 * LIMIT));
    expect(statuses.filter((status) => status === 401)).toHaveLength(LIMIT);
    expect(statuses.filter((status) => status === 429)).toHaveLength(3 * LIMIT);
  });

  it('do not shut out a key that was right before, and a right one is not found by guessing meanwhile', async () => {
    expect(await statusesOf('key-a')).toEqual([200]);
    await statusesOf(...guesses(LIMIT));
    expect(await statusesOf('key-a', 'key-b', 'key-a')).toEqual([200, 429, 200]);
  });

  it('are forgotten when the window is over', async () => {
    wrongKeys = createWrongKeys({ limit: LIMIT, windowMs: 300 });
    await statusesOf(...guesses(LIMIT + 1));
    await until(async () => (await get('key-b')).status === 200);
  });
});

describe('right keys', () => {
  it('never count, however many requests come with them at once', async () => {
    const many = Array.from({ length: 10 * LIMIT }, (_, n) => ['key-a', 'key-b', 'key-c'][n % 3]!);
    expect(new Set(await statusesOf(...many))).toEqual(new Set([200]));
    for (const key of guesses(LIMIT)) expect((await get(key)).status).toBe(401);
  });

  it('that are revoked are unknown at once', async () => {
    expect(await statusesOf('key-c')).toEqual([200]);
    owned.delete(hashSecret('key-c'));
    expect(await statusesOf('key-c')).toEqual([401]);
  });
});

it('a failing look-up counts against nobody', async () => {
  const failing = createWrongKeys({ limit: 1 });
  const req = { ip: '127.0.0.1' } as express.Request;
  const broken = () => Promise.reject(new Error('no database'));
  for (let n = 0; n < 3; n++) await expect(failing.attempt(req, 'hash', broken)).rejects.toThrow('no database');
  await expect(failing.attempt(req, 'hash', () => Promise.resolve('owner'))).resolves.toBe('owner');
});
