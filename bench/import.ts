import { Readable } from 'node:stream';
import axios from 'axios';
import express from 'express';
import { createImportStoring } from '../src/bridge/importStoring.ts';
import { createDatabase } from '../src/db/database.ts';
import { createAdminRouter } from '../src/http/admin/router.ts';
import { requestId } from '../src/http/requestId.ts';
import { systemClock } from '../src/kit/clock.ts';
import { silentLogger } from '../src/kit/logger.ts';
import { hashSecret } from '../src/kit/secrets.ts';
import { createGate } from '../src/outbox/gate.ts';
import { createOutbox } from '../src/outbox/outbox.ts';
import { createWake } from '../src/outbox/wake.ts';
import { createWorker, LEASE_MS } from '../src/outbox/worker.ts';
import { startDatabase } from './parts.ts';

/** How long 100,000 mappings take from the first byte of the file until they are stored, and the same file again. */

const LINES = 100_000;

export interface ImportResult {
  lines: number;
  /** Seconds. */
  upload: number;
  stored: number;
  again: number;
  memoryMb: number;
}

export async function imports(): Promise<ImportResult> {
  const database = await startDatabase();
  const url = await database.migrated('import');
  const db = createDatabase({ url });
  const wake = createWake({ db, log: silentLogger });
  const outbox = createOutbox({ db, wake });
  const gate = createGate({ sql: db.sql });
  const base = { clock: systemClock, log: silentLogger };
  const handlers = { importConversations: createImportStoring({ db, ...base }) };
  const worker = createWorker({ outbox, gate, wake, handlers, leaseMs: LEASE_MS, ...base });
  const channelId = await addChannel(db);
  const app = express();
  const unused = { portals: {}, vault: {}, publicUrl: () => '', onMessengerChanged() {} };
  app.use(requestId, createAdminRouter({ db, outbox, gate, ...base, ...unused } as never));
  const server = app.listen(0, '127.0.0.1');
  await wake.start();
  worker.start();
  const { port } = server.address() as { port: number };
  const api = axios.create({ baseURL: `http://127.0.0.1:${port}`, headers: { authorization: 'Bearer bench' } });

  async function once(): Promise<{ upload: number; stored: number }> {
    const startedAt = performance.now();
    const seconds = (): number => (performance.now() - startedAt) / 1_000;
    const { data } = await api.post<{ id: string }>('/conversations/import', Readable.from(file()), {
      params: { channelId },
      headers: { 'content-type': 'text/csv' },
      maxRedirects: 0,
      maxBodyLength: Infinity,
    });
    const upload = seconds();
    for (;;) {
      const run = await db.prisma.run.findUniqueOrThrow({ where: { id: data.id } });
      if (run.state === 'done') return { upload, stored: seconds() };
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  const first = await once();
  const { stored: again } = await once();
  const count = await db.prisma.conversation.count();
  if (count !== LINES) throw new Error(`${count} conversations`);
  const memoryMb = process.memoryUsage().rss / 2 ** 20;
  await worker.stop({ graceMs: 1_000 });
  server.close();
  server.closeAllConnections();
  await wake.stop();
  await db.close();
  await database.close();
  return { lines: LINES, ...first, again, memoryMb };
}

function* file(): Generator<string> {
  yield 'externalId,name,externalUserId\n';
  for (let n = 0; n < LINES; n++) yield `conversation-${n},"Order ${n}, Anna",user-${n}\n`;
}

/** Of a direct connector: no portal is asked. */
async function addChannel({ prisma }: ReturnType<typeof createDatabase>): Promise<string> {
  const gateOf = async (key: string): Promise<bigint> => (await prisma.gate.create({ data: { key } })).id;
  await prisma.apiKey.create({ data: { name: 'bench', hash: hashSecret('bench'), scopes: ['write'] } });
  const address = {
    domain: 'p.example',
    clientEndpoint: 'https://p.example/rest/',
    serverEndpoint: 'https://o.example/',
  };
  const portal = await prisma.portal.create({
    data: { memberId: 'bench', ...address, scope: [], gateId: await gateOf('p') },
  });
  const gates = { gateId: await gateOf('m'), deliveryGateId: await gateOf('d') };
  const messenger = await prisma.messenger.create({ data: { slug: 'bench', name: 'Bench', ...gates } });
  const connector = await prisma.connector.create({
    data: { portalId: portal.id, code: 'bench', name: 'Bench', kind: 'direct' },
  });
  const ids = { portalId: portal.id, messengerId: messenger.id, connectorId: connector.id };
  return (await prisma.channel.create({ data: { ...ids, lineId: 1 } })).id;
}
