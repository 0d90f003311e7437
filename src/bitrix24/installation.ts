import { z } from 'zod';
import type { Clock } from '../kit/clock.ts';
import { RequestError } from '../kit/errors.ts';
import { plainHost, restBase } from './endpoint.ts';
import { formMap, type FormValue } from './form.ts';
import { scopeOf, type AppInfo, type OAuth } from './oauth.ts';
import { hasCode } from './wire.ts';

/**
 * Is this installation, or this page opened in a portal, genuine? Anyone can post such a form, so nothing in it counts
 * until a trusted OAuth server has confirmed its access token (contract platform §1.6, D8).
 */

/** What a form claims. Unproven. */
export interface InstallClaim {
  memberId: string;
  /** REST base of the portal. */
  endpoint: string;
  serverEndpoint?: string;
  applicationToken?: string;
  accessToken: string;
  refreshToken: string;
  expiresInS: number;
  scope: string[];
}

export interface FrameClaim extends InstallClaim {
  /** `DEFAULT` for the main page, else the code of the place, such as `SETTING_CONNECTOR`. */
  placement: string;
  /** As the place gives them: all values text, numbers or booleans; empty when they cannot be read. */
  placementOptions: Readonly<Record<string, unknown>>;
  /** Language of the user's interface. */
  language: string;
}

export interface VerifiedInstall {
  memberId: string;
  /** Host of the portal, possibly with a port. */
  domain: string;
  clientEndpoint: string;
  /** REST base of the OAuth server that confirmed it. */
  serverEndpoint: string;
  /**
   * Of the form, and not covered by the OAuth server's answer: in a frame every employee can read and change it
   * (contract platform §1.6), so let only an administrator's frame or an event set it.
   */
  applicationToken?: string;
  /** The pair of the user who installed, or who opened the page: an employee's must not replace the stored grant. */
  accessToken: string;
  refreshToken: string;
  /** Milliseconds since the epoch. */
  expiresAt: number;
  scope: string[];
  userId: string;
  status: string;
  version: string;
  /** The installation is finished: events are sent and pages shown (contract platform §1.4). */
  installed: boolean;
}

export interface VerifyDeps {
  oauth: Pick<OAuth, 'appInfo'>;
  clientId: string;
  /** Plain http and private hosts too. */
  allowInsecure: boolean;
  clock: Clock;
}

const token = z.string().min(1).max(4_096);
const memberId = z.string().regex(/^[\w-]{1,128}$/);
const seconds = z.coerce.number().int().min(0).max(31_536_000).catch(3_600);
const optional = z.string().min(1).optional().catch(undefined);

const eventShape = z.object({
  event: z.string().regex(/^onapp(install|update)$/i),
  auth: z.object({
    member_id: memberId,
    client_endpoint: z.string().min(1),
    server_endpoint: optional,
    application_token: token,
    access_token: token,
    refresh_token: token,
    expires_in: seconds,
    scope: z.string().catch(''),
  }),
});

/** ONAPPINSTALL or ONAPPUPDATE (contract platform §1.5). @throws RequestError unverified_origin */
export function readInstallEvent(form: FormValue): InstallClaim {
  const { auth } = parse(eventShape, form);
  return {
    memberId: auth.member_id,
    endpoint: auth.client_endpoint,
    ...(auth.server_endpoint === undefined ? {} : { serverEndpoint: auth.server_endpoint }),
    applicationToken: auth.application_token,
    accessToken: auth.access_token,
    refreshToken: auth.refresh_token,
    expiresInS: auth.expires_in,
    scope: scopeOf(auth.scope),
  };
}

const frameQuery = z.object({
  DOMAIN: z.string().regex(/^[^\s/?#@\\]{1,255}$/),
  PROTOCOL: z.enum(['0', '1']).catch('1'),
  LANG: z
    .string()
    .regex(/^[a-z-]{2,10}$/i)
    .catch('en'),
});

/** The last three of the server's fields are missing on older self-hosted portals (contract platform §1.3). */
const frameBody = z.object({
  member_id: memberId,
  AUTH_ID: token,
  REFRESH_ID: token,
  AUTH_EXPIRES: seconds,
  SERVER_ENDPOINT: optional,
  APPLICATION_TOKEN: optional,
  APPLICATION_SCOPE: z.string().catch(''),
  PLACEMENT: z.string().max(100).catch('DEFAULT'),
  PLACEMENT_OPTIONS: z.string().catch(''),
});

/** A page opened in a portal: query and body of its POST (contract platform §1.3). @throws RequestError unverified_origin */
export function readFrame(query: FormValue, body: FormValue): FrameClaim {
  const { DOMAIN, PROTOCOL, LANG } = parse(frameQuery, query);
  const fields = parse(frameBody, body);
  return {
    memberId: fields.member_id,
    endpoint: `${PROTOCOL === '0' ? 'http' : 'https'}://${DOMAIN}/rest/`,
    ...(fields.SERVER_ENDPOINT === undefined ? {} : { serverEndpoint: fields.SERVER_ENDPOINT }),
    ...(fields.APPLICATION_TOKEN === undefined ? {} : { applicationToken: fields.APPLICATION_TOKEN }),
    accessToken: fields.AUTH_ID,
    refreshToken: fields.REFRESH_ID,
    expiresInS: fields.AUTH_EXPIRES,
    scope: scopeOf(fields.APPLICATION_SCOPE),
    placement: fields.PLACEMENT || 'DEFAULT',
    placementOptions: optionsOf(fields.PLACEMENT_OPTIONS),
    language: LANG.toLowerCase(),
  };
}

/** A JSON text; PHP writes an empty map as `[]`. */
function optionsOf(json: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(json);
    return value !== null && typeof value === 'object' && !Array.isArray(value) ? { ...value } : {};
  } catch {
    return {};
  }
}

function parse<T>(schema: z.ZodType<T>, form: FormValue): T {
  const parsed = schema.safeParse(formMap(form));
  if (!parsed.success) throw forged();
  return parsed.data;
}

/**
 * Proves a claim: its token is one of our application, for this member_id, on this host.
 * @throws RequestError unverified_origin, without saying what was wrong; DeliveryError retry when no OAuth server answers.
 */
export async function verifyInstall(claim: InstallClaim, deps: VerifyDeps): Promise<VerifiedInstall> {
  const now = deps.clock.now();
  const clientEndpoint = restBase(claim.endpoint, deps);
  if (clientEndpoint === undefined) throw forged();
  const info = await confirm(claim, deps.oauth);
  const { host } = new URL(clientEndpoint);
  const genuine =
    info.clientId === deps.clientId &&
    info.memberId === claim.memberId &&
    isSameHost(info.domain, host, deps.allowInsecure);
  if (!genuine) throw forged();
  return {
    memberId: info.memberId,
    domain: plainHost(host),
    clientEndpoint,
    serverEndpoint: info.serverEndpoint,
    ...(claim.applicationToken === undefined ? {} : { applicationToken: claim.applicationToken }),
    accessToken: claim.accessToken,
    refreshToken: claim.refreshToken,
    expiresAt: now + claim.expiresInS * 1_000,
    scope: claim.scope,
    userId: info.userId,
    status: info.status,
    version: info.version,
    installed: info.installed,
  };
}

/** A local portal may leave its port out of its name. */
function isSameHost(a: string, b: string, allowInsecure: boolean): boolean {
  const [first, second] = [plainHost(a), plainHost(b)];
  const nameOf = (host: string): string => host.replace(/:\d+$/, '');
  const hasPort = (host: string): boolean => host !== nameOf(host);
  const isLenient = allowInsecure && hasPort(first) !== hasPort(second);
  return isLenient ? nameOf(first) === nameOf(second) : first === second;
}

async function confirm(claim: InstallClaim, oauth: Pick<OAuth, 'appInfo'>): Promise<AppInfo> {
  try {
    return await oauth.appInfo(claim.accessToken, claim.serverEndpoint);
  } catch (error) {
    throw hasCode(error, 'not_confirmed') ? forged() : error;
  }
}

const forged = (): RequestError => new RequestError('unverified_origin');
