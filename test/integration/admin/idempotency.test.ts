import { type AdminSite, createAdminSite, problem } from './site.ts';

let site: AdminSite;
beforeAll(async () => {
  site = await createAdminSite();
});
afterAll(() => site.close());

const HOUR = 3_600_000;
let serial = 0;
const fresh = () => ({ key: `key ${++serial}`, slug: `once-${serial}` });

const post = (key: string, body: object, who: 'write' | 'admin' = 'write', path = '/messengers') =>
  site.as[who].post<Record<string, string>>(path, body, { headers: { 'idempotency-key': key } });
const messengers = async (slug: string): Promise<number> =>
  (await site.db.prisma.messenger.findMany({ where: { slug } })).length;

it('the same request under the same key is done once, and answered the same', async () => {
  const { key, slug } = fresh();
  const first = await post(key, { slug, name: 'A' });
  const second = await post(key, { slug, name: 'A' });
  expect([first.status, second.status]).toEqual([201, 201]);
  expect(second.data).toEqual(first.data);
  expect(second.data.webhookSecret).toMatch(/^whsec_/);
  expect(first.headers).not.toHaveProperty('idempotency-replayed');
  expect(second.headers).toHaveProperty('idempotency-replayed', 'true');
});

it('of many at the same moment one is done; the others are told to wait, or get its answer', async () => {
  const { key, slug } = fresh();
  const answers = await Promise.all(Array.from({ length: 10 }, () => post(key, { slug, name: 'A' })));
  for (const { status } of answers) expect([201, 409]).toContain(status);
  const refused = answers.filter(({ status }) => status === 409);
  for (const answer of refused) expect(problem(answer).code).toBe('idempotency_conflict');
  expect(await messengers(slug)).toBe(1);
});

it('while the first request is at work, its repetition is told to wait', async () => {
  const { key } = fresh();
  const { portalId, slug, connectorId } = await site.addChannel();
  const { code } = await site.db.prisma.connector.findUniqueOrThrow({ where: { id: connectorId } });
  const body = { portalId, messenger: slug, connector: code, lineId: 8 };
  let repetition: ReturnType<typeof post> | undefined;
  site.portalAnswers.set('imopenlines.config.get', async () => {
    repetition = post(key, body, 'write', '/channels');
    await repetition;
    return { ID: '8', LINE_NAME: 'Sales' };
  });
  const first = await post(key, body, 'write', '/channels');
  const answer = await repetition!;
  expect([first.status, answer.status, problem(answer).code]).toEqual([201, 409, 'idempotency_conflict']);
  site.portalAnswers.clear();
});

it('another request under the same key is a mismatch', async () => {
  const { key, slug } = fresh();
  await post(key, { slug, name: 'A' });
  const answers = [
    await post(key, { slug: `${slug}-b`, name: 'A' }),
    await post(key, { kind: 'webhook' }, 'write', `/messengers/${slug}/secrets`),
  ];
  for (const answer of answers) expect([answer.status, problem(answer).code]).toEqual([422, 'idempotency_mismatch']);
});

it('keys of different API keys have nothing to do with each other', async () => {
  const { key, slug } = fresh();
  await post(key, { slug, name: 'A' });
  const other = await post(key, { slug, name: 'A' }, 'admin');
  expect([other.status, problem(other).code]).toEqual([409, 'conflict']);
});

it('a refusal is kept like an answer', async () => {
  const { key, slug } = fresh();
  await site.addMessenger(slug);
  const first = await post(key, { slug, name: 'A' });
  await site.db.prisma.messenger.delete({ where: { slug } });
  const second = await post(key, { slug, name: 'A' });
  expect([first.status, second.status]).toEqual([409, 409]);
  expect(second.data).toEqual(first.data);
  expect(second.headers['content-type']).toBe('application/problem+json');
});

it('a body that was refused for its shape does not use up the key', async () => {
  const { key, slug } = fresh();
  expect((await post(key, { slug })).status).toBe(400);
  expect((await post(key, { slug, name: 'A' })).status).toBe(201);
});

it('a failure does not use up the key', async () => {
  const { key } = fresh();
  const { portalId, slug } = await site.addChannel();
  const [connector] = await site.db.prisma.connector.findMany({ where: { portalId } });
  const body = { portalId, messenger: slug, connector: connector?.code, lineId: 7 };
  expect((await post(key, body, 'write', '/channels')).status).toBe(503);
  site.portalAnswers.set('imopenlines.config.get', () => ({ ID: '7', LINE_NAME: 'Sales' }));
  expect((await post(key, body, 'write', '/channels')).status).toBe(201);
});

it('after a day the key is new again', async () => {
  const { key, slug } = fresh();
  await post(key, { slug, name: 'A' });
  site.time.now += 24 * HOUR + 1000;
  const again = await post(key, { slug, name: 'A' });
  expect([again.status, problem(again).code]).toEqual([409, 'conflict']);
});

it('a key whose holder died is free again after two minutes', async () => {
  const { key, slug } = fresh();
  await post(key, { slug, name: 'A' });
  await site.db.prisma.idempotentRequest.updateMany({ where: { key }, data: { status: null } });
  await site.db.prisma.messenger.delete({ where: { slug } });
  expect((await post(key, { slug, name: 'A' })).status).toBe(409);
  site.time.now += 121_000;
  expect((await post(key, { slug, name: 'A' })).status).toBe(201);
});

it('no secret is kept readable', async () => {
  const { key, slug } = fresh();
  const { data } = await post(key, { slug, name: 'A' });
  const kept = await site.db.prisma.idempotentRequest.findMany({ where: { key } });
  expect(JSON.stringify(kept)).not.toContain(data.webhookSecret?.slice('whsec_'.length));
});

it.each(['', 'x'.repeat(256), 'tab\tinside'])('%j is no key', async (key) => {
  const answer = await post(key, { slug: 'never', name: 'A' });
  expect([answer.status, problem(answer).code]).toEqual([400, 'invalid_request']);
});

it('a GET does not mind the header', async () => {
  const headers = { 'idempotency-key': 'reading' };
  const { status, headers: answered } = await site.as.read.get('/messengers', { headers });
  expect([status, answered['idempotency-replayed']]).toEqual([200, undefined]);
});
