import type { ErrorRequestHandler, RequestHandler, Response } from 'express';
import { z } from 'zod';
import { DeliveryError, type ProblemCode, PROBLEMS, RequestError } from '../kit/errors.ts';
import type { Logger } from '../kit/logger.ts';
import { describeIssues } from '../messenger/issues.ts';
import { requestIdOf } from './requestId.ts';

/**
 * Every failure becomes one RFC 9457 document: `{type, title, status, detail?, code, requestId, …}`. `code` is what
 * programs decide by. Nothing of the request is repeated in it.
 */

export const PROBLEM_CONTENT_TYPE = 'application/problem+json';
const PORTAL_RETRY_S = 30;
/** Header `Retry-After`, seconds. */
const RETRY_AFTER_S: Partial<Record<ProblemCode, number>> = { not_stored: 5, portal_unavailable: PORTAL_RETRY_S };

interface Problem {
  status: number;
  title: string;
  code: string;
  detail?: string;
  extra?: Readonly<Record<string, unknown>>;
  retryAfterS?: number;
}

/** The last middleware. Expected failures are answered; anything else is a bug and leaves one `error` line. */
export function createProblemHandler(deps: { log: Logger }): ErrorRequestHandler {
  return (error: unknown, req, res, _next) => {
    const problem = problemOf(error);
    if (!problem) {
      const [path] = req.originalUrl.split('?');
      deps.log.error('request.failed', { requestId: requestIdOf(res), method: req.method, path, error });
    }
    // Half an answer cannot be taken back; a cut connection at least says that it is not whole.
    if (res.headersSent) return void res.destroy();
    sendProblem(res, problem ?? ofCode('internal'));
  };
}

/** For paths nobody answers. */
export const notFound: RequestHandler = () => {
  throw new RequestError('not_found');
};

/** For the other methods of a path. `allow`: the methods it has, such as `POST`. */
export const methodNotAllowed =
  (allow: string): RequestHandler =>
  (_req, res) => {
    res.set('Allow', allow);
    sendProblem(res, ofCode('method_not_allowed'));
  };

/** The code an error is answered with; `internal` for bugs. */
export const problemCodeOf = (error: unknown): string => problemOf(error)?.code ?? 'internal';

/** How a failed request is answered, in short. */
export function outcomeOf(error: unknown): { status: number; code: string } {
  const { status, code } = problemOf(error) ?? ofCode('internal');
  return { status, code };
}

/** A refusal (4xx) as it is answered; undefined for failures (5xx), which another try may not have. */
export function refusalOf(error: unknown, requestId: string): { status: number; body: object } | undefined {
  const problem = problemOf(error);
  return problem && problem.status < 500 ? { status: problem.status, body: documentOf(problem, requestId) } : undefined;
}

function sendProblem(res: Response, problem: Problem): void {
  const { status, retryAfterS } = problem;
  if (retryAfterS !== undefined) res.set('Retry-After', String(retryAfterS));
  // Not `res.type`, which may add a charset that the media type does not have.
  res.status(status).setHeader('Content-Type', PROBLEM_CONTENT_TYPE);
  res.end(JSON.stringify(documentOf(problem, requestIdOf(res))));
}

function documentOf({ status, title, code, detail, extra }: Problem, requestId: string): object {
  const document = {
    type: `urn:open-channel-gateway:problem:${code}`,
    title,
    status,
    detail,
    code,
    requestId,
  };
  // Spread twice: the standard members come first, and no extra one replaces them.
  return { ...document, ...extra, ...document };
}

function problemOf(error: unknown): Problem | undefined {
  if (error instanceof RequestError) return ofRequest(error);
  if (error instanceof DeliveryError) return ofDelivery(error);
  if (error instanceof z.ZodError) {
    return { ...ofCode('invalid_request'), extra: { errors: describeIssues(error.issues) } };
  }
  return ofHttpError(error);
}

const ofCode = (code: ProblemCode): Problem => ({ ...PROBLEMS[code], code });

function ofRequest({ code, message, extra }: RequestError): Problem {
  const { retryAfterS = RETRY_AFTER_S[code] } = extra as { retryAfterS?: number };
  return { ...ofCode(code), detail: message, extra, retryAfterS };
}

/** The portal's words may repeat names and texts, so only its error code is passed on. */
function ofDelivery(error: DeliveryError): Problem {
  const extra = { portalCode: /^[\w.:-]{1,100}$/.test(error.code) ? error.code : 'unknown' };
  if (error.verdict === 'refused') return { ...ofCode('portal_refused'), extra };
  const retryAfterS = error.retryAfterMs === undefined ? PORTAL_RETRY_S : Math.ceil(error.retryAfterMs / 1000);
  return { ...ofCode('portal_unavailable'), extra, retryAfterS };
}

/**
 * What Express and its body parsers refuse. Their messages quote the request, so only status and type are read.
 * `expose` tells them from the errors of HTTP clients, which have a `status` too.
 */
function ofHttpError(error: unknown): Problem | undefined {
  const { status, type, expose } = (error ?? {}) as { status?: unknown; type?: unknown; expose?: unknown };
  const isTheirs = expose === true || error instanceof URIError;
  if (!isTheirs || typeof status !== 'number' || status < 400 || status > 499) return undefined;
  if (type === 'entity.parse.failed') return ofCode('invalid_json');
  if (status === 413) return ofCode('payload_too_large');
  if (status === 415) return ofCode('unsupported_media_type');
  if (status === 404) return ofCode('not_found');
  return { ...ofCode('invalid_request'), detail: 'The request could not be read' };
}
