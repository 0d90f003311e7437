import { DeliveryError, type DeliveryFailure } from '../kit/errors.ts';
import { PORTAL_CODES, type CodeRule } from './portalCodes.ts';
import { asFields, asNumber, asText } from './wire.ts';

/** What came back: `body` is the parsed JSON, or the text itself where it is none. */
export interface HttpAnswer {
  status: number;
  contentType?: string;
  body: unknown;
}

export interface CallContext {
  method: string;
  /** Executing the call twice does no harm. */
  repeatable: boolean;
  /** When the request left, and now; milliseconds since the epoch. */
  sentAt: number;
  now: number;
}

/** The cloud cuts a hit off after 60 s (contract platform §4.2); until a little later it may still take effect. */
export const MAY_RUN_MS = 62_000;

/** Bitrix24 names the plan only in this text: "REST is available only on commercial plans" (platform §3.4). */
const PLAN_TEXT = /commercial plan|subscription|tariff|коммерческ|тариф|подписк/i;

/** Statuses of a proxy in front of the portal: the portal behind it may still be working. */
const isProxyStatus = (status: number): boolean =>
  status === 408 || status === 502 || status === 503 || status === 504 || (status >= 520 && status <= 529);

/**
 * The failure an answer stands for, or undefined for a success. The body's `error` decides first, the status second,
 * never a localized text (contract platform D5, §3.4; the one exception is the plan, which has no code of its own).
 */
export function classify(answer: HttpAnswer, context: CallContext): DeliveryError | undefined {
  const error = readError(answer);
  if (error) return byCode(error, answer, context);
  if (answer.status >= 200 && answer.status < 300 && 'result' in asFields(answer.body)) return undefined;
  return byStatus(answer, context);
}

interface PortalError {
  code: string;
  text: string;
}

/** Both error shapes: `{error, error_description}`, and `{error: {code, message}}` of REST 3.0. */
function readError({ body, status }: HttpAnswer): PortalError | undefined {
  const fields = asFields(body);
  const { error } = fields;
  if (error === undefined || error === null || error === false) return undefined;
  if (typeof error === 'object') {
    const { code, message } = asFields(error);
    return { code: asText(code) || `http_${status}`, text: asText(message) };
  }
  // No code and no refusal by status: without a result it is an answer nobody understands.
  if (asText(error) === '' && status < 400) return undefined;
  return { code: asText(error) || `http_${status}`, text: asText(fields.error_description) };
}

function byCode(error: PortalError, answer: HttpAnswer, context: CallContext): DeliveryError {
  const rule = ruleOf(error, answer.status, context.method);
  const failure = { code: error.code, detail: error.text || context.method, status: answer.status };
  switch (rule.verdict) {
    case 'transient':
      return new DeliveryError({ ...failure, ...transient(context) });
    case 'retry':
      return new DeliveryError({ ...failure, verdict: 'retry', ...patience(rule, answer.body, context.now) });
    case 'blocked':
      return new DeliveryError({ ...failure, verdict: 'blocked', scope: rule.scope ?? 'portal' });
    case 'refused':
      return new DeliveryError({ ...failure, verdict: 'refused' });
  }
}

function ruleOf(error: PortalError, status: number, method: string): CodeRule {
  // An application without the scope for bots must still carry messages.
  if (error.code === 'insufficient_scope' && /^imbot\./i.test(method)) return { verdict: 'refused', note: '' };
  if (error.code === 'ACCESS_DENIED') return { verdict: PLAN_TEXT.test(error.text) ? 'blocked' : 'refused', note: '' };
  const known = PORTAL_CODES[error.code];
  if (known && !(status >= 500 && known.brokenAbove500)) return known;
  return { verdict: status >= 500 ? 'transient' : 'refused', note: 'a code of a module' };
}

/** Neither limit comes with a Retry-After header; the operating limit may tell when its window moves on. */
function patience(
  rule: CodeRule,
  body: unknown,
  now: number,
): Pick<DeliveryFailure, 'retryAfterMs' | 'throttled' | 'limited'> {
  if (rule.retryAfterMs === undefined) return {};
  const { throttled = false, limited = false } = rule;
  const fields = asFields(body);
  const resetAt = asNumber(asFields(fields.time).operating_reset_at) ?? asNumber(fields.operating_reset_at);
  if (rule.untilReset !== true || resetAt === undefined) return { retryAfterMs: rule.retryAfterMs, throttled, limited };
  return { retryAfterMs: Math.max(1_000, resetAt * 1_000 - now), throttled, limited };
}

function byStatus(answer: HttpAnswer, context: CallContext): DeliveryError {
  const { status } = answer;
  const failure = { code: statusCode(answer), detail: `${context.method} answered ${status} without a code`, status };
  if (status >= 300 && status < 400) return new DeliveryError({ ...failure, verdict: 'retry' });
  if (status === 413) return new DeliveryError({ ...failure, verdict: 'refused' });
  if (status === 429) return new DeliveryError({ ...failure, verdict: 'retry', retryAfterMs: 60_000 });
  if (isProxyStatus(status)) return new DeliveryError({ ...failure, ...transient(context, { mayStillRun: true }) });
  const explained = status >= 400 && status < 500 && typeof answer.body === 'object';
  return new DeliveryError({ ...failure, ...(explained ? { verdict: 'refused' } : transient(context)) });
}

function statusCode({ status, body, contentType = '' }: HttpAnswer): string {
  if (status >= 300) return `http_${status}`;
  if (body === '' || body === undefined) return 'empty_answer';
  const isPage = typeof body === 'string' && (contentType.includes('html') || body.trimStart().startsWith('<'));
  return isPage ? 'html_answer' : 'unknown_answer';
}

/** Something may have happened. Repeatable calls are simply tried again. */
function transient(
  context: CallContext,
  options: { mayStillRun?: boolean } = {},
): Pick<DeliveryFailure, 'verdict' | 'mayRunUntil'> {
  if (context.repeatable) return { verdict: 'retry' };
  return { verdict: 'unsure', ...(options.mayStillRun ? { mayRunUntil: context.sentAt + MAY_RUN_MS } : {}) };
}

/** Node's codes for "no request was written": no route, no name, no trust. */
const NOTHING_SENT =
  /^(ECONNREFUSED|ENOTFOUND|EAI_\w+|EHOSTUNREACH|ENETUNREACH|EADDRNOTAVAIL|EPROTO|ECONNECTTIMEOUT|EPRIVATEADDRESS|.*CERT.*|.*SELF_SIGNED.*|UNABLE_TO_\w+|ERR_TLS_\w+|ERR_SSL_\w+|ERR_INVALID_URL)$/;
const OUR_CODES: Readonly<Record<string, string>> = {
  ETIMEDOUT: 'timeout',
  ECONNABORTED: 'timeout',
  ERR_CANCELED: 'aborted',
};
/** Node's own text (not localized) for a connection that was reset during the TLS handshake. */
const BEFORE_TLS = 'before secure TLS connection was established';

/**
 * No readable answer came. Without a connection nothing was sent; after it the portal may have the request, and may
 * work on it for a while (contract platform §3.4, last row).
 */
export function classifyNetwork(error: unknown, context: CallContext): DeliveryError {
  const { code, connecting, message } = describe(error);
  // The library's own error carries the whole request, the token included: only its text goes on.
  const failure = { detail: `${context.method}: ${code || 'no answer'}`, cause: new Error(message) };
  if (connecting || NOTHING_SENT.test(code) || message.includes(BEFORE_TLS)) {
    return new DeliveryError({ ...failure, verdict: 'retry', code: 'unreachable' });
  }
  return new DeliveryError({
    ...failure,
    code: OUR_CODES[code] ?? 'network',
    ...transient(context, { mayStillRun: true }),
  });
}

/** An error of the HTTP library wraps Node's, and that one may sum up one error per address that was tried. */
function describe(error: unknown): { code: string; connecting: boolean; message: string } {
  if (!(error instanceof Error)) return { code: '', connecting: false, message: 'no answer' };
  const chain: Error[] = [error];
  for (let next = error.cause; next instanceof Error && chain.length < 4; next = next.cause) chain.push(next);
  const last = chain.at(-1);
  if (last instanceof AggregateError) chain.push(...(last.errors as Error[]));
  const fields = chain.map((link) => link as { code?: unknown; syscall?: unknown });
  return {
    code: fields.map((link) => asText(link.code)).find((code) => code !== '') ?? '',
    connecting: fields.some((link) => link.syscall === 'connect'),
    message: error.message,
  };
}
