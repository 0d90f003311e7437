import type { Clock } from '../kit/clock.ts';
import { DeliveryError } from '../kit/errors.ts';
import type { Logger } from '../kit/logger.ts';
import { createOAuthHttp, type OAuthReply } from './oauthHttp.ts';
import { asFields, asFlag, asId, asNumber, asText } from './wire.ts';

/** `expiresAt` in milliseconds since the epoch. */
export interface TokenPair {
  accessToken: string;
  refreshToken: string;
  expiresAt: number;
  /** REST base of the portal, ends with `/rest/`; empty where the server does not name it. */
  clientEndpoint: string;
  serverEndpoint: string;
  memberId: string;
  scope: string[];
  userId?: string;
  status?: string;
}

/** What the OAuth server says of an access token (contract platform §1.6). */
export interface AppInfo {
  clientId: string;
  userId: string;
  memberId: string;
  /** Host of the portal, possibly with a port. */
  domain: string;
  installed: boolean;
  version: string;
  status: string;
  /** REST base of the trusted server that confirmed it. */
  serverEndpoint: string;
}

export interface OAuth {
  /** @throws DeliveryError blocked `invalid_grant` and others of contract platform §2.3; retry for anything transient. */
  refresh(refreshToken: string, serverEndpoint?: string): Promise<TokenPair>;
  /** @throws DeliveryError retry: no server could be reached; refused `not_confirmed`: none knows the token. */
  appInfo(accessToken: string, serverEndpoint?: string): Promise<AppInfo>;
  close(): void;
}

export interface OAuthDeps {
  clientId: string;
  clientSecret: string;
  /** The default one first, such as `https://oauth.bitrix.info`. Secrets and tokens go to no other host. */
  trustedServers: readonly string[];
  clock: Clock;
  log: Logger;
  timeoutMs?: number;
}

/** Access tokens live one hour (contract platform §2.2). */
const TOKEN_LIFE_S = 3_600;

export function createOAuth(deps: OAuthDeps): OAuth {
  const { clientId, clientSecret, clock, log } = deps;
  const servers = deps.trustedServers.map((server) => new URL(server).origin);
  const [defaultServer] = servers;
  if (defaultServer === undefined) throw new Error('at least one OAuth server must be trusted');
  const http = createOAuthHttp({ clock, timeoutMs: deps.timeoutMs ?? 20_000 });

  /** The hint comes from outside: it may choose among the trusted servers and nothing more. */
  const trusted = (hint: string | undefined): string => {
    const origin = hint !== undefined && URL.canParse(hint) ? new URL(hint).origin : '';
    return servers.includes(origin) ? origin : defaultServer;
  };

  return {
    async refresh(refreshToken, serverEndpoint) {
      const server = trusted(serverEndpoint);
      const sentAt = clock.now();
      const reply = await http.post(`${server}/oauth/token/`, {
        grant_type: 'refresh_token',
        client_id: clientId,
        client_secret: clientSecret,
        refresh_token: refreshToken,
      });
      const pair = pairOf(reply, { server, sentAt });
      log.debug('oauth.refreshed', { server, status: reply.status, ok: !(pair instanceof DeliveryError) });
      if (pair instanceof DeliveryError) throw pair;
      return pair;
    },

    async appInfo(accessToken, serverEndpoint) {
      const first = trusted(serverEndpoint);
      let unreachable: DeliveryError | undefined;
      for (const server of [first, ...servers.filter((other) => other !== first)]) {
        try {
          const reply = await http.post(`${server}/rest/app.info`, { auth: accessToken });
          const info = infoOf(reply, server);
          if (info) return info;
        } catch (error) {
          if (!(error instanceof DeliveryError)) throw error;
          unreachable = error;
        }
      }
      // A server that could not be asked might be the one that knows the token.
      throw unreachable ?? notConfirmed();
    },

    close: () => http.close(),
  };
}

const notConfirmed = (): DeliveryError =>
  new DeliveryError({ verdict: 'refused', code: 'not_confirmed', detail: 'no OAuth server knows the token' });

/**
 * `domain` of this answer is the OAuth server's own and is ignored (contract platform trap 8). The life time counts
 * from our clock: an absolute `expires` read by a clock that is ahead would renew before every call.
 */
function pairOf({ status, body }: OAuthReply, { server, sentAt }: { server: string; sentAt: number }) {
  const fields = asFields(body);
  const accessToken = asText(fields.access_token);
  const refreshToken = asText(fields.refresh_token);
  if (accessToken === '' || refreshToken === '') return refusal(status, body);
  const expiresInS = asNumber(fields.expires_in);
  const expiresS = asNumber(fields.expires);
  const userId = asId(fields.user_id);
  return {
    accessToken,
    refreshToken,
    expiresAt:
      expiresInS === undefined && expiresS !== undefined
        ? expiresS * 1_000
        : sentAt + (expiresInS ?? TOKEN_LIFE_S) * 1_000,
    clientEndpoint: asText(fields.client_endpoint),
    serverEndpoint: asText(fields.server_endpoint) || `${server}/rest/`,
    memberId: asText(fields.member_id),
    scope: scopeOf(asText(fields.scope)),
    ...(userId === undefined ? {} : { userId }),
    ...(asText(fields.status) === '' ? {} : { status: asText(fields.status) }),
  } satisfies TokenPair;
}

/** Tokens separate scopes by comma, events by spaces or both (contract platform §1.5). */
export const scopeOf = (text: string): string[] => text.split(/[\s,]+/).filter((name) => name !== '');

/**
 * Only an explanation of the server may end a grant (contract platform §2.3); the statuses of its errors are not
 * documented, so the code decides. Everything else is taken as a disturbance.
 */
function refusal(status: number, body: unknown): DeliveryError {
  const { error, error_description: text } = asFields(body);
  const code = asText(error);
  if (code === '' || status === 429 || status >= 500) return unreadable(status, code);
  return new DeliveryError({ verdict: 'blocked', code, detail: asText(text) || 'the OAuth server refused', status });
}

const unreadable = (status: number, code: string): DeliveryError =>
  new DeliveryError({
    verdict: 'retry',
    code: code || `oauth_http_${status}`,
    detail: 'the OAuth server gave no usable answer',
    status,
  });

/** undefined: this server does not know the token. @throws DeliveryError retry when it could not say. */
function infoOf({ status, body }: OAuthReply, server: string): AppInfo | undefined {
  const fields = asFields(body);
  const code = asText(fields.error);
  if (code !== '' && status < 500 && status !== 429) return undefined;
  const result = asFields(fields.result);
  const install = asFields(result.install);
  const memberId = asText(install.member_id);
  const clientId = asText(result.client_id);
  if (code !== '' || memberId === '' || clientId === '') throw unreadable(status, code);
  return {
    clientId,
    userId: asText(result.user_id),
    memberId,
    domain: asText(install.domain),
    installed: asFlag(install.installed),
    version: asText(install.version),
    status: asText(install.status),
    serverEndpoint: `${server}/rest/`,
  };
}
