import { afterAll, beforeAll, expect, test } from '@jest/globals';
import axios from 'axios';
import fc from 'fast-check';
import { createAcceptance } from '../../src/bridge/accept.ts';
import { createMessengerWebhook } from '../../src/http/messengerWebhook.ts';
import { describeApi } from '../../src/http/openApi.ts';
import { silentLogger } from '../../src/kit/logger.ts';
import { createSecret, sign } from '../../src/messenger/signature.ts';
import { createContract, type OpenApiDocument, type Operation } from '../support/contract.ts';
import { createFuzz, type Fuzz, type FuzzedRequest } from '../support/fuzz.ts';
import { serve, type Site } from '../integration/http/serve.ts';
import { type AdminSite, createAdminSite } from '../integration/admin/site.ts';

/**
 * Every operation, called with whatever its schema comes near to. `FUZZ_RUNS` and `FUZZ_SEED` look further than the
 * same few requests each time.
 */

const RUNS = Number(process.env.FUZZ_RUNS ?? 6);
const SEED = Number(process.env.FUZZ_SEED ?? 20261121);
/** Sent at the same moment. */
const AT_ONCE = 3;

const document = describeApi() as unknown as OpenApiDocument;
const contract = createContract(document);
/** What removes comes last, or there would be nothing left to be wrong about. */
const ORDER = ['get', 'post', 'put', 'patch', 'delete'];
const operations = contract.operations
  .filter(({ path }) => !path.startsWith('/health/') && path !== '/metrics')
  .sort((a, b) => ORDER.indexOf(a.method) - ORDER.indexOf(b.method));

/** What nobody outside the process needs to know. */
const INSIDE = /node_modules|\.ts:\d|\.js:\d|prisma|at async |select .+ from|22P05|P20\d\d/i;

let site: AdminSite;
let fuzz: Fuzz;
/** The door of the messengers, with one that is called `fuzzed`. */
let door: Site;
const secret = createSecret();
let http: ReturnType<typeof axios.create>;

beforeAll(async () => {
  site = await createAdminSite({ settleWithinMs: 0 });
  site.portalAnswers.set('imopenlines.config.get', () => ({ ID: '1', LINE_NAME: 'Sales' }));
  const { prisma } = site.db;
  const ids: Record<string, string[]> = {};
  const know = (id: string, ...places: string[]): void => places.forEach((place) => (ids[place] ??= []).push(id));
  async function populate(word: string): Promise<void> {
    const way = await site.addChannel();
    const { portalId, channelId, messengerId, slug } = way;
    const code = `bot_${word}`;
    const profile = { botId: word.length + 900, name: `Bot of ${word}`, token: 'sealed' };
    const bot = await prisma.bot.create({ data: { portalId, code, ...profile, state: 'ready' } });
    const connector = await prisma.connector.findUniqueOrThrow({ where: { id: way.connectorId } });
    const dialog = { channelId, messengerId, externalId: word, dialogKey: word, kind: 'group' };
    const { id: conversationId } = await prisma.conversation.create({ data: dialog });
    const message = { conversationId, direction: 'toPortal', externalId: word, senderId: 'u', text: 'x' };
    await prisma.message.create({ data: { ...message, sentAt: new Date() } });
    const event = { messengerId, eventId: word, type: 'conversation.renamed', payload: {}, requestId: 'r' };
    const { id: eventId } = await prisma.webhookEvent.create({ data: event });
    await site.outbox.enqueue([
      { gateId: way.portalGateId, lane: word, class: 'live', kind: 'convergeName', payload: { conversationId } },
    ]);
    const job = await prisma.job.findFirstOrThrow({ where: { gateId: BigInt(way.portalGateId) } });
    const run = await prisma.run.create({ data: { kind: 'recoverReplies', portalId, state: 'done' } });
    know(portalId, 'portals', 'portalId');
    know(bot.id, 'bots', 'bot');
    know(String(bot.botId), 'bots');
    know(connector.code, 'connectors', 'connector');
    know(slug, 'messengers', 'messenger');
    know(channelId, 'channels', 'channelId');
    know(conversationId, 'conversations', 'conversationId');
    know(word, 'messages', 'externalId');
    know(eventId.toString(), 'webhook-events');
    know(job.id.toString(), 'jobs');
    know(run.id, 'runs');
  }
  await populate('one');
  await populate('other');
  know(site.keyIds.read, 'api-keys', 'apiKeyId');
  const { id, gateId } = await site.addMessenger('fuzzed');
  const fuzzed = { id, gateId, slug: 'fuzzed', preset: 'standard', secrets: [secret] };
  const acceptance = createAcceptance({ db: site.db, wake: site.wake, log: silentLogger });
  const findMessenger = (slug: string) => Promise.resolve(slug === 'fuzzed' ? fuzzed : undefined);
  door = await serve((log) => [
    createMessengerWebhook({
      ...{ clock: { now: Date.now }, log, findMessenger },
      accept: (...args) => acceptance.accept(...args),
    }),
  ]);
  know('fuzzed', 'webhooks');
  fuzz = createFuzz(document, ids);
  const headers = { authorization: 'Bearer key-admin' };
  const transformResponse = (data: string): string => data;
  http = axios.create({ baseURL: new URL(site.url).origin, headers, transformResponse, validateStatus: () => true });
}, 30_000);
afterAll(async () => {
  await door.close();
  await site.close();
});

/** Of how many requests an operation did what it was asked: a fuzz that is always refused tests little. */
const done = new Map<string, number>();

let serial = 0;
/** What is wrong with a webhook shall be more than its signature. */
function signed(body: Buffer = Buffer.alloc(0)): Record<string, string> {
  const [id, timestamp] = [`evt-${++serial}`, Math.floor(Date.now() / 1000)];
  const signature = sign({ id, timestamp, body, secret });
  return { 'webhook-id': id, 'webhook-timestamp': String(timestamp), 'webhook-signature': signature };
}

async function hold(operation: Operation, request: FuzzedRequest): Promise<void> {
  const { url, body } = request;
  const isWebhook = url.startsWith('/webhooks/');
  const headers = { ...request.headers, ...(isWebhook ? signed(body) : undefined) };
  const at = isWebhook ? { baseURL: `http://127.0.0.1:${door.port}` } : {};
  const answer = await http.request<string>({ ...at, method: operation.method, url, headers, data: body });
  const seen = `${operation.method} ${url} ${body?.toString() ?? ''}`.slice(0, 600);
  const about = [seen, answer.status, answer.data.slice(0, 300)];
  const isUnreachable = answer.status === 503 && answer.data.includes('portal_unavailable');
  if (answer.status >= 500 && !isUnreachable) throw new Error(`failed: ${about.join(' → ')}`);
  if (answer.status >= 400 && INSIDE.test(answer.data)) throw new Error(`shows its inside: ${about.join(' → ')}`);
  const data: unknown = answer.data === '' ? '' : JSON.parse(answer.data);
  const faults = contract.faultsOfAnswer(operation, { ...answer, data });
  if (faults.length > 0) throw new Error(`undocumented: ${faults.join('; ')}: ${about.join(' → ')}`);
  const asked = /^\/admin\/v1\/portals\/([^/?]+)/.exec(url)?.[1]?.toLowerCase();
  if (asked !== undefined && answer.status < 300) {
    const shown = [...answer.data.matchAll(/"portalId":"([^"]+)"/g)].map(([, id]) => id);
    if (shown.some((id) => id !== asked)) throw new Error(`shows something of another portal: ${about.join(' → ')}`);
  }
  if (answer.status < 400) done.set(operation.id, (done.get(operation.id) ?? 0) + 1);
}

test.each(operations.map((operation) => [operation.id, operation] as const))(
  '%s never fails, shows nothing of its inside, and nothing of another portal',
  async (_, operation) => {
    const requests = fc.array(fuzz.of(operation), { minLength: AT_ONCE, maxLength: AT_ONCE });
    const holds = fc.asyncProperty(requests, async (all) => {
      await Promise.all(all.map((one) => hold(operation, one)));
    });
    await fc.assert(holds, { numRuns: RUNS, seed: SEED });
  },
);

test('what was accepted belongs together', async () => {
  const mixed = await site.db.sql.rows(`
    select 'conversation' as what, c.id::text from conversation c join channel h on h.id = c.channel_id
    where h.messenger_id <> c.messenger_id
    union all
    select 'channel', h.id::text from channel h join connector k on k.id = h.connector_id where k.portal_id <> h.portal_id
    union all
    select 'companion', p.id::text from companion p join bot b on b.id = p.bot_id
    join conversation c on c.id = p.conversation_id join channel h on h.id = c.channel_id
    where b.portal_id <> h.portal_id`);
  expect(mixed).toEqual([]);
  const failures = [...site.lines, ...door.lines].filter(({ level }) => level === 'error');
  expect(failures).toEqual([]);
  // Half of the operations were understood now and then; the others ask for more than chance gives.
  expect(done.size).toBeGreaterThan(operations.length / 2);
});
