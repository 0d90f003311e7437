import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { randomBytes } from 'node:crypto';
import type { Call } from '../../../src/bitrix24/portalApi.ts';
import { BOUND_EVENTS } from '../../../src/bitrix24/events.ts';
import { createBotAccess } from '../../../src/bridge/botAccess.ts';
import { createDoctor, type Doctor } from '../../../src/bridge/doctor.ts';
import { CHECKS } from '../../../src/bridge/doctorFinding.ts';
import { DeliveryError } from '../../../src/kit/errors.ts';
import { silentLogger } from '../../../src/kit/logger.ts';
import { createVault } from '../../../src/kit/secrets.ts';
import { createEgress } from '../../../src/messenger/egress.ts';
import { createMessengerProbe } from '../../../src/messenger/probe.ts';
import { createOutboxBench, type OutboxBench } from '../../support/outbox.ts';

/** A portal that answers little, and a messenger behind a guard. */

const NOW = Date.parse('2026-11-20T10:00:00Z');
const clock = { now: () => NOW };
const HANDLER = 'https://gateway.example/bitrix24/events';

let bench: OutboxBench;
let portalId: string;
beforeAll(async () => {
  bench = await createOutboxBench({ clock });
  const { db } = bench;
  const gateId = BigInt(await bench.addGate());
  const address = {
    domain: 'p.example',
    clientEndpoint: 'https://p.example/rest/',
    serverEndpoint: 'https://o.example/',
  };
  portalId = (await db.prisma.portal.create({ data: { memberId: 'm-1', gateId, ...address } })).id;
  const connector = await db.prisma.connector.create({ data: { portalId, code: 'ocg_x', name: 'X', kind: 'group' } });
  const messenger = await db.prisma.messenger.create({
    data: {
      slug: 'chat',
      name: 'Chat',
      deliveryUrl: 'http://10.0.0.1/hook',
      gateId: BigInt(await bench.addGate()),
      deliveryGateId: BigInt(await bench.addGate()),
    },
  });
  await db.prisma.channel.create({
    data: { portalId, connectorId: connector.id, messengerId: messenger.id, lineId: 1 },
  });
});
afterAll(() => bench.close());

function doctor(call: Call, options: { patienceMs?: number; eventPatienceMs?: number } = {}): Doctor {
  const { db, outbox, gate, wake } = bench;
  const portals = { of: () => call, packed: () => call, live: () => Promise.resolve(call), forget: () => undefined };
  const egress = createEgress([]);
  return createDoctor({
    ...{ db, outbox, gate, wake, portals, clock, log: silentLogger, installationId: 'x' },
    bots: createBotAccess({ db, outbox, portals, clock }),
    vault: createVault([randomBytes(32)]),
    messengers: createMessengerProbe({ egress, userAgent: 'gateway/0.1' }),
    publicUrl: () => 'https://gateway.example',
    ...options,
  });
}
const looked = (on: Doctor) => on.examine(portalId, { repair: true, requestId: 'r-1' });
const unreachable: Call = () =>
  Promise.reject(new DeliveryError({ verdict: 'retry', code: 'unreachable', detail: '' }));

test('a portal that cannot be reached hides nothing: what needs it says so, the rest is looked at', async () => {
  const { items, ok } = await looked(doctor(unreachable));
  expect(ok).toBe(false);
  const found = new Map(items.map((item) => [item.check, item]));
  expect(CHECKS.filter((check) => check !== 'bot' && !found.has(check))).toEqual([]);
  expect(found.get('events')).toMatchObject({ state: 'unknown', code: 'unreachable', repairable: false });
  expect(found.get('database')).toMatchObject({ ok: true });
  expect(found.get('messenger')).toMatchObject({ state: 'trouble', code: 'address_not_allowed' });
  expect(items.filter((item) => !item.ok && item.repair === null)).toEqual([]);
});

test('a portal that never answers is not waited for longer than a while', async () => {
  // Long enough for what asks the database alone, on a busy machine too.
  const { items } = await looked(doctor(() => new Promise(() => undefined), { patienceMs: 2_000 }));
  expect(items.find(({ check }) => check === 'scopes')).toMatchObject({ state: 'unknown', code: 'timeout' });
  expect(items.find(({ check }) => check === 'backlog')).toMatchObject({ ok: true });
});

test('an event that was asked for and does not come shows that the portal does not reach us', async () => {
  const asked: Record<string, unknown>[] = [];
  const call: Call = (method, params) => {
    if (method === 'event.get')
      return Promise.resolve(BOUND_EVENTS.map((event) => ({ event, handler: HANDLER, offline: 0 })));
    if (method === 'event.test') asked.push(params);
    if (method === 'app.info') return Promise.resolve({ INSTALLED: true });
    return method === 'event.test' ? Promise.resolve(1) : unreachable(method, params);
  };
  const { items } = await looked(doctor(call, { eventPatienceMs: 100 }));
  expect(asked[0]).toEqual({ nonce: expect.any(String) as unknown });
  expect(items.find(({ check }) => check === 'publicUrl')).toMatchObject({ state: 'trouble', code: 'event_lost' });
});

test('a messenger is asked by a request that is no delivery: no body, no id, no signature', async () => {
  const seen: { method?: string | undefined; headers: object }[] = [];
  const server = createServer((req, res) => {
    seen.push({ method: req.method, headers: req.headers });
    res.writeHead(405).end();
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`;
  const signal = AbortSignal.timeout(5_000);
  const open = createEgress(['127.0.0.0/8']);
  const ask = (egress: typeof open) => createMessengerProbe({ egress, userAgent: 'gateway/0.1' }).ask(url, signal);
  expect(await ask(createEgress([]))).toMatchObject({ failure: 'address_not_allowed' });
  expect(seen).toEqual([]);
  expect(await ask(open)).toEqual({ status: 405 });
  expect(seen).toMatchObject([{ method: 'HEAD' }]);
  expect(Object.keys(seen[0]?.headers ?? {}).filter((name) => /^webhook|content/.test(name))).toEqual([]);
  open.close();
  server.closeAllConnections();
  server.close();
  await once(server, 'close');
  expect(await ask(createEgress(['127.0.0.0/8']))).toMatchObject({ failure: 'network' });
});
