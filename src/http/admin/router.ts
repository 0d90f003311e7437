import express, { type ErrorRequestHandler, type Request, type RequestHandler, type Response } from 'express';
import { findApiKey } from '../../bridge/admin/apiKeys.ts';
import { isDatabaseGone } from '../../db/database.ts';
import { RequestError } from '../../kit/errors.ts';
import type { Logger } from '../../kit/logger.ts';
import { apiKeyOf, createApiKeyGuard } from '../apiKey.ts';
import { methodNotAllowed, PROBLEM_CONTENT_TYPE, refusalOf } from '../problem.ts';
import { requestIdOf } from '../requestId.ts';
import type { AdminDeps } from './deps.ts';
import { auditRefusal, audited, writes } from './audited.ts';
import { targetOf } from './auditable.ts';
import { type Conditions, etagOf, isKnown } from './etag.ts';
import { guardedChange } from './guardedChange.ts';
import { once } from './idempotency.ts';
import { check, checkPath, readJson } from './parse.ts';
import type { Answer, Context, Route } from './route.ts';
import { routes } from './routes.ts';
import { fingerprintOfUpload, only, uploadOf } from './upload.ts';

/** The administration API; mounted at `/admin/v1`, between the request id and the problem handler. */
export function createAdminRouter(deps: AdminDeps): express.Router {
  const router = express.Router({ caseSensitive: true });
  const guard = createApiKeyGuard({
    wrongKeys: deps.wrongKeys,
    ...(deps.session ? { session: deps.session } : {}),
    find: (hash) => findApiKey(deps, hash),
  });
  for (const [path, own] of byPath(routes)) {
    const mounted = router.route(path);
    for (const route of own) {
      const resource = own.find(({ method }) => method === 'get');
      mounted[route.method](guard(route.scope), ...readerOf(route), serve(route, resource, deps));
      mounted[route.method](auditRefusal(route, deps));
    }
    mounted.all(methodNotAllowed(own.map(({ method }) => method.toUpperCase()).join(', ')));
  }
  router.use(databaseGone(deps.log));
  return router;
}

const readerOf = ({ body, upload }: Route): RequestHandler[] =>
  upload ? [only(Object.keys(upload))] : body ? readJson : [];

function byPath(table: readonly Route[]): Map<string, Route[]> {
  const paths = new Map<string, Route[]>();
  for (const route of table) paths.set(route.path, [...(paths.get(route.path) ?? []), route]);
  return paths;
}

const serve =
  (route: Route, resource: Route | undefined, deps: AdminDeps): RequestHandler =>
  async (req, res) => {
    const context = {
      deps,
      params: checkPath(route.params, req.params),
      query: check(route.query, req.query, 'query'),
      body: route.body && check(route.body, req.body ?? {}, 'body'),
      requestId: requestIdOf(res),
      apiKey: apiKeyOf(res),
      upload: uploadOf(req),
    };
    const conditions = { ifMatch: req.get('if-match'), ifNoneMatch: req.get('if-none-match') };
    const answer = writes(route)
      ? await perhapsOnce(route, deps, req, res, () => change(route, resource, res, context, conditions))
      : await route.handler(context);
    send(req, res, answer, conditions);
  };

/** Whatever it changes is in the audit, and only changed if it is what the caller takes it for. */
const change = (
  route: Route,
  resource: Route | undefined,
  res: Response,
  context: Context<unknown, unknown, unknown>,
  conditions: Conditions,
): Promise<Answer> =>
  audited(route, res, context, (auditId) => {
    if (route.method === 'post' || !resource) return route.handler(context);
    const { type } = targetOf(route, {});
    return guardedChange({ resource, conditions, context, auditId, type }, (deps) =>
      route.handler({ ...context, deps }),
    );
  });

async function perhapsOnce(
  route: Route,
  deps: AdminDeps,
  req: Request,
  res: Response,
  work: () => Promise<Answer>,
): Promise<Answer> {
  const key = req.get('idempotency-key');
  if (route.method !== 'post' || key === undefined) return work();
  const { method, originalUrl: url } = req;
  const body: unknown = route.upload ? fingerprintOfUpload(req) : req.body;
  const request = { apiKeyId: apiKeyOf(res).id, key, method, url, body, requestId: requestIdOf(res) };
  const answer = await once(deps, request, work);
  if (answer.replayed) res.set('Idempotency-Replayed', 'true');
  return answer;
}

/** Answers that show the resource of the path as it is now. */
const SHOWS_RESOURCE: readonly string[] = ['GET', 'HEAD', 'PUT', 'PATCH'];

function send(req: Request, res: Response, { status, body }: Answer, conditions: Conditions): void {
  // Answers hold names of customers, and now and then a secret.
  res.set('Cache-Control', 'no-store').status(status);
  if (SHOWS_RESOURCE.includes(req.method) && (status === 200 || status === 201)) {
    const etag = etagOf(body);
    res.set('ETag', etag);
    if (req.method !== 'PUT' && req.method !== 'PATCH' && isKnown(conditions, etag)) return void res.status(304).end();
  }
  if (body === undefined) return void res.end();
  if (status >= 400) res.setHeader('Content-Type', PROBLEM_CONTENT_TYPE);
  else res.type('json');
  res.end(JSON.stringify(body));
}

const databaseGone =
  (log: Logger): ErrorRequestHandler =>
  (error: unknown, _req, res, next) => {
    // What is wrong with a request is told in words of the request, which may look like anything.
    if (refusalOf(error, '') || !isDatabaseGone(error)) return next(error);
    log.error('request.not_stored', { requestId: requestIdOf(res), error });
    next(new RequestError('not_stored', 'The database cannot be reached now'));
  };
