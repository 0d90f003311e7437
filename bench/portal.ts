import { setTimeout as sleep } from 'node:timers/promises';
import axios from 'axios';
import { createDatabase } from '../src/db/database.ts';
import { createSandbox } from '../src/sandbox/sandbox.ts';
import {
  median,
  percentile,
  renamed,
  signed,
  startDatabase,
  startGateway,
  startProcess,
  type Database,
  type GatewayProcess,
} from './parts.ts';

/** Names on their way to a portal that keeps the limits of its plan. */

const RENAMES = 10_000;
const BURST = 1_000;
/** Each takes five seconds: renames that follow each other closely are one burst, and wait on purpose. */
const LATENCY_SAMPLES = 12;

export interface PortalResult {
  drain: { seconds: number; limitSeconds: number; ratio: number; requests: number; refused: number };
  burst: { calls: number; lastNameWins: boolean };
  latency: { gatewayP50: number; directP50: number; differenceMs: number };
}

export interface Site {
  database: Database;
  databaseUrl: string;
  gateway: GatewayProcess;
  sandbox: Awaited<ReturnType<typeof createSandbox>>;
  portal: Awaited<ReturnType<Awaited<ReturnType<typeof createSandbox>>['addPortal']>>;
  webhookUrl: string;
  secret: string;
  connector: string;
  channelId: string;
}

export async function until(check: () => Promise<boolean> | boolean, withinMs = 300_000): Promise<void> {
  const deadline = Date.now() + withinMs;
  while (!(await check())) {
    if (Date.now() > deadline) throw new Error('not reached in time');
    await sleep(20);
  }
}

export async function createSite(plan: 'standard' | 'enterprise'): Promise<Site> {
  const database = await startDatabase();
  const databaseUrl = await database.migrated('portal');
  const sandbox = await createSandbox();
  const portal = await sandbox.addPortal({ memberId: 'bench', plan });
  const application = sandbox.addApplication({ clientId: 'local.bench' });
  const gateway = await startGateway(databaseUrl, { sandbox, clientSecret: application.clientSecret });
  portal.install({ ...application, eventsUrl: `${gateway.url}/bitrix24/events` });
  const ready = async (): Promise<{ id: string; code: string } | undefined> => {
    const { data } = await gateway.api.get<{ items: { id: string }[] }>('/portals');
    const [found] = data.items;
    if (!found) return undefined;
    const connectors = await gateway.api.get<{ items: { code: string; state: string }[] }>(
      `/portals/${found.id}/connectors`,
    );
    const [connector] = connectors.data.items;
    return connector?.state === 'ready' ? { id: found.id, code: connector.code } : undefined;
  };
  await until(async () => (await ready()) !== undefined);
  const wired = await ready();
  const { data: messenger } = await gateway.api.post<{ webhookUrl: string; webhookSecret: string }>('/messengers', {
    slug: 'bench',
    name: 'Bench',
  });
  const connector = wired?.code ?? '';
  const channel = { portalId: wired?.id, messenger: 'bench', connector, lineId: 1 };
  const { data: created } = await gateway.api.post<{ id: string }>('/channels', channel);
  const { webhookUrl, webhookSecret: secret } = messenger;
  return { database, databaseUrl, gateway, sandbox, portal, webhookUrl, secret, connector, channelId: created.id };
}

export async function close(site: Site): Promise<void> {
  await site.gateway.stop();
  await site.sandbox.close();
  await site.database.close();
}

export const tokenOf = ({ portal }: Site): string =>
  portal.openPage('local.bench', { userId: 1, url: 'http://127.0.0.1/' }).fields.AUTH_ID ?? '';

/** Dialogs that exist already, on both sides, without a message for each through the limits. */
export async function seed(site: Site, count: number): Promise<void> {
  const auth = tokenOf(site);
  const ids = Array.from({ length: count }, (_, n) => `c-${n}`);
  for (let from = 0; from < count; from += 1_000) {
    const MESSAGES = ids.slice(from, from + 1_000).map((id) => ({
      user: { id: 'u-1', name: 'Bench' },
      message: { id: `m-${id}`, date: 1, text: 'Hello' },
      chat: { id },
    }));
    await axios.post(`${site.portal.restUrl}imconnector.send.messages`, {
      auth,
      CONNECTOR: site.connector,
      LINE: '1',
      MESSAGES,
    });
  }
  const chats = new Map(site.portal.state().dialogs.map((dialog) => [dialog.externalChatId, String(dialog.chatId)]));
  const db = createDatabase({ url: site.databaseUrl, connections: 1 });
  const messenger = await db.prisma.messenger.findUniqueOrThrow({ where: { slug: 'bench' } });
  // In portions: Prisma would send the parts of a large insert side by side on one connection.
  for (let from = 0; from < count; from += 500) {
    await db.prisma.conversation.createMany({
      data: ids.slice(from, from + 500).map((id) => ({
        channelId: site.channelId,
        messengerId: messenger.id,
        externalId: id,
        dialogKey: id,
        kind: 'group',
        chatId: chats.get(id) ?? null,
        sessionOpen: true,
      })),
    });
  }
  await db.close();
}

export const sendMany = async (
  site: Site,
  events: readonly { conversation: string; name: string }[],
): Promise<void> => {
  for (let from = 0; from < events.length; from += 100) {
    const batch = events.slice(from, from + 100).map(({ conversation, name }, index) => ({
      id: `${conversation}-${name}-${from + index}`,
      ...(JSON.parse(renamed(conversation, name)) as object),
    }));
    const { body, headers } = signed(site.secret, JSON.stringify(batch));
    await axios.post(site.webhookUrl, body, { headers });
  }
};

/** 10,000 renames of as many conversations, against the arithmetic limit: 200 batches, 50 at once, then 2 a second. */
async function drain(): Promise<PortalResult['drain']> {
  const site = await createSite('standard');
  await seed(site, RENAMES);
  // The seeding has used the portal's bucket: let it empty, on both sides.
  await sleep(30_000);
  site.portal.ledger.clear();
  const startedAt = performance.now();
  await sendMany(
    site,
    Array.from({ length: RENAMES }, (_, n) => ({ conversation: `c-${n}`, name: `Renamed ${n}` })),
  );
  await until(() => site.portal.ledger.entries({ method: 'imconnector.chat.name.set' }).length >= RENAMES);
  const seconds = (performance.now() - startedAt) / 1000;
  const calls = site.portal.ledger.entries({});
  const wrong = site.portal
    .state()
    .dialogs.filter(({ title, externalChatId }) => title !== `Renamed ${externalChatId.slice(2)}`);
  if (wrong.length > 0) throw new Error(`${wrong.length} dialogs have the wrong title`);
  const requests = calls.filter(({ batchKey }) => batchKey === undefined || batchKey === null).length;
  const refused = calls.filter(({ status }) => status === 503 || status === 429).length;
  await close(site);
  const limitSeconds = (RENAMES / 50 - 50) / 2;
  return { seconds, limitSeconds, ratio: seconds / limitSeconds, requests, refused };
}

async function burstAndLatency(): Promise<Pick<PortalResult, 'burst' | 'latency'>> {
  const site = await createSite('enterprise');
  await seed(site, 2);
  const names = (): number => site.portal.ledger.entries({ method: 'imconnector.chat.name.set' }).length;
  const settledAt = async (name: string, chat: string): Promise<number> => {
    await until(() => site.portal.state().dialogs.some((one) => one.externalChatId === chat && one.title === name));
    return site.portal.ledger.entries({ method: 'imconnector.chat.name.set' }).at(-1)?.at ?? Number.NaN;
  };

  const gatewayMs: number[] = [];
  const directMs: number[] = [];
  const direct = await startProcess(['--import', 'tsx', 'bench/floors.ts', 'direct'], {
    SECRET: site.secret,
    PORTAL_URL: site.portal.restUrl.replace(/\/$/, ''),
    TOKEN: tokenOf(site),
    CONNECTOR: site.connector,
  });
  for (let n = 0; n < LATENCY_SAMPLES; n++) {
    for (const [url, samples, chat] of [
      [site.webhookUrl, gatewayMs, 'c-0'],
      [`http://127.0.0.1:${direct.port}/webhooks/bench`, directMs, 'c-1'],
    ] as const) {
      const name = `Latency ${n}`;
      const { body, headers } = signed(site.secret, renamed(chat, name));
      const sentAt = Date.now();
      await axios.post(url, body, { headers });
      samples.push((await settledAt(name, chat)) - sentAt);
    }
    await sleep(5_100);
  }
  await direct.stop();

  await sleep(5_100);
  const before = names();
  const webhooks = Array.from({ length: BURST }, (_, n) => signed(site.secret, renamed('c-0', `Burst ${n}`)));
  const at = Date.now();
  for (let from = 0; from < BURST; from += 50) {
    await Promise.all(
      webhooks.slice(from, from + 50).map((_, index) => {
        const n = from + index;
        const event = {
          type: 'conversation.renamed',
          timestamp: new Date(at + n).toISOString(),
          data: { conversation: { id: 'c-0', name: `Burst ${n}` } },
        };
        const { body, headers } = signed(site.secret, JSON.stringify(event));
        return axios.post(site.webhookUrl, body, { headers });
      }),
    );
  }
  await settledAt(`Burst ${BURST - 1}`, 'c-0');
  await sleep(2_000);
  const lastNameWins =
    site.portal.state().dialogs.find(({ externalChatId }) => externalChatId === 'c-0')?.title === `Burst ${BURST - 1}`;
  const calls = names() - before;
  await close(site);
  const [gatewayP50, directP50] = [median(gatewayMs), median(directMs)];
  return {
    burst: { calls, lastNameWins },
    latency: { gatewayP50, directP50, differenceMs: percentile(gatewayMs, 0.5) - percentile(directMs, 0.5) },
  };
}

export const portal = async (): Promise<PortalResult> => ({ ...(await burstAndLatency()), drain: await drain() });
