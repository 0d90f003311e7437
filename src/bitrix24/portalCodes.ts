import type { BlockScope } from '../kit/errors.ts';

export interface CodeRule {
  /** `transient`: something may have happened, so `retry` for repeatable calls and `unsure` for others. */
  verdict: 'retry' | 'refused' | 'blocked' | 'transient';
  scope?: BlockScope;
  retryAfterMs?: number;
  /** The answer may name the moment (`operating_reset_at`) to wait for instead. */
  untilReset?: boolean;
  /** The whole portal is being asked too fast, not only by this call. */
  throttled?: boolean;
  /** Only this method is: its calls wait, and use up no attempt. */
  limited?: boolean;
  /** With a 5xx status this code stands for a fault of the portal, not for its decision. */
  brokenAbove500?: boolean;
  note: string;
}

/**
 * Error codes of the REST platform and what they mean for the work (contract platform §3.4; the OAuth codes of §2.3
 * are in oauth.ts). The same code has different HTTP statuses in the docs and in the source, so no status is listed.
 * A code missing here is a module's own: refused below 500, transient above. ACCESS_DENIED depends on its text.
 */
export const PORTAL_CODES: Readonly<Record<string, CodeRule>> = {
  QUERY_LIMIT_EXCEEDED: {
    verdict: 'retry',
    retryAfterMs: 1_000,
    throttled: true,
    note: 'request bucket is full; not executed',
  },
  OPERATION_TIME_LIMIT: {
    verdict: 'retry',
    retryAfterMs: 60_000,
    untilReset: true,
    limited: true,
    note: 'operating time of this method is used up; not executed, other methods still work',
  },
  CONNECTION_ERROR: { verdict: 'retry', note: 'the portal could not ask the OAuth server; says nothing of the token' },

  expired_token: { verdict: 'retry', note: 'not executed; the caller renews the token and repeats once' },
  invalid_token: { verdict: 'blocked', note: 'the caller renews once; if it stays, the app must be installed again' },
  NO_AUTH_FOUND: { verdict: 'blocked', note: 'the portal saw no token: a lost body, or a portal that lost the app' },
  APPLICATION_NOT_FOUND: { verdict: 'blocked', note: 'uninstalled or inactive' },
  authorization_error: { verdict: 'blocked', note: 'the user of the grant is inactive' },
  user_access_error: { verdict: 'blocked', note: 'an administrator took the app away from the user of the grant' },
  insufficient_scope: { verdict: 'blocked', note: 'the app card lacks a scope; needs a new version' },
  INVALID_CREDENTIALS: { verdict: 'blocked', note: 'wrong webhook pair, or missing rights' },
  PAYMENT_REQUIRED: { verdict: 'blocked', note: 'trial or payment over; the grant stays valid' },
  PORTAL_DELETED: { verdict: 'blocked', note: 'also while a site is closed for a time, so never final' },
  OVERLOAD_LIMIT: { verdict: 'blocked', note: 'Bitrix24 blocked the app by hand; a person must write to support' },
  IMCONNECTOR_NO_CORRECT_PROVIDER: {
    verdict: 'blocked',
    scope: 'line',
    note: 'our connector is not registered: the app was installed again and is still being wired, or somebody removed it',
  },
  IMCONNECTOR_NOT_SPECIFIED_CORRECT_CONNECTOR: { verdict: 'blocked', scope: 'line', note: 'the connector is off' },
  NOT_ACTIVE_LINE: { verdict: 'blocked', scope: 'line', note: 'the connector is not usable on this line' },

  INTERNAL_SERVER_ERROR: { verdict: 'transient', note: 'the portal failed half-way' },
  ERROR_UNEXPECTED_ANSWER: { verdict: 'transient', note: 'the portal failed half-way' },
  WRONG_ENCODING: { verdict: 'transient', note: 'executed, but the answer could not be encoded; comes with 200' },

  ERROR_CORE: {
    verdict: 'refused',
    brokenAbove500: true,
    note: 'a decision with 400, a failed SQL statement with 500',
  },
  ERROR_ARGUMENT: { verdict: 'refused', note: 'our parameter is wrong' },
  WRONG_AUTH_TYPE: { verdict: 'refused', note: 'needs an application, not a webhook' },
  INVALID_REQUEST: { verdict: 'refused', note: 'https is required' },
  METHOD_CONFIRM_WAITING: { verdict: 'refused', note: 'waits for an administrator; bound to one token' },
  METHOD_CONFIRM_DENIED: { verdict: 'refused', note: 'an administrator said no' },
  ERROR_METHOD_NOT_FOUND: { verdict: 'refused', note: 'unknown here: older portal, or the module is missing' },
  ERROR_BATCH_METHOD_NOT_ALLOWED: { verdict: 'refused', note: 'this method cannot go into a batch' },
  ERROR_BATCH_LENGTH_EXCEEDED: { verdict: 'refused', note: 'command 51 or later of a batch; not executed' },
  ERROR_MANIFEST_IS_NOT_AVAILABLE: { verdict: 'refused', note: 'not here' },
  INTERNAL_WRONG_TRANSPORT: { verdict: 'refused', note: 'not here' },
  INTERNAL_WRONG_HANDLER_CLASS: { verdict: 'refused', note: 'not here' },
};
