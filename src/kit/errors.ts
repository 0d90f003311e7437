/**
 * The two families of expected failures. Anything else that is thrown is a bug.
 *
 * `RequestError`: we were called wrongly; becomes a problem document.
 * `DeliveryError`: we called somebody and failed; carries the verdict that decides what happens to the work.
 */

/** Every code a problem document can carry. A new code is one line here. */
export const PROBLEMS = {
  invalid_request: { status: 400, title: 'The request does not have the expected shape' },
  invalid_json: { status: 400, title: 'The body is not valid JSON' },
  unauthorized: { status: 401, title: 'Authentication is missing or wrong' },
  invalid_signature: { status: 401, title: 'The webhook signature is missing or wrong' },
  signature_expired: { status: 401, title: 'The webhook timestamp is outside the accepted window' },
  insufficient_scope: { status: 403, title: 'The key does not have the needed scope' },
  cross_site: { status: 403, title: 'The request does not come from a page of the gateway' },
  unverified_origin: { status: 403, title: 'The request could not be verified as coming from Bitrix24' },
  not_found: { status: 404, title: 'There is no such resource' },
  unknown_messenger: { status: 404, title: 'There is no messenger with this name' },
  method_not_allowed: { status: 405, title: 'The path does not have this method' },
  conflict: { status: 409, title: 'The resource already exists or is in the way' },
  idempotency_conflict: { status: 409, title: 'This Idempotency-Key is still being worked on' },
  in_use: { status: 409, title: 'Other resources still depend on this one' },
  precondition_failed: { status: 412, title: 'The resource is not what If-Match or If-None-Match expects' },
  payload_too_large: { status: 413, title: 'The body is too large' },
  unsupported_media_type: { status: 415, title: 'The content type is not supported' },
  idempotency_mismatch: { status: 422, title: 'This Idempotency-Key was used for another request' },
  line_not_found: { status: 422, title: 'The portal has no such Open Channel line' },
  portal_refused: { status: 422, title: 'The portal refused the operation' },
  too_many_wrong_keys: { status: 429, title: 'Too many wrong keys came from this address' },
  internal: { status: 500, title: 'Internal error' },
  media_unavailable: { status: 502, title: 'The file cannot be fetched from the messenger' },
  portal_unavailable: { status: 503, title: 'The portal cannot be reached now' },
  not_stored: { status: 503, title: 'The gateway cannot store the request now' },
} as const satisfies Record<string, { status: number; title: string }>;

export type ProblemCode = keyof typeof PROBLEMS;

export class RequestError extends Error {
  override readonly name = 'RequestError';
  readonly code: ProblemCode;
  /**
   * Extra members of the problem document, such as `errors: [{path, message}]`; `retryAfterS` becomes a header too.
   * Never secrets, never personal text.
   */
  readonly extra: Readonly<Record<string, unknown>>;

  constructor(code: ProblemCode, detail?: string, extra: Record<string, unknown> = {}) {
    super(detail ?? PROBLEMS[code].title);
    this.code = code;
    this.extra = extra;
  }
}

/**
 * What a failed attempt means for the work:
 * `retry` it did not happen and may work later · `unsure` no answer, it may have happened ·
 * `refused` it never will · `blocked` nothing of its scope passes until somebody acts.
 */
export type Verdict = 'retry' | 'unsure' | 'refused' | 'blocked';

/** What a `blocked` verdict blocks: the whole portal (or messenger), or one line of it. */
export type BlockScope = 'portal' | 'line';

export interface DeliveryFailure {
  verdict: Verdict;
  /** The other side's error code, or ours in snake_case (`network`, `timeout`, `html_answer`). */
  code: string;
  detail: string;
  /** HTTP status of the answer; absent when there was none. */
  status?: number;
  /** Only with `blocked`. */
  scope?: BlockScope;
  /** The other side asked for this much patience, milliseconds. */
  retryAfterMs?: number;
  /** Only with `retry`: we were too fast. Everybody behind the same gate waits, and no attempt is used up. */
  throttled?: boolean;
  /** Only with `retry`: a limit of this kind of call alone. It waits `retryAfterMs`, and no attempt is used up. */
  limited?: boolean;
  /** Only with `unsure`: until this moment (ms since the epoch) the other side may still be executing the call. */
  mayRunUntil?: number;
  cause?: unknown;
}

export class DeliveryError extends Error {
  override readonly name = 'DeliveryError';
  readonly verdict: Verdict;
  readonly code: string;
  readonly status: number | undefined;
  readonly scope: BlockScope;
  readonly retryAfterMs: number | undefined;
  readonly throttled: boolean;
  readonly limited: boolean;
  readonly mayRunUntil: number | undefined;

  constructor(failure: DeliveryFailure) {
    super(`${failure.code}: ${failure.detail}`, failure.cause === undefined ? undefined : { cause: failure.cause });
    this.verdict = failure.verdict;
    this.code = failure.code;
    this.status = failure.status;
    this.scope = failure.scope ?? 'portal';
    this.retryAfterMs = failure.retryAfterMs;
    this.throttled = failure.throttled ?? false;
    this.limited = failure.limited ?? false;
    this.mayRunUntil = failure.mayRunUntil;
  }
}
