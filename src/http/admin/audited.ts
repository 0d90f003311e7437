import type { ErrorRequestHandler, Response } from 'express';
import { type AuditOutcome, beginAudit, endAudit } from '../../bridge/admin/audit.ts';
import { apiKeyOf, knownApiKeyOf } from '../apiKey.ts';
import { outcomeOf } from '../problem.ts';
import { requestIdOf } from '../requestId.ts';
import { auditable, auditableChange, concrete, idOf, targetOf } from './auditable.ts';
import type { AdminDeps } from './deps.ts';
import type { Answer, Context, Route } from './route.ts';

/**
 * Every call that may change something leaves one entry in the audit: here and nowhere else, so no route can forget
 * it. A repetition under the same `Idempotency-Key` does nothing, and leaves none.
 */

export const writes = ({ method }: Pick<Route, 'method'>): boolean => method !== 'get';

/** The id of the entry the request already has. */
interface Locals {
  auditId?: string;
}

export async function audited(
  route: Route,
  res: Response,
  context: Context<unknown, unknown, unknown>,
  work: (auditId: string) => Promise<Answer>,
): Promise<Answer> {
  const { deps } = context;
  const request = { ...(context.query as object), ...(context.body ?? {}) };
  const id = await begin(route, deps, res, context.params as Params, request);
  try {
    const answer = await work(id);
    await end(deps, res, id, { status: answer.status, ...madeBy(route, answer) });
    return answer;
  } catch (error) {
    await end(deps, res, id, outcomeOf(error));
    throw error;
  }
}

type Params = Readonly<Record<string, unknown>>;

function begin(route: Route, deps: AdminDeps, res: Response, params: Params, request: object): Promise<string> {
  const target = targetOf(route, params);
  const { id, name } = apiKeyOf(res);
  const begun = beginAudit(deps.db.sql, {
    apiKey: { id, name },
    requestId: requestIdOf(res),
    operation: route.operationId,
    path: concrete(route.path, params),
    target,
    request: auditable(request, target.type),
    at: new Date(deps.clock.now()),
  });
  return begun.then((auditId) => ((res.locals as Locals).auditId = auditId));
}

/** The work is done or refused, whatever becomes of the entry: without an outcome it says at least that it was tried. */
async function end(deps: AdminDeps, res: Response, id: string, outcome: AuditOutcome): Promise<void> {
  try {
    await endAudit(deps.db.sql, id, outcome);
  } catch (error) {
    deps.log.warn('audit.notCompleted', { requestId: requestIdOf(res), auditId: id, error });
  }
}

function madeBy(route: Route, { status, body }: Answer): Pick<AuditOutcome, 'targetId' | 'change'> {
  const isNew = route.method === 'post' && (status === 201 || status === 202);
  const targetId = isNew ? idOf(body) : undefined;
  if (status !== 201 || route.method !== 'post') return { targetId };
  return { targetId, change: auditableChange(undefined, body, targetOf(route, {}).type) };
}

/** Calls that were refused before any work began, such as those without the scope. */
export const auditRefusal =
  (route: Route, deps: AdminDeps): ErrorRequestHandler =>
  async (error: unknown, req, res, next) => {
    const isOurs = writes(route) && knownApiKeyOf(res) && (res.locals as Locals).auditId === undefined;
    if (!isOurs) return next(error);
    try {
      const { success, data } = route.params.safeParse(req.params);
      const id = await begin(route, deps, res, success ? data : {}, {});
      await endAudit(deps.db.sql, id, outcomeOf(error));
    } catch (failure) {
      deps.log.warn('audit.notWritten', { requestId: requestIdOf(res), error: failure });
    }
    next(error);
  };
