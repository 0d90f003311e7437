import { afterAll, beforeAll, expect, test } from '@jest/globals';
import axios from 'axios';
import type { LogFields } from '../../src/kit/logger.ts';
import { type MessengerStandIn, startMessenger } from '../support/messengerStandIn.ts';
import { type Scene, startScene } from '../support/scene.ts';
import { until } from '../support/until.ts';

/** One gateway, as Prometheus and whoever reads its log see it. */

const OPERATOR = 27;

let scene: Scene;
let messenger: MessengerStandIn;
const lines: { event: string; fields: LogFields }[] = [];
const write = (event: string, fields: LogFields = {}): void => void lines.push({ event, fields });

beforeAll(async () => {
  scene = await startScene({
    companion: { mode: 'onFirstMessage' },
    log: { error: write, warn: write, info: write, debug: write },
  });
  const secrets = [scene.deliverySecret];
  messenger = await startMessenger({ secrets: () => secrets, now: () => scene.sandbox.clock.now() });
  await scene.api.patch('/messengers/chat', { deliveryUrl: messenger.url });
});
afterAll(async () => {
  await scene.close();
  await messenger.close();
});

const scrape = (authorization?: string) =>
  axios.get<string>(`${scene.gateway.publicUrl}/metrics`, {
    headers: authorization === undefined ? {} : { authorization },
    validateStatus: () => true,
  });

/** The values of one metric by its labels, as written. */
async function values(name: string): Promise<Map<string, number>> {
  const { data } = await scrape('Bearer ocg_test-key');
  const rows = data.split('\n').flatMap((line) => {
    const [, own, labels = '', value] = /^(\w+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
    return own === name ? [[labels, Number(value)] as const] : [];
  });
  return new Map(rows);
}
const value = async (name: string, labels = ''): Promise<number> => (await values(name)).get(labels) ?? 0;

test('only a key may read the metrics', async () => {
  expect((await scrape()).status).toBe(401);
  expect((await scrape('Bearer wrong')).status).toBe(401);
  const { data } = await scene.api.post<{ key: string }>('/api-keys', { name: 'prometheus', scopes: ['read'] });
  const { status, headers } = await scrape(`Bearer ${data.key}`);
  expect(status).toBe(200);
  expect(headers['content-type']).toMatch(/^text\/plain; version=0\.0\.4/);
});

test('what came in, what was tried and what was called is counted', async () => {
  await scene.say('counted', 'm-1', 'Hello', { name: 'Order 7' });
  await scene.conversation('counted', ({ name, companion }) => name.state === 'applied' && companion.state === 'ready');
  await scene.send('conversation.renamed', { conversation: { id: 'counted', name: 'Order 8' } }, { id: 'evt-once' });
  await scene.send('conversation.renamed', { conversation: { id: 'counted', name: 'Order 8' } }, { id: 'evt-once' });
  await axios.post(`${scene.gateway.publicUrl}/webhooks/nobody`, {}, { validateStatus: () => true });
  await scene.conversation('counted', ({ name }) => name.applied === 'Order 8');
  await scene.idle();

  expect(await value('ocg_webhooks_total', 'code="ok"')).toBe(3);
  expect(await value('ocg_webhooks_total', 'code="unknown_messenger"')).toBe(1);
  expect(await value('ocg_webhook_events_total', 'outcome="duplicate"')).toBe(1);
  expect(await value('ocg_webhook_duration_seconds_count', 'outcome="accepted"')).toBe(3);
  expect(await value('ocg_attempts_total', 'kind="deliverMessage",outcome="done",verdict=""')).toBe(1);
  expect(await value('ocg_portal_calls_total', 'method="imconnector.send.messages",code="ok"')).toBe(1);
  expect(await value('ocg_portal_call_duration_seconds_count', 'method="imconnector.send.messages"')).toBe(1);
  expect(await value('ocg_name_lag_seconds_count')).toBeGreaterThanOrEqual(1);
});

test('a reply that the messenger refuses is counted by messenger and code', async () => {
  messenger.answerWith(() => ({ status: 503 }));
  scene.portal.operatorMessage(scene.dialogs('counted')[0]?.chatId ?? 0, OPERATOR, { text: 'Good morning' });
  await until(async () => (await value('ocg_deliveries_total', 'messenger="chat",code="http_503"')) > 0);
  messenger.answerWith(() => ({}));
});

test('what the database knows is shown: portals with what their limits leave, jobs, names, companions', async () => {
  const portal = `portal="${scene.portalId}"`;
  // A reading is shared by all scrapes of some seconds.
  await scene.elapse(11_000);
  expect(await value('ocg_companions', 'state="ready"')).toBe(1);
  expect(await value('ocg_conversations', 'name_state="applied"')).toBe(1);
  expect(await value('ocg_portal_state', `${portal},state="active"`)).toBe(1);
  expect(await value('ocg_portal_state', `${portal},state="blocked"`)).toBe(0);
  expect(await value('ocg_portal_requests_left', portal)).toBeGreaterThan(0);
  expect(await value('ocg_portal_operating_seconds_left', portal)).toBe(420);
  expect(await value('ocg_messenger_state', 'messenger="chat",state="on"')).toBe(1);
  expect((await values('ocg_jobs')).has('kind="deliverMessage",state="parked"')).toBe(true);
  expect(await value('ocg_secrets_under_old_keys')).toBe(0);
  expect(await value('ocg_database_up')).toBe(1);
  expect(await value('process_resident_memory_bytes')).toBeGreaterThan(1_000_000);
});

test('nothing personal is in the metrics, and no id of a conversation', async () => {
  const { data } = await scrape('Bearer ocg_test-key');
  const view = await scene.find('counted');
  for (const text of ['Anna', 'Berg', 'u-7', 'Order', 'Hello', 'Good morning', view?.id ?? '?']) {
    expect(data).not.toContain(text);
  }
});

test('the request id of a webhook leads from the door to the last attempt', async () => {
  lines.length = 0;
  const requestId = 'trace-me-1';
  const data = {
    conversation: { id: 'traced', name: 'Traced' },
    sender: { id: 'u-9' },
    message: { id: 'm-1', text: 'Hello' },
  };
  const timestamp = new Date(scene.sandbox.clock.now()).toISOString();
  const { status } = await scene.sendBody(JSON.stringify({ type: 'message.created', timestamp, data }), { requestId });
  expect(status).toBe(202);
  await scene.conversation('traced', ({ name, companion }) => name.state === 'applied' && companion.state === 'ready');
  await scene.idle();
  const tells = ({ fields }: { fields: LogFields }): boolean =>
    fields.requestId === requestId || (Array.isArray(fields.requestIds) && fields.requestIds.includes(requestId));
  const told = lines.filter(tells).map(({ event, fields }) => [event, fields.kind].filter(Boolean).join(' '));
  expect(told).toEqual(
    expect.arrayContaining([
      'event.accepted',
      'webhook.answered',
      'event.applied',
      'job.attempted applyWebhookEvents',
      'job.attempted deliverMessage',
      'name.converged',
      'job.attempted convergeName',
      'job.attempted convergeCompanion',
    ]),
  );
});
