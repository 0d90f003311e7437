import { readFileSync } from 'node:fs';
import { parseEnv } from 'node:util';
import fc from 'fast-check';
import { type Config, CONFIG_KEYS, ConfigError, listeningOn, readConfig } from '../../src/config.ts';

type Environment = Record<string, string | undefined>;

const read = (env: Environment, isTerminal = false): Config => readConfig(env, { isTerminal });
const key = Buffer.alloc(32, 1).toString('base64');
const otherKey = Buffer.alloc(32, 2).toString('base64');
const application = { BITRIX24_CLIENT_ID: 'local.1', BITRIX24_CLIENT_SECRET: 's3cret', ENCRYPTION_KEY: key };

/** The variables an environment is refused for. */
function faultsOf(env: Environment): string[] {
  return messageOf(env)
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(':')[0]!);
}

function messageOf(env: Environment): string {
  try {
    read(env);
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
  throw new Error('the environment was accepted');
}

describe('an empty environment', () => {
  it('is the sandbox with every default', () => {
    expect(read({})).toEqual({
      host: '127.0.0.1',
      port: 3000,
      publicUrl: 'http://127.0.0.1:3000',
      dataDir: './.data',
      oauthUrls: ['https://oauth.bitrix.info', 'https://oauth.bitrix24.tech'],
      bx24Script: 'https://api.bitrix24.com/api/v1/',
      allowInsecurePortals: false,
      encryptionKeys: [],
      role: 'all',
      log: { level: 'info', format: 'json' },
      egressAllow: [],
    });
  });

  it('is what empty and blank variables mean, and variables that are not ours', () => {
    const blank = Object.fromEntries(CONFIG_KEYS.map((name, n) => [name, n % 2 ? '' : ' ']));
    expect(read({ ...blank, PATH: '/bin', PORTS: 'x' })).toEqual(read({}));
  });

  it('logs for people on a terminal', () => {
    expect(read({}, true).log.format).toBe('pretty');
    expect(read({ LOG_FORMAT: 'json' }, true).log.format).toBe('json');
  });
});

it('a full environment is understood', () => {
  const env = {
    ...application,
    HOST: '0.0.0.0',
    PORT: ' 8080 ',
    PUBLIC_URL: 'https://gw.example.com/bridge/',
    DATABASE_URL: 'postgresql://u:p@db:5432/gateway',
    DATA_DIR: '/var/lib/gateway',
    BITRIX24_OAUTH_URLS: 'https://oauth.example.com/, https://oauth.example.com,https://two.example.com:8443',
    BX24_SCRIPT_URL: '/bx24.js',
    ALLOW_INSECURE_PORTALS: 'TRUE',
    ENCRYPTION_KEY: `${key}, ${otherKey}`,
    ADMIN_API_KEY: 'k',
    ROLE: 'worker',
    LOG_LEVEL: 'debug',
    LOG_FORMAT: 'pretty',
    EGRESS_ALLOW: '10.0.0.0/8, fd00::/8,127.0.0.1/32',
  };
  expect(read(env)).toEqual({
    host: '0.0.0.0',
    port: 8080,
    publicUrl: 'https://gw.example.com/bridge',
    databaseUrl: 'postgresql://u:p@db:5432/gateway',
    dataDir: '/var/lib/gateway',
    bitrix24: { clientId: 'local.1', clientSecret: 's3cret' },
    oauthUrls: ['https://oauth.example.com', 'https://two.example.com:8443'],
    bx24Script: '/bx24.js',
    allowInsecurePortals: true,
    encryptionKeys: [Buffer.alloc(32, 1), Buffer.alloc(32, 2)],
    adminApiKey: 'k',
    role: 'worker',
    log: { level: 'debug', format: 'pretty' },
    egressAllow: ['10.0.0.0/8', 'fd00::/8', '127.0.0.1/32'],
  });
});

describe('the public URL', () => {
  it('follows the port unless it is given', () => {
    expect(read({ PORT: '4000' }).publicUrl).toBe('http://127.0.0.1:4000');
    const free = read({ PORT: '0' });
    expect(listeningOn(free, 50123)).toEqual({ ...free, port: 50123, publicUrl: 'http://127.0.0.1:50123' });
    const given = read({ PORT: '0', PUBLIC_URL: 'https://gw.example.com' });
    expect(listeningOn(given, 50123)).toEqual({ ...given, port: 50123 });
  });
});

describe('a bad variable', () => {
  it.each([
    ['HOST', 'http://localhost'],
    ['HOST', 'a b'],
    ['PORT', '65536'],
    ['PORT', '-1'],
    ['PORT', '3e3'],
    ['PORT', '80.5'],
    ['PUBLIC_URL', 'gw.example.com'],
    ['PUBLIC_URL', 'ftp://gw.example.com'],
    ['PUBLIC_URL', 'https://user:pass@gw.example.com'],
    ['PUBLIC_URL', 'https://gw.example.com/?a=1'],
    ['PUBLIC_URL', 'https://gw.example.com/#'],
    ['DATABASE_URL', 'mysql://u:p@db/gateway'],
    ['DATABASE_URL', 'postgresql:db'],
    ['BITRIX24_OAUTH_URLS', 'http://oauth.example.com'],
    ['BITRIX24_OAUTH_URLS', 'https://oauth.example.com/token'],
    ['BITRIX24_OAUTH_URLS', 'oauth.example.com'],
    ['BITRIX24_OAUTH_URLS', ','],
    ['ALLOW_INSECURE_PORTALS', 'maybe'],
    ['ENCRYPTION_KEY', Buffer.alloc(31).toString('base64')],
    ['ENCRYPTION_KEY', Buffer.alloc(33).toString('base64')],
    ['ENCRYPTION_KEY', 'x'.repeat(32)],
    ['ENCRYPTION_KEY', `${key},short`],
    ['ENCRYPTION_KEY', `${key.slice(0, 20)} ${key.slice(20)}`],
    ['ADMIN_API_KEY', 'two words'],
    ['ADMIN_API_KEY', 'ключ'],
    ['ROLE', 'master'],
    ['LOG_LEVEL', 'verbose'],
    ['LOG_FORMAT', 'xml'],
    ['BX24_SCRIPT_URL', 'http://api.example.com/bx24.js'],
    ['BX24_SCRIPT_URL', '//evil.example/bx24.js'],
    ['BX24_SCRIPT_URL', 'script.js'],
    ['EGRESS_ALLOW', '10.0.0.1'],
    ['EGRESS_ALLOW', '10.0.0.0/33'],
    ['EGRESS_ALLOW', '10.0.0.0/8/8'],
    ['EGRESS_ALLOW', '10.0.0/8'],
    ['EGRESS_ALLOW', 'fe80::1%eth0/64'],
    ['EGRESS_ALLOW', 'fd00::/129'],
    ['EGRESS_ALLOW', '10.0.0.0/8,intranet'],
  ])('%s=%s is refused by name, once, and not repeated', (name, value) => {
    const message = messageOf({ [name]: value });
    expect(faultsOf({ [name]: value })).toEqual([name]);
    if (value.length > 5) expect(message).not.toContain(value);
  });

  it('does not hide the others', () => {
    const env = { PORT: 'x', ROLE: 'y', BITRIX24_CLIENT_ID: 'id', EGRESS_ALLOW: 'z', BITRIX24_OAUTH_URLS: 'http://a' };
    expect(faultsOf(env).sort()).toEqual([
      'BITRIX24_CLIENT_SECRET',
      'BITRIX24_OAUTH_URLS',
      'EGRESS_ALLOW',
      'ENCRYPTION_KEY',
      'PORT',
      'ROLE',
    ]);
  });

  it('never shows in the message, whatever it is', () => {
    fc.assert(
      fc.property(fc.constantFrom(...CONFIG_KEYS), fc.string({ minLength: 12 }), (name, noise) => {
        const value = `zq${noise}qz`;
        try {
          read({ [name]: value });
        } catch (error) {
          expect(error).toBeInstanceOf(ConfigError);
          expect((error as Error).message).not.toContain(value);
        }
      }),
    );
  });
});

describe('the application', () => {
  it.each([
    ['the id alone', { BITRIX24_CLIENT_ID: 'id', ENCRYPTION_KEY: key }, ['BITRIX24_CLIENT_SECRET']],
    ['the secret alone', { BITRIX24_CLIENT_SECRET: 's3cret', ENCRYPTION_KEY: key }, ['BITRIX24_CLIENT_ID']],
    ['no key for its secrets', { ...application, ENCRYPTION_KEY: '' }, ['ENCRYPTION_KEY']],
    ['a bad key', { ...application, ENCRYPTION_KEY: 'short' }, ['ENCRYPTION_KEY']],
  ])('with %s is refused', (_what, env, faults) => {
    expect(faultsOf(env)).toEqual(faults);
    expect(messageOf(env)).not.toMatch(/s3cret|short/);
  });

  it('in the sandbox may have a key all the same', () => {
    expect(read({ ENCRYPTION_KEY: key })).toMatchObject({ bitrix24: undefined, encryptionKeys: [Buffer.alloc(32, 1)] });
  });

  it('may ask an OAuth server on http only where insecure portals are allowed', () => {
    const env = { BITRIX24_OAUTH_URLS: 'http://127.0.0.1:8081' };
    expect(faultsOf({ ...env, ALLOW_INSECURE_PORTALS: 'false' })).toEqual(['BITRIX24_OAUTH_URLS']);
    expect(read({ ...env, ALLOW_INSECURE_PORTALS: 'true' }).oauthUrls).toEqual(['http://127.0.0.1:8081']);
  });
});

describe('.env.example', () => {
  const example = parseEnv(readFileSync(new URL('../../.env.example', import.meta.url), 'utf8')) as Environment;

  it('has every variable and no other', () => {
    expect(Object.keys(example).sort()).toEqual([...CONFIG_KEYS].sort());
  });

  it('states the defaults', () => {
    expect(read(example)).toEqual(read({}));
  });
});
