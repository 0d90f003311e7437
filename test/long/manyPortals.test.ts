import { afterAll, beforeAll, expect, test } from '@jest/globals';
import axios, { type AxiosInstance } from 'axios';
import { type Gateway, startGateway } from '../../src/app.ts';
import { readConfig } from '../../src/config.ts';
import { silentLogger } from '../../src/kit/logger.ts';
import { sign } from '../../src/messenger/signature.ts';
import { createSandbox, type Sandbox } from '../../src/sandbox/sandbox.ts';
import { createTestDatabase } from '../support/database.ts';
import { ADMIN_KEY, gatewayEnv } from '../support/gatewayEnv.ts';
import { until } from '../support/until.ts';

/** A hundred portals behind one gateway: the trouble of a few is nobody else's. */

const PORTALS = 100;
const WITHIN_MS = 60_000;

let sandbox: Sandbox;
let gateway: Gateway;
let api: AxiosInstance;
let webhook: { webhookUrl: string; webhookSecret: string };

interface Item {
  id: string;
  memberId: string;
  code: string;
  state: string;
  blockedReason: string | null;
  setUpAt: string | null;
}
const list = async (url: string): Promise<Item[]> =>
  (await api.get<{ items: Item[] }>(url, { params: { limit: 100 } })).data.items;

beforeAll(async () => {
  sandbox = await createSandbox();
  const application = sandbox.addApplication({ clientId: 'local.gateway' });
  const databaseUrl = await createTestDatabase();
  const env = gatewayEnv(sandbox, application, databaseUrl);
  const config = { ...readConfig(env, { isTerminal: false }), databaseUrl, bitrix24: application };
  gateway = await startGateway(config, silentLogger, { clock: sandbox.clock });
  api = axios.create({
    baseURL: `${gateway.publicUrl}/admin/v1`,
    headers: { authorization: `Bearer ${ADMIN_KEY}` },
  });
  webhook = (await api.post<typeof webhook>('/messengers', { slug: 'chat', name: 'Chat' })).data;
  const card = { ...application, eventsUrl: `${gateway.publicUrl}/bitrix24/events` };
  for (let n = 0; n < PORTALS; n += 1) {
    const portal = await sandbox.addPortal({ memberId: `p-${n}`, plan: 'enterprise' });
    portal.install(card);
  }
  const wired = await until(
    () => list('/portals'),
    (portals) => portals.length === PORTALS && portals.every(({ setUpAt }) => setUpAt !== null),
    { withinMs: WITHIN_MS },
  );
  for (const { id, memberId } of wired) {
    const [connector] = await until(
      () => list(`/portals/${id}/connectors`),
      ([first]) => first?.state === 'ready',
      { withinMs: WITHIN_MS },
    );
    const body = { portalId: id, messenger: 'chat', connector: connector?.code, lineId: 1, autoMap: false };
    const { data: channel } = await api.post<{ id: string }>('/channels', body);
    await api.post('/conversations', {
      channelId: channel.id,
      externalId: `c-${memberId}`,
      kind: 'group',
      name: 'Name',
    });
  }
}, 180_000);
afterAll(async () => {
  await gateway.stop({ graceMs: 500 });
  await sandbox.close();
});

async function say(memberId: string, messageId: string): Promise<void> {
  const id = `${memberId}-${messageId}`;
  const timestamp = Math.floor(sandbox.clock.now() / 1000);
  const body = JSON.stringify({
    type: 'message.created',
    timestamp: new Date(sandbox.clock.now()).toISOString(),
    data: {
      conversation: { id: `c-${memberId}` },
      sender: { id: 'u', name: 'U' },
      message: { id: messageId, text: messageId },
    },
  });
  const signature = sign({ id, timestamp, body, secret: webhook.webhookSecret });
  const headers = {
    'content-type': 'application/json',
    'webhook-id': id,
    'webhook-timestamp': timestamp,
    'webhook-signature': signature,
  };
  await axios.post(webhook.webhookUrl, body, { headers });
}

const arrived = (memberId: string, messageId: string): boolean =>
  sandbox.portals
    .get(memberId)
    ?.state()
    .dialogs[0]?.messages.some(({ text }) => text === messageId) ?? false;

test('one overloaded, one slow, one without its grant, one moved: the other 96 go on as if nothing were', async () => {
  const [overloaded = '', slow = '', revoked = '', moved = '', ...others] = [...sandbox.portals.keys()];
  const portal = (memberId: string) => sandbox.portals.get(memberId)!;
  const send = { method: 'imconnector.send.messages' };
  // The hold is on the application, whatever it calls.
  portal(overloaded).faults.add({ match: {}, effect: { status: 503, code: 'OVERLOAD_LIMIT' } });
  portal(slow).faults.add({ match: { ...send, times: 1 }, effect: { delayMs: 20_000 } });
  portal(revoked).revokeGrant('local.gateway', 1);
  await portal(moved).move();

  await Promise.all([...sandbox.portals.keys()].map((memberId) => say(memberId, 'm-1')));
  await until(
    () => others.filter((memberId) => !arrived(memberId, 'm-1')).length,
    (left) => left === 0,
    {
      withinMs: 15_000,
    },
  );
  // All of them while the slow one still has not answered its first call.
  expect(arrived(slow, 'm-1')).toBe(false);
  await until(() => arrived(moved, 'm-1'));

  const states = await until(
    async () => new Map((await list('/portals')).map((view) => [view.memberId, view])),
    (views) => views.get(overloaded)?.state === 'blocked' && views.get(revoked)?.state === 'blocked',
  );
  expect(states.get(overloaded)).toMatchObject({ blockedReason: 'OVERLOAD_LIMIT' });
  expect(states.get(revoked)).toMatchObject({ blockedReason: 'invalid_grant' });
  expect([...others, slow, moved].filter((memberId) => states.get(memberId)?.state !== 'active')).toEqual([]);
  // A block is one refused call, not one for every piece of work behind it.
  await Promise.all(others.slice(0, 10).map((memberId) => say(memberId, 'm-2')));
  await until(() => others.slice(0, 10).every((memberId) => arrived(memberId, 'm-2')));
  expect(portal(overloaded).ledger.entries(send)).toHaveLength(1);
  await until(() => arrived(slow, 'm-1'), Boolean, { withinMs: 30_000 });
}, 120_000);
