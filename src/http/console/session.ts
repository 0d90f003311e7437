import express, { type Request, type Router } from 'express';
import { z } from 'zod';
import { closeSession, findSession, openSession, SESSION_MAX_MS } from '../../bridge/admin/sessions.ts';
import type { Database } from '../../db/database.ts';
import type { Clock } from '../../kit/clock.ts';
import { RequestError } from '../../kit/errors.ts';
import type { Logger } from '../../kit/logger.ts';
import { hashSecret } from '../../kit/secrets.ts';
import { check, readJson } from '../admin/parse.ts';
import type { ApiKey } from '../apiKey.ts';
import { methodNotAllowed } from '../problem.ts';
import { requestIdOf } from '../requestId.ts';
import type { WrongKeys } from '../wrongKeys.ts';
import { createSessionCookie } from './cookie.ts';
import { isPolling, requireOwnPage } from './origin.ts';

export interface ConsoleSessions {
  /**
   * The key of whoever is signed in, for requests that carry none.
   * @throws RequestError cross_site when another page than ours made a writing request.
   */
  keyOf(req: Request): Promise<ApiKey | undefined>;
  /** `/console/session`: sign in, who is it, sign out. */
  router: Router;
}

export interface ConsoleSessionDeps {
  db: Database;
  clock: Clock;
  log: Logger;
  publicUrl: () => string;
  findKey: (hash: string) => Promise<ApiKey | undefined>;
  wrongKeys: WrongKeys;
}

const signIn = z.strictObject({
  key: z
    .string()
    .trim()
    .regex(/^[!-~]{1,500}$/, 'Invalid input: expected an API key'),
});

export function createConsoleSessions(deps: ConsoleSessionDeps): ConsoleSessions {
  const { log, publicUrl, findKey, wrongKeys } = deps;
  const cookie = createSessionCookie(publicUrl);

  async function keyOf(req: Request): Promise<ApiKey | undefined> {
    const token = cookie.read(req);
    if (token === undefined) return undefined;
    requireOwnPage(req, publicUrl());
    return findSession(deps, token, { active: !isPolling(req) });
  }

  const router = express.Router();
  const door = router.route('/console/session');
  door.get(async (req, res) => {
    const key = await keyOf(req);
    res.set('Cache-Control', 'no-store').json({ key: key === undefined ? null : present(key) });
  });
  door.post(...readJson, async (req, res) => {
    requireOwnPage(req, publicUrl());
    const { key: presented } = check(signIn, req.body ?? {}, 'body');
    const key = await wrongKeys.attempt(req, hashSecret(presented), findKey);
    if (!key) throw new RequestError('unauthorized', 'Nobody has this key, or it was revoked');
    const before = cookie.read(req);
    if (before !== undefined) await closeSession(deps, before);
    cookie.set(res, await openSession(deps, key.id), SESSION_MAX_MS);
    log.info('console.signedIn', { apiKeyId: key.id, requestId: requestIdOf(res) });
    res.set('Cache-Control', 'no-store').json({ key: present(key) });
  });
  door.delete(async (req, res) => {
    const token = cookie.read(req);
    requireOwnPage(req, publicUrl());
    if (token !== undefined) await closeSession(deps, token);
    cookie.clear(res);
    res.status(204).end();
  });
  door.all(methodNotAllowed('GET, POST, DELETE'));
  return { keyOf, router };
}

const present = ({ id, name, scopes }: ApiKey): ApiKey => ({ id, name, scopes });
