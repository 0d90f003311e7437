import { createDatabase } from '../src/db/database.ts';
import { createSecret } from '../src/messenger/signature.ts';
import { setTimeout as sleep } from 'node:timers/promises';
import { type GatewayProcess, type Load, load, median, startDatabase, startGateway, startProcess } from './parts.ts';

/** Durable webhooks per second against what an Express route does that stores nothing, in turns. */

const ROUNDS = 3;
const SECONDS = 5;

export interface IngestResult {
  loads: Record<string, Load>;
  ratios: Record<string, number>;
  memoryMb: number;
}

export async function ingest(): Promise<IngestResult> {
  const database = await startDatabase();
  const url = await database.migrated('ingest');
  // A database of its own each: what one process stores, another one would work off on the same cores.
  const workedOff = await database.migrated('worked_off');
  const gateway = await startGateway(url, { role: 'web' });
  const all = await startGateway(workedOff, { role: 'all' });
  const create = async (one: typeof gateway): Promise<string> =>
    (await one.api.post<{ webhookSecret: string }>('/messengers', { slug: 'bench', name: 'Bench' })).data.webhookSecret;
  const [webSecret, allSecret] = [await create(gateway), await create(all)];
  const messengerId = await idOf(url);
  const env = { SECRET: createSecret(), DATABASE_URL: url, MESSENGER_ID: messengerId };
  const floors = await Promise.all(
    ['http', 'express', 'prisma'].map((kind) => startProcess(['--import', 'tsx', 'bench/floors.ts', kind], env)),
  );
  const [http, express, prisma] = floors;
  const contestants: [string, number, string][] = [
    ['bare http, no database', http?.port ?? 0, env.SECRET],
    ['Express, no database', express?.port ?? 0, env.SECRET],
    ['Express + one Prisma insert', prisma?.port ?? 0, env.SECRET],
    ['gateway, ROLE=web', gateway.port, webSecret],
    ['gateway, ROLE=all', all.port, allSecret],
  ];
  const runs = new Map<string, Load[]>(contestants.map(([name]) => [name, []]));
  for (const [, port, secret] of contestants) await load(port, secret, 2);
  for (let round = 0; round < ROUNDS; round++) {
    for (const [name, port, secret] of contestants) {
      runs.get(name)?.push(await load(port, secret, SECONDS));
      if (port === all.port) await idle(all);
    }
  }
  const memoryMb = await all.memory();
  await Promise.all([...floors, gateway, all].map((one) => one.stop()));
  await database.close();
  const loads = Object.fromEntries([...runs].map(([name, results]) => [name, typical(results)]));
  const rate = (name: string): number => loads[name]?.perSecond ?? Number.NaN;
  return {
    loads,
    ratios: {
      'gateway (web) / Express without a database (bar: 0.8)': rate('gateway, ROLE=web') / rate('Express, no database'),
      'gateway (web) / one Prisma insert (bar: 1)': rate('gateway, ROLE=web') / rate('Express + one Prisma insert'),
      'gateway (all) / Express without a database': rate('gateway, ROLE=all') / rate('Express, no database'),
    },
    memoryMb,
  };
}

const typical = (results: readonly Load[]): Load => ({
  perSecond: median(results.map((one) => one.perSecond)),
  p50: median(results.map((one) => one.p50)),
  p99: median(results.map((one) => one.p99)),
  failed: results.reduce((sum, one) => sum + one.failed, 0),
});

/** What the last load left to do must not disturb the next one. */
async function idle({ api }: GatewayProcess): Promise<void> {
  for (;;) {
    const states = ['waiting', 'running'].map((state) =>
      api.get<{ items: unknown[] }>('/jobs', { params: { state, limit: 1 } }),
    );
    if ((await Promise.all(states)).every(({ data }) => data.items.length === 0)) return;
    await sleep(200);
  }
}

async function idOf(url: string): Promise<string> {
  const db = createDatabase({ url, connections: 1 });
  const { id } = await db.prisma.messenger.findUniqueOrThrow({ where: { slug: 'bench' } });
  await db.close();
  return id;
}
