import type { Portal } from '../hit.ts';
import { installationOf } from '../install/installations.ts';
import { applications, type ApplicationRow } from '../oauth/applications.ts';
import { accessTokens } from '../oauth/tokens.ts';
import { refuse } from '../refusal.ts';
import { users, type UserRow } from '../users.ts';
import type { RestRequest } from './request.ts';

/** Who calls: found by the token, not yet allowed anything. */
export interface Caller {
  readonly application: ApplicationRow | null;
  readonly scopes: readonly string[];
  readonly user: UserRow;
  readonly denied: boolean;
  readonly hopsLeft: number;
  /** Key of the operating-time account (contract platform §4.3). */
  readonly account: string;
}

export interface WebhookRow {
  readonly userId: number;
  readonly secret: string;
  readonly scopes: readonly string[];
}

export function webhooks(portal: Portal) {
  return portal.table<WebhookRow>('webhooks');
}

export function findCaller(portal: Portal, request: RestRequest): Caller {
  return request.webhook ? webhookCaller(portal, request.webhook) : tokenCaller(portal, request.token);
}

function tokenCaller(portal: Portal, token: string): Caller {
  if (token === '') refuse('NO_AUTH_FOUND', 'Wrong authorization data', { status: 401 });
  const access = accessTokens(portal).get(token);
  if (access?.memberId !== portal.memberId) {
    refuse('invalid_token', 'Unable to get application by token', { status: 401 });
  }
  if (access.expiresAt <= portal.clock.now()) {
    refuse('expired_token', 'The access token provided has expired.', { status: 401 });
  }
  const installation = installationOf(portal, portal.memberId, access.clientId);
  const application = applications(portal).get(access.clientId);
  if (!installation?.active || !application) {
    refuse('APPLICATION_NOT_FOUND', 'Application not found', { status: 401 });
  }
  if (installation.paymentExpired) refuse('PAYMENT_REQUIRED', 'Payment required', { status: 401 });
  return {
    application,
    scopes: installation.scopes,
    user: userOf(portal, access.userId),
    denied: installation.deniedUsers.includes(access.userId),
    hopsLeft: access.hopsLeft,
    account: access.clientId,
  };
}

function webhookCaller(portal: Portal, { userId, secret }: { userId: string; secret: string }): Caller {
  const row = webhooks(portal).get(`${userId}/${secret}`);
  if (!row) refuse('INVALID_CREDENTIALS', 'Invalid request credentials', { status: 403 });
  return {
    application: null,
    scopes: row.scopes,
    user: userOf(portal, row.userId),
    denied: false,
    hopsLeft: 7,
    account: `webhook ${userId}/${secret}`,
  };
}

function userOf(portal: Portal, id: number): UserRow {
  const user = users(portal).get(id);
  if (!user) refuse('authorization_error', 'Unable to authorize user', { status: 401 });
  return user;
}
