import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createClient } from '../../../src/bitrix24/client.ts';
import { createOAuth, type OAuth } from '../../../src/bitrix24/oauth.ts';
import { createPortalCall, type Call } from '../../../src/bitrix24/portalApi.ts';
import { createTokens, type Grant, type GrantStore, type Tokens } from '../../../src/bitrix24/tokens.ts';
import { readInstallEvent, verifyInstall, type VerifiedInstall } from '../../../src/bitrix24/installation.ts';
import { parseForm } from '../../../src/bitrix24/events.ts';
import type { FormValue } from '../../../src/bitrix24/form.ts';
import { silentLogger } from '../../../src/kit/logger.ts';
import type { SandboxPortal } from '../../../src/sandbox/portalHandle.ts';
import { createSandbox, type NewPortal, type Sandbox } from '../../../src/sandbox/sandbox.ts';

export interface Connected {
  sandbox: Sandbox;
  portal: SandboxPortal;
  clientId: string;
  /** Forms of the events the portal posted, in their order. */
  posted: FormValue[];
  eventsUrl: string;
  install: VerifiedInstall;
  oauth: OAuth;
  tokens: Tokens;
  call: Call;
  /** REST bases the portal answered from instead. */
  moves: string[];
  grant(): Grant;
  close(): Promise<void>;
}

/** A sandbox portal with our application installed by the genuine event, and everything of this floor around it. */
export async function connectSandbox(portalOptions: NewPortal = {}): Promise<Connected> {
  const sandbox = await createSandbox();
  const portal = await sandbox.addPortal({ requestLimit: 'off', ...portalOptions });
  const posted: FormValue[] = [];
  const handler = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      posted.push(parseForm(Buffer.concat(chunks).toString('utf8')));
      response.end();
    });
  });
  await new Promise<void>((resolve) => handler.listen(0, '127.0.0.1', resolve));
  const eventsUrl = `http://127.0.0.1:${(handler.address() as AddressInfo).port}/events`;
  const { clientId, clientSecret } = sandbox.addApplication({ eventsUrl, pageUrl: eventsUrl });
  portal.install(clientId);
  await portal.events.idle();

  const { clock } = sandbox;
  const oauth = createOAuth({ clientId, clientSecret, trustedServers: [sandbox.oauthUrl], clock, log: silentLogger });
  const install = await verifyInstall(readInstallEvent(posted[0] ?? ''), {
    oauth,
    clientId,
    allowInsecure: true,
    clock,
  });
  const { grant, store } = memoryStore(install);
  const tokens = createTokens({ oauth, store, clock });
  const client = createClient({
    clock,
    log: silentLogger,
    allowInsecure: true,
    userAgent: 'gateway/0.1',
    timeoutMs: 2_000,
  });
  const moves: string[] = [];
  return {
    sandbox,
    portal,
    clientId,
    posted,
    eventsUrl,
    install,
    oauth,
    tokens,
    call: createPortalCall({
      client,
      tokens,
      onMoved: (endpoint) => (moves.push(endpoint), Promise.resolve()),
    }),
    moves,
    grant,
    async close() {
      client.close();
      oauth.close();
      await sandbox.close();
      await new Promise((resolve) => {
        handler.close(resolve);
        handler.closeAllConnections();
      });
    },
  };
}

function memoryStore(install: VerifiedInstall): { grant: () => Grant; store: GrantStore } {
  let grant: Grant = { id: 'g', ...install, endpoint: install.clientEndpoint };
  return {
    grant: () => grant,
    store: {
      read: () => Promise.resolve(grant),
      exclusively: (work) =>
        work(grant, (pair) => {
          grant = { id: 'g', ...pair, endpoint: pair.clientEndpoint };
          return Promise.resolve();
        }),
      lost: () => Promise.resolve(),
      setAside: () => Promise.resolve(false),
    },
  };
}
