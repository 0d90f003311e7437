import axios from 'axios';
import { createSandbox, type Sandbox } from '../src/sandbox/sandbox.ts';
import { type GatewayProcess, signed, startDatabase, startGateway } from './parts.ts';
import { until } from './portal.ts';

/** What has piled up for ten portals, worked off by one, two and four processes that share a database. */

const PORTALS = 10;
const CONVERSATIONS = 20;
/** Of each conversation. All of a portal fit into its bucket: what is measured is the gateway, not the limit. */
const MESSAGES = 10;
const PROCESSES = [1, 2, 4];

export interface ProcessesResult {
  /** Messages per second by number of processes: from the first call that arrived to the last one. */
  perSecond: Record<number, number>;
  /** Against one process. */
  ratio: Record<number, number>;
  outOfOrder: number;
}

interface Site {
  sandbox: Sandbox;
  databaseUrl: string;
  clientSecret: string;
  webhookUrl: string;
  secret: string;
}

interface Item {
  id: string;
  setUpAt: string | null;
  code: string;
  state: string;
}

const list = async ({ api }: GatewayProcess, path: string): Promise<Item[]> =>
  (await api.get<{ items: Item[] }>(path)).data.items;

/** Ten portals with a line each, and conversations that are mapped to them. */
async function prepare(databaseUrl: string): Promise<Site> {
  const sandbox = await createSandbox();
  const application = sandbox.addApplication({ clientId: 'local.bench' });
  const { clientSecret } = application;
  const gateway = await startGateway(databaseUrl, { sandbox, clientSecret });
  for (let n = 0; n < PORTALS; n++) {
    const portal = await sandbox.addPortal({ memberId: `p-${n}`, plan: 'enterprise' });
    portal.install({ ...application, eventsUrl: `${gateway.url}/bitrix24/events` });
  }
  const { data } = await gateway.api.post<{ webhookUrl: string; webhookSecret: string }>('/messengers', {
    slug: 'bench',
    name: 'Bench',
  });
  await until(async () => {
    const portals = await list(gateway, '/portals');
    return portals.length === PORTALS && portals.every(({ setUpAt }) => setUpAt !== null);
  });
  for (const [index, { id }] of (await list(gateway, '/portals')).entries()) {
    const connectors = (): Promise<Item[]> => list(gateway, `/portals/${id}/connectors`);
    await until(async () => (await connectors())[0]?.state === 'ready');
    const body = { portalId: id, messenger: 'bench', connector: (await connectors())[0]?.code, lineId: 1 };
    const { data: channel } = await gateway.api.post<Item>('/channels', { ...body, autoMap: false });
    for (let n = 0; n < CONVERSATIONS; n++) {
      const conversation = { channelId: channel.id, externalId: `c-${index}-${n}`, kind: 'group' };
      await gateway.api.post('/conversations', conversation);
    }
  }
  await gateway.stop();
  return { sandbox, databaseUrl, clientSecret, webhookUrl: data.webhookUrl, secret: data.webhookSecret };
}

const message = (conversation: string, n: number): object => ({
  id: `${conversation}-${n}`,
  type: 'message.created',
  timestamp: new Date().toISOString(),
  data: {
    conversation: { id: conversation },
    sender: { id: `u-${conversation}`, name: 'Bench' },
    message: { id: `${conversation}-${n}`, text: `No ${n}` },
  },
});

/** Nobody works it off yet. */
async function pileUp(site: Site): Promise<GatewayProcess> {
  const door = await startGateway(site.databaseUrl, { ...site, role: 'web' });
  const { pathname } = new URL(site.webhookUrl);
  for (let n = 0; n < MESSAGES; n++) {
    const ids = Array.from(
      { length: PORTALS * CONVERSATIONS },
      (_, k) => `c-${k % PORTALS}-${Math.floor(k / PORTALS)}`,
    );
    for (let from = 0; from < ids.length; from += 100) {
      const events = ids.slice(from, from + 100).map((id) => message(id, n));
      const { body, headers } = signed(site.secret, JSON.stringify(events));
      await axios.post(`${door.url}${pathname}`, body, { headers });
    }
  }
  return door;
}

const sends = ({ sandbox }: Site) =>
  [...sandbox.portals.values()].flatMap((portal) => portal.ledger.entries({ method: 'imconnector.send.messages' }));

const disordered = ({ sandbox }: Site): number =>
  [...sandbox.portals.values()]
    .flatMap((portal) => portal.state().dialogs)
    .filter(({ messages }) => {
      const said = messages.filter(({ text }) => text.startsWith('No '));
      return said.length !== MESSAGES || said.some(({ text }, n) => text !== `No ${n}`);
    }).length;

async function workOff(processes: number): Promise<{ perSecond: number; outOfOrder: number }> {
  const database = await startDatabase();
  const databaseUrl = await database.migrated('processes');
  const site = await prepare(databaseUrl);
  const door = await pileUp(site);
  const workers = await Promise.all(
    Array.from({ length: processes }, () => startGateway(databaseUrl, { ...site, role: 'worker' })),
  );
  const total = PORTALS * CONVERSATIONS * MESSAGES;
  await until(() => sends(site).length >= total);
  const times = sends(site).map(({ at }) => at);
  // Not by spreading: there are thousands.
  const [first, last] = [times.reduce((a, b) => Math.min(a, b)), times.reduce((a, b) => Math.max(a, b))];
  const outOfOrder = disordered(site);
  await Promise.all([door, ...workers].map((one) => one.stop()));
  await site.sandbox.close();
  await database.close();
  return { perSecond: total / ((last - first) / 1000), outOfOrder };
}

export async function processes(): Promise<ProcessesResult> {
  const result: ProcessesResult = { perSecond: {}, ratio: {}, outOfOrder: 0 };
  for (const count of PROCESSES) {
    const { perSecond, outOfOrder } = await workOff(count);
    result.perSecond[count] = perSecond;
    result.ratio[count] = perSecond / (result.perSecond[1] ?? perSecond);
    result.outOfOrder += outOfOrder;
  }
  return result;
}
