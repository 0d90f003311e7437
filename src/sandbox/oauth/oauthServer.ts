import express, { type Request, type Response } from 'express';
import { portalDomain } from '../address.ts';
import { createFaults, underFaults, type Faults } from '../faults.ts';
import { deliver, json, type Answer } from '../http/answer.ts';
import { listen } from '../http/listen.ts';
import { installationOf } from '../install/installations.ts';
import { parseQuery } from '../php/query.ts';
import { toText, type Params } from '../php/values.ts';
import type { PortalRow } from '../portalRow.ts';
import { applications } from './applications.ts';
import { tokenAnswer } from './tokenAnswer.ts';
import { accessTokens, spendCode, spendRefresh, type Grant, type Shared } from './tokens.ts';

export interface OauthServer {
  readonly url: string;
  /** Scripted like those of a portal; methods are 'oauth/token' and 'app.info'. */
  readonly faults: Faults;
  close(): Promise<void>;
}

export interface OauthOptions {
  readonly shared: Shared;
  readonly strictRotation: boolean;
  readonly port: number;
}

export async function createOauthServer({ shared, strictRotation, port }: OauthOptions): Promise<OauthServer> {
  const faults = createFaults();
  const context = { ...shared, oauthUrl: () => `http://127.0.0.1:${listener.port}`, strictRotation };

  function serve(method: string, work: (params: Params, req: Request) => Answer) {
    return async (req: Request, res: Response) => {
      const params = paramsOf(req);
      const effects = faults.strike({ method, params, batchCommand: false });
      const answering = () => Promise.resolve({ answer: work(params, req) });
      await deliver(req, res, await underFaults(effects, answering));
    };
  }

  const app = express().disable('x-powered-by');
  app.use(express.raw({ type: () => true }));
  app.all(
    /^\/oauth\/token\/?$/,
    serve('oauth/token', (params) => token(context, params)),
  );
  app.all(
    /^\/rest\/+app\.info(\.json)?\/?$/i,
    serve('app.info', (params, req) => appInfo(shared, params, req)),
  );
  const listener = await listen(app, port);
  return { url: context.oauthUrl(), faults, close: () => listener.close() };
}

function paramsOf(req: Request): Params {
  const query = parseQuery(new URL(req.originalUrl, 'http://oauth').search.slice(1));
  const body = Buffer.isBuffer(req.body) ? req.body.toString('utf8') : '';
  return { ...query, ...(req.is('application/json') ? parseJson(body) : parseQuery(body)) };
}

function parseJson(body: string): Params {
  try {
    return JSON.parse(body) as Params;
  } catch {
    return {};
  }
}

/** The statuses are not documented; these are the ones clients report (contract platform §2.3). */
function failure(status: number, error: string, description: string): Answer {
  return json(status, { error, error_description: description });
}

type TokenContext = Shared & { oauthUrl(): string; readonly strictRotation: boolean };

function token(context: TokenContext, params: Params): Answer {
  const grantType = toText(params.grant_type);
  if (grantType !== 'refresh_token' && grantType !== 'authorization_code') {
    return failure(400, 'invalid_request', 'Unknown grant type');
  }
  const application = applications(context).get(toText(params.client_id));
  if (!application || application.clientSecret !== toText(params.client_secret)) {
    return failure(401, 'invalid_client', 'Client authentication failed');
  }
  const known = knownGrant(context, grantType, params);
  if (known?.clientId !== application.clientId) return failure(400, 'invalid_grant', 'Invalid grant');
  const installation = installationOf(context, known.memberId, known.clientId);
  if (!installation?.active) return failure(401, 'invalid_client', 'Application is not installed');
  if (installation.paymentExpired) return failure(403, 'PAYMENT_REQUIRED', 'Payment required');
  return exchange(context, grantType, params);
}

/** Looks before it spends: a refused refresh must leave the token as it was. */
function knownGrant(context: TokenContext, grantType: string, params: Params): Grant | undefined {
  if (grantType === 'authorization_code') return context.shared<Grant>('codes').get(toText(params.code));
  return context.shared<Grant>('refreshTokens').get(toText(params.refresh_token));
}

function exchange(context: TokenContext, grantType: string, params: Params): Answer {
  const grant =
    grantType === 'authorization_code'
      ? spendCode(context, toText(params.code))
      : spendRefresh(context, toText(params.refresh_token), context.strictRotation);
  const portal = grant && context.shared<PortalRow>('portals').get(grant.memberId);
  const installation = grant && installationOf(context, grant.memberId, grant.clientId);
  if (!portal || !installation) return failure(400, 'invalid_grant', 'Invalid grant');
  return json(200, tokenAnswer(context, grant, portal, installation));
}

/** Whose token this is: the only proof an iframe request has (contract platform §1.6). */
function appInfo(shared: Shared, params: Params, req: Request): Answer {
  const bearer = /^Bearer\s+(\S+)/i.exec(req.get('authorization') ?? '')?.[1];
  const sent = bearer ?? (toText(params.auth) || toText(params.access_token));
  if (sent === '') return failure(401, 'NO_AUTH_FOUND', 'Wrong authorization data');
  const access = accessTokens(shared).get(sent);
  const installation = access && installationOf(shared, access.memberId, access.clientId);
  const portal = access && shared.shared<PortalRow>('portals').get(access.memberId);
  if (!access || !portal || !installation?.active) return failure(401, 'invalid_token', 'Invalid access token');
  if (access.expiresAt <= shared.clock.now()) return failure(401, 'expired_token', 'The access token has expired');
  return json(200, {
    result: {
      client_id: access.clientId,
      user_id: access.userId,
      install: {
        member_id: access.memberId,
        domain: portalDomain(portal),
        installed: installation.installed,
        version: installation.version,
        status: installation.status,
      },
    },
  });
}
