import { isIP } from 'node:net';
import { z } from 'zod';

/** The environment as the gateway understands it. `main.ts` reads it once; everybody else is passed what they need. */
export interface Config {
  host: string;
  /** 0: any free port, see `listeningOn`. */
  port: number;
  /** Without a slash at its end. */
  publicUrl: string;
  /** Absent: the embedded PostgreSQL. */
  databaseUrl?: string;
  dataDir: string;
  /** Absent: sandbox mode. */
  bitrix24?: { clientId: string; clientSecret: string };
  /** Origins. */
  oauthUrls: readonly string[];
  /** Address of BX24.js; a path is one of the portal itself. */
  bx24Script: string;
  allowInsecurePortals: boolean;
  /** 32 bytes each, the first one encrypts; empty only in sandbox mode. */
  encryptionKeys: readonly Buffer[];
  adminApiKey?: string;
  role: 'web' | 'worker' | 'all';
  log: { level: 'error' | 'warn' | 'info' | 'debug'; format: 'json' | 'pretty' };
  /** CIDRs. */
  egressAllow: readonly string[];
}

/** The message names every bad or missing variable with what was expected of it, and no value. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

const KEY_BYTES = 32;
const HINT_KEY = 'expected 32 bytes in base64 (`openssl rand -base64 32`), several separated by commas';
const HINT_URL = 'expected an http or https address without user, query or fragment';
const HINT_SCRIPT = 'expected an https address, or a path such as /bx24.js on the portal itself';
const HINT_ORIGINS = 'expected a comma list of https addresses without path';

const text = (hint: string, test: (value: string) => boolean) => z.string().refine(test, hint);
const list = (hint: string, test: (item: string) => boolean) =>
  z
    .string()
    .transform(itemsOf)
    .refine((items) => items.length > 0 && items.every(test), hint);
const choice = <const Options extends readonly string[]>(options: Options) =>
  z.enum(options, `expected one of ${options.join(', ')}`);

/** One variable, one line; the rules between variables follow in `faultsBetween`. */
const schema = z.object({
  HOST: text('expected a host name or an IP address', (host) => /^[\w.:%-]+$/.test(host)).default('127.0.0.1'),
  PORT: text(
    'expected a whole number from 0 to 65535',
    (port) => /^\d{1,5}$/.test(port) && Number(port) <= 65535,
  ).default('3000'),
  PUBLIC_URL: text(HINT_URL, isBaseUrl).optional(),
  DATABASE_URL: text('expected postgresql://user:password@host:port/database', isPostgresUrl).optional(),
  DATA_DIR: z.string().default('./.data'),
  BITRIX24_CLIENT_ID: z.string().optional(),
  BITRIX24_CLIENT_SECRET: z.string().optional(),
  BITRIX24_OAUTH_URLS: list(HINT_ORIGINS, isOrigin).default([
    'https://oauth.bitrix.info',
    'https://oauth.bitrix24.tech',
  ]),
  BX24_SCRIPT_URL: text(HINT_SCRIPT, isScript).default('https://api.bitrix24.com/api/v1/'),
  ALLOW_INSECURE_PORTALS: z.stringbool('expected true or false').default(false),
  ENCRYPTION_KEY: list(HINT_KEY, isKey).default([]),
  ADMIN_API_KEY: text('expected visible ASCII characters without spaces', (key) => /^[!-~]+$/.test(key)).optional(),
  ROLE: choice(['web', 'worker', 'all']).default('all'),
  LOG_LEVEL: choice(['error', 'warn', 'info', 'debug']).default('info'),
  LOG_FORMAT: choice(['json', 'pretty']).optional(),
  EGRESS_ALLOW: list('expected a comma list of CIDRs such as 10.0.0.0/8 or fd00::/8', isCidr).default([]),
});

export const CONFIG_KEYS = Object.keys(schema.shape);

type Environment = Record<string, string | undefined>;

/** @throws ConfigError with all faults at once. An empty variable counts as unset. */
export function readConfig(env: Environment, facts: { isTerminal: boolean }): Config {
  const given = Object.fromEntries(CONFIG_KEYS.map((key) => [key, env[key]?.trim() || undefined]));
  const result = schema.safeParse(given);
  const faults = [
    ...(result.error?.issues ?? []).map((issue) => `${issue.path.join('.')}: ${issue.message}`),
    ...faultsBetween(given),
  ];
  if (!result.success || faults.length > 0) {
    throw new ConfigError(['The environment is not usable:', ...faults].join('\n  '));
  }
  return toConfig(result.data, facts);
}

/** What is known once the server listens on `port`: with PORT=0 the public URL follows unless it was given. */
export function listeningOn(config: Config, port: number): Config {
  const isDefault = config.publicUrl === localUrl(config.port);
  return { ...config, port, publicUrl: isDefault ? localUrl(port) : config.publicUrl };
}

/** Asked of the raw variables, so that one bad variable does not hide these faults. */
function faultsBetween(given: Environment): string[] {
  const { BITRIX24_CLIENT_ID: clientId, BITRIX24_CLIENT_SECRET: clientSecret } = given;
  const faults: string[] = [];
  if (clientId && !clientSecret) faults.push('BITRIX24_CLIENT_SECRET: required together with BITRIX24_CLIENT_ID');
  if (clientSecret && !clientId) faults.push('BITRIX24_CLIENT_ID: required together with BITRIX24_CLIENT_SECRET');
  if ((clientId || clientSecret) && !given.ENCRYPTION_KEY) {
    faults.push(`ENCRYPTION_KEY: required outside sandbox mode, ${HINT_KEY}`);
  }
  const insecure = schema.shape.ALLOW_INSECURE_PORTALS.safeParse(given.ALLOW_INSECURE_PORTALS).data === true;
  const origins = itemsOf(given.BITRIX24_OAUTH_URLS ?? '');
  if (!insecure && origins.some((origin) => isOrigin(origin) && !/^https:/i.test(origin))) {
    faults.push(`BITRIX24_OAUTH_URLS: ${HINT_ORIGINS} (http only with ALLOW_INSECURE_PORTALS=true)`);
  }
  return faults;
}

function toConfig(env: z.output<typeof schema>, facts: { isTerminal: boolean }): Config {
  const port = Number(env.PORT);
  return {
    host: env.HOST,
    port,
    publicUrl: env.PUBLIC_URL === undefined ? localUrl(port) : new URL(env.PUBLIC_URL).href.replace(/\/+$/, ''),
    databaseUrl: env.DATABASE_URL,
    dataDir: env.DATA_DIR,
    bitrix24:
      env.BITRIX24_CLIENT_ID && env.BITRIX24_CLIENT_SECRET
        ? { clientId: env.BITRIX24_CLIENT_ID, clientSecret: env.BITRIX24_CLIENT_SECRET }
        : undefined,
    oauthUrls: [...new Set(env.BITRIX24_OAUTH_URLS.map((origin) => new URL(origin).origin))],
    bx24Script: env.BX24_SCRIPT_URL,
    allowInsecurePortals: env.ALLOW_INSECURE_PORTALS,
    encryptionKeys: env.ENCRYPTION_KEY.map((key) => Buffer.from(key, 'base64')),
    adminApiKey: env.ADMIN_API_KEY,
    role: env.ROLE,
    log: { level: env.LOG_LEVEL, format: env.LOG_FORMAT ?? (facts.isTerminal ? 'pretty' : 'json') },
    egressAllow: env.EGRESS_ALLOW,
  };
}

function localUrl(port: number): string {
  return `http://127.0.0.1:${port}`;
}

function itemsOf(value: string): string[] {
  return value
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
}

function isBaseUrl(value: string): boolean {
  if (!URL.canParse(value) || /[?#]/.test(value)) return false;
  const url = new URL(value);
  return /^https?:$/.test(url.protocol) && url.username === '' && url.password === '';
}

function isScript(value: string): boolean {
  return /^\/[\w./-]+$/.test(value) ? !value.startsWith('//') : isBaseUrl(value) && /^https:/i.test(value);
}

function isOrigin(value: string): boolean {
  return isBaseUrl(value) && new URL(value).pathname === '/';
}

function isPostgresUrl(value: string): boolean {
  return /^postgres(ql)?:\/\//i.test(value) && URL.canParse(value);
}

/** Base64 of 32 bytes is 43 characters and one `=`; Node would skip strays and shorten the key. */
function isKey(value: string): boolean {
  return /^[A-Za-z0-9+/_-]{43}=?$/.test(value) && Buffer.from(value, 'base64').length === KEY_BYTES;
}

function isCidr(value: string): boolean {
  const [address = '', prefix = '', ...rest] = value.split('/');
  const bits = { 0: -1, 4: 32, 6: 128 }[isIP(address)] ?? -1;
  return rest.length === 0 && !address.includes('%') && /^\d{1,3}$/.test(prefix) && Number(prefix) <= bits;
}
