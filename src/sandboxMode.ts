import { randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import axios, { type AxiosInstance } from 'axios';
import type { Gateway } from './app.ts';
import { type Sandbox, createSandbox } from './sandbox/sandbox.ts';

/**
 * Without credentials of a Bitrix24 application the gateway brings a portal of its own, and connects itself to it the
 * way an integrator would: installed through the real door, everything else over the administration API.
 */
export interface SandboxMode {
  clientId: string;
  clientSecret: string;
  oauthUrl: string;
  /** Path of the portal's stand-in for BX24.js. */
  bx24Script: string;
  /** Installs the gateway on the portal where that is still to be done, and wires the messenger `demo`. */
  connect(gateway: Gateway): Promise<Demo>;
  stop(): Promise<void>;
}

/** What a person or program needs to try the gateway. Kept in the data directory for `npm run demo`. */
export interface Demo {
  gatewayUrl: string;
  webhookUrl: string;
  webhookSecret: string;
  apiKey: string;
  portalUrl: string;
  /** Base of the portal's control API. */
  controlUrl: string;
}

const CLIENT_ID = 'local.open-channel-gateway';
const MEMBER_ID = 'sandbox';
const LINE_ID = 1;
const READY_WITHIN_MS = 30_000;

export const demoFile = (dataDir: string): string => path.join(dataDir, 'demo.json');

export async function startSandboxMode(dataDir: string): Promise<SandboxMode> {
  const sandbox = await createSandbox({ stateFile: path.join(dataDir, 'sandbox.jsonl') });
  const clientSecret = randomBytes(25).toString('hex');
  return {
    clientId: CLIENT_ID,
    clientSecret,
    oauthUrl: new URL(sandbox.oauthUrl).origin,
    bx24Script: '/bx24.js',
    connect: (gateway) => connect(sandbox, gateway, clientSecret, dataDir),
    stop: () => sandbox.close(),
  };
}

async function connect(sandbox: Sandbox, gateway: Gateway, clientSecret: string, dataDir: string): Promise<Demo> {
  const portal = await sandbox.addPortal({ memberId: MEMBER_ID });
  const apiKey = await gateway.issueKey('demo', ['write']);
  const api = axios.create({
    baseURL: `${gateway.publicUrl}/admin/v1`,
    headers: { authorization: `Bearer ${apiKey}` },
    timeout: 15_000,
  });
  const application = sandbox.addApplication({
    clientId: CLIENT_ID,
    clientSecret,
    title: 'Open Channel Gateway',
    eventsUrl: `${gateway.publicUrl}/bitrix24/events`,
    pageUrl: `${gateway.publicUrl}/bitrix24/app`,
    connectorUrl: `${gateway.publicUrl}/bitrix24/connector`,
  });
  // Also after a restart at other addresses: the new installation brings them, as it would on a moved portal.
  if (!(await isInstalled(api, portal.restUrl, gateway.publicUrl, dataDir))) portal.install(application);
  const { portalId, connector } = await untilWired(api, portal.restUrl);
  const { webhookUrl, webhookSecret } = await ensureMessenger(api, dataDir);
  await ensureChannel(api, portalId, connector);
  const { controlUrl, url: portalUrl } = portal;
  const demo = { gatewayUrl: gateway.publicUrl, webhookUrl, webhookSecret, apiKey, portalUrl, controlUrl };
  await writeFile(demoFile(dataDir), JSON.stringify(demo, null, 2), { mode: 0o600 });
  return demo;
}

interface PortalView {
  id: string;
  memberId: string;
  clientEndpoint: string;
  state: string;
  setUpAt: string | null;
}
interface WiringView {
  code: string;
  state: string;
}

const items = async <T>(api: AxiosInstance, url: string): Promise<T[]> =>
  (await api.get<{ items: T[] }>(url)).data.items;

const findPortal = async (api: AxiosInstance): Promise<PortalView | undefined> =>
  (await items<PortalView>(api, '/portals')).find((portal) => portal.memberId === MEMBER_ID);

async function isInstalled(api: AxiosInstance, restUrl: string, publicUrl: string, dataDir: string): Promise<boolean> {
  const known = await findPortal(api);
  const before = await readDemo(dataDir);
  return known?.clientEndpoint === restUrl && known.state === 'active' && before?.gatewayUrl === publicUrl;
}

/** The installation is answered at once and worked off by jobs: events bound, connector and bot registered. */
async function untilWired(api: AxiosInstance, restUrl: string): Promise<{ portalId: string; connector: string }> {
  const deadline = Date.now() + READY_WITHIN_MS;
  for (;;) {
    const portal = await findPortal(api);
    if (portal?.clientEndpoint === restUrl && portal.setUpAt !== null) {
      const [connector] = await items<WiringView>(api, `/portals/${portal.id}/connectors`);
      const [bot] = await items<WiringView>(api, `/portals/${portal.id}/bots`);
      if (connector?.state === 'ready' && bot?.state === 'ready')
        return { portalId: portal.id, connector: connector.code };
    }
    if (Date.now() > deadline) throw new Error('the sandbox portal was not wired in time; the log tells why');
    await sleep(50);
  }
}

async function ensureMessenger(
  api: AxiosInstance,
  dataDir: string,
): Promise<{ webhookUrl: string; webhookSecret: string }> {
  interface MessengerView {
    slug: string;
    webhookUrl: string;
    webhookSecret?: string;
  }
  const known = (await items<MessengerView>(api, '/messengers')).find(({ slug }) => slug === 'demo');
  if (!known) {
    const { data } = await api.post<MessengerView>('/messengers', { slug: 'demo', name: 'Demo messenger' });
    return { webhookUrl: data.webhookUrl, webhookSecret: data.webhookSecret ?? '' };
  }
  const before = await readDemo(dataDir);
  if (before) return { webhookUrl: known.webhookUrl, webhookSecret: before.webhookSecret };
  // A secret is shown once. Whoever lost it makes another.
  const { data } = await api.post<{ secret: string }>('/messengers/demo/secrets', { kind: 'webhook' });
  return { webhookUrl: known.webhookUrl, webhookSecret: data.secret };
}

async function ensureChannel(api: AxiosInstance, portalId: string, connector: string): Promise<void> {
  const channels = await items<{ messenger: string }>(api, '/channels');
  if (channels.some(({ messenger }) => messenger === 'demo')) return;
  const companion = { mode: 'onFirstMessage' };
  await api.post('/channels', { portalId, messenger: 'demo', connector, lineId: LINE_ID, companion });
}

async function readDemo(dataDir: string): Promise<Demo | undefined> {
  const text = await readFile(demoFile(dataDir), 'utf8').catch(() => undefined);
  return text === undefined ? undefined : (JSON.parse(text) as Demo);
}
