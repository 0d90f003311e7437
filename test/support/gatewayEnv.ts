import { randomBytes } from 'node:crypto';
import type { Sandbox } from '../../src/sandbox/sandbox.ts';

/** The administration's key of every gateway of the tests. */
export const ADMIN_KEY = 'ocg_test-key';

/** Environment of a gateway for an application of a sandbox; on any free port, with an encryption key of its own. */
export const gatewayEnv = (
  sandbox: Sandbox,
  { clientId, clientSecret }: { clientId: string; clientSecret: string },
  databaseUrl: string,
) => ({
  PORT: '0',
  DATABASE_URL: databaseUrl,
  BITRIX24_CLIENT_ID: clientId,
  BITRIX24_CLIENT_SECRET: clientSecret,
  BITRIX24_OAUTH_URLS: new URL(sandbox.oauthUrl).origin,
  ALLOW_INSECURE_PORTALS: 'true',
  ENCRYPTION_KEY: randomBytes(32).toString('base64'),
  ADMIN_API_KEY: ADMIN_KEY,
  // Stand-ins of messengers listen on the loopback.
  EGRESS_ALLOW: '127.0.0.0/8',
});
