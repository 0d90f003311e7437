import { type AdminSite, createAdminSite, problem } from './site.ts';

let site: AdminSite;
beforeAll(async () => {
  site = await createAdminSite();
});
afterAll(() => site.close());

const HOUR = 3_600_000;

interface MessengerView {
  slug: string;
  webhookUrl: string;
  webhookSecret?: string;
  deliverySecret?: string;
}

async function make(slug: string): Promise<MessengerView> {
  return (await site.as.write.post<MessengerView>('/messengers', { slug, name: 'Shop' })).data;
}

/** Secrets of a kind that count now, opened. */
async function validSecrets(slug: string, kind = 'webhook'): Promise<string[]> {
  const rows = await site.db.prisma.messengerSecret.findMany({
    where: { messenger: { slug }, kind, OR: [{ expiresAt: null }, { expiresAt: { gt: new Date(site.time.now) } }] },
    orderBy: { createdAt: 'asc' },
  });
  return rows.map(({ secret }) => site.vault.decrypt(secret));
}

it('whoever makes a messenger sees its address and secrets, once', async () => {
  const made = await make('shop');
  expect(made).toMatchObject({
    slug: 'shop',
    preset: 'standard',
    deliveryUrl: null,
    settings: {},
    webhookUrl: 'https://gateway.example/webhooks/shop',
    webhookSecret: expect.stringMatching(/^whsec_/) as string,
    deliverySecret: expect.stringMatching(/^whsec_/) as string,
  });
  const { data } = await site.as.read.get<MessengerView>('/messengers/shop');
  expect(data).not.toHaveProperty('webhookSecret');
  expect(data).not.toHaveProperty('deliverySecret');
});

it('secrets are stored sealed', async () => {
  const { webhookSecret } = await make('sealed');
  const rows = await site.db.prisma.messengerSecret.findMany({ where: { messenger: { slug: 'sealed' } } });
  expect(JSON.stringify(rows)).not.toContain(webhookSecret?.slice('whsec_'.length));
  expect(await validSecrets('sealed')).toEqual([webhookSecret]);
});

it('a slug belongs to one messenger', async () => {
  await make('taken');
  const answer = await site.as.write.post('/messengers', { slug: 'taken', name: 'Other' });
  expect([answer.status, problem(answer).code]).toEqual([409, 'conflict']);
});

it.each(['Shop', '-shop', 'shop/1', 'sh op', 'ш', '', 'x'.repeat(64)])('%j is no slug', async (slug) => {
  const answer = await site.as.write.post('/messengers', { slug, name: 'Shop' });
  expect(problem(answer).errors?.map(({ path }) => path)).toEqual(['/slug']);
});

it.each(['ftp://example.com', 'example.com', 'javascript:alert(1)'])('%j is no address to deliver to', async (url) => {
  const answer = await site.as.write.post('/messengers', { slug: 'address', name: 'Shop', deliveryUrl: url });
  expect(problem(answer).errors?.map(({ path }) => path)).toEqual(['/deliveryUrl']);
});

it('a change leaves out what stays; null clears', async () => {
  await make('changing');
  const url = 'https://shop.example/hook';
  const set = await site.as.write.patch('/messengers/changing', { deliveryUrl: url, settings: { a: 1 } });
  expect(set.data).toMatchObject({ name: 'Shop', deliveryUrl: url, settings: { a: 1 } });
  const cleared = await site.as.write.patch('/messengers/changing', { deliveryUrl: null, name: 'Market' });
  expect(cleared.data).toMatchObject({ name: 'Market', deliveryUrl: null, settings: { a: 1 } });
});

it('the webhook door is told of everything that changes', async () => {
  site.changedMessengers.length = 0;
  await make('told');
  await site.as.write.patch('/messengers/told', { name: 'B' });
  await site.as.write.post('/messengers/told/secrets', { kind: 'webhook' });
  await site.as.write.delete('/messengers/told');
  expect(site.changedMessengers).toEqual(['told', 'told', 'told', 'told']);
});

it('a rotated secret counts beside the old one for the overlap, a day unless said otherwise', async () => {
  const { webhookSecret } = await make('rotating');
  site.time.now += 1000;
  const { status, data } = await site.as.write.post<{ secret: string; previousExpiresAt: string }>(
    '/messengers/rotating/secrets',
    { kind: 'webhook' },
  );
  expect(status).toBe(201);
  expect(Date.parse(data.previousExpiresAt)).toBe(site.time.now + 24 * HOUR);
  expect(await validSecrets('rotating')).toEqual([webhookSecret, data.secret]);
  site.time.now += 24 * HOUR + 1;
  expect(await validSecrets('rotating')).toEqual([data.secret]);
});

it('without overlap the old secret stops at once; the other kind is left alone', async () => {
  const { deliverySecret } = await make('cut');
  site.time.now += 1000;
  const { data } = await site.as.write.post<{ secret: string }>('/messengers/cut/secrets', {
    kind: 'webhook',
    overlapHours: 0,
  });
  expect(await validSecrets('cut')).toEqual([data.secret]);
  expect(await validSecrets('cut', 'delivery')).toEqual([deliverySecret]);
});

it('a later rotation does not lengthen what an earlier one ended', async () => {
  const first = await make('twice');
  await site.as.write.post('/messengers/twice/secrets', { kind: 'webhook', overlapHours: 1 });
  await site.as.write.post('/messengers/twice/secrets', { kind: 'webhook', overlapHours: 48 });
  expect(await validSecrets('twice')).toHaveLength(3);
  site.time.now += 2 * HOUR;
  const valid = await validSecrets('twice');
  expect(valid).toHaveLength(2);
  expect(valid).not.toContain(first.webhookSecret);
});

it('a messenger with channels is in use', async () => {
  const { slug } = await site.addChannel();
  const answer = await site.as.write.delete(`/messengers/${slug}`);
  expect([answer.status, problem(answer).code]).toEqual([409, 'in_use']);
});

it('what a removed messenger had sent and was not applied is given up', async () => {
  const { slug, gateId } = { slug: 'leaving', ...(await site.addMessenger('leaving')) };
  const job = { gateId, lane: 'event:c-1', class: 'live' as const, kind: 'applyWebhookEvents', payload: {} };
  await site.outbox.enqueue([job]);
  expect((await site.as.write.delete(`/messengers/${slug}`)).status).toBe(204);
  expect((await site.as.read.get(`/messengers/${slug}`)).status).toBe(404);
  const jobs = await site.db.prisma.job.findMany({ where: { gateId: BigInt(gateId) } });
  expect(jobs.map(({ state, lastCode }) => [state, lastCode])).toEqual([['dead', 'cancelled']]);
  expect((await site.as.write.post('/messengers', { slug, name: 'Back' })).status).toBe(201);
});
