import type { Request, RequestHandler, Response } from 'express';
import { RequestError } from '../kit/errors.ts';
import { hashSecret } from '../kit/secrets.ts';
import { createWrongKeys, type WrongKeys } from './wrongKeys.ts';

export interface ApiKey {
  id: string;
  name: string;
  scopes: readonly string[];
}

export type Scope = 'read' | 'write' | 'admin';

/** Each scope includes those before it. */
const RANK: Record<Scope, number> = { read: 1, write: 2, admin: 3 };
const BEARER = /^Bearer +([!-~]{1,500})$/i;

export interface ApiKeyGuardDeps {
  /** By `hashSecret(key)`; a lookup by hash takes no longer for an almost right key. */
  find: (hash: string) => Promise<ApiKey | undefined>;
  /** Shared with the other doors that take keys; one of its own by default. */
  wrongKeys?: WrongKeys;
  /** The key behind the session of a signed-in browser, asked when a request carries no key of its own. */
  session?: (req: Request) => Promise<ApiKey | undefined>;
}

/** @returns `requireScope`, which makes the middleware that lets only keys with that scope pass. */
export function createApiKeyGuard({
  find,
  wrongKeys = createWrongKeys(),
  session,
}: ApiKeyGuardDeps): (scope: Scope) => RequestHandler {
  const ownerOf = (req: Request): Promise<ApiKey | undefined> | undefined => {
    const [, presented] = BEARER.exec(req.get('authorization') ?? '') ?? [];
    return presented === undefined ? session?.(req) : wrongKeys.attempt(req, hashSecret(presented), find);
  };
  return (scope) => async (req, res, next) => {
    const key = await ownerOf(req);
    if (!key) {
      res.set('WWW-Authenticate', 'Bearer');
      throw new RequestError('unauthorized');
    }
    const { id, name, scopes } = key;
    res.locals.apiKey = { id, name, scopes } satisfies ApiKey;
    if (rankOf(scopes) < RANK[scope]) {
      throw new RequestError('insufficient_scope', `The key needs the scope ${scope}`);
    }
    next();
  };
}

/** The key a guarded request came with. */
export function apiKeyOf(res: Response): ApiKey {
  const apiKey = knownApiKeyOf(res);
  if (!apiKey) throw new Error('the route is not guarded');
  return apiKey;
}

/** Also of a request that was refused because the key may not do it; undefined when nobody has such a key. */
export const knownApiKeyOf = (res: Response): ApiKey | undefined => (res.locals as { apiKey?: ApiKey }).apiKey;

function rankOf(scopes: readonly string[]): number {
  return Math.max(0, ...scopes.map((scope) => (Object.hasOwn(RANK, scope) ? RANK[scope as Scope] : 0)));
}
