import { type AdminSite, createAdminSite, problem } from './site.ts';

let site: AdminSite;
beforeAll(async () => {
  site = await createAdminSite();
});
afterAll(() => site.close());

interface Page {
  items: Record<string, unknown>[];
  nextCursor: string | null;
}

async function walk(path: string, limit: number): Promise<Page[]> {
  const pages: Page[] = [];
  for (let cursor: string | null | undefined; cursor !== null;) {
    const params: object = { limit, ...(cursor ? { cursor } : {}) };
    const { data } = await site.as.admin.get<Page>(path, { params });
    pages.push(data);
    cursor = data.nextCursor;
  }
  return pages;
}

it('a list is walked page by page, in the order of creation, without a gap or a repetition', async () => {
  for (let n = 0; n < 7; n++) await site.as.write.post('/messengers', { slug: `page-${n}`, name: `${n}` });
  const pages = await walk('/messengers', 3);
  expect(pages.map(({ items }) => items.length)).toEqual([3, 3, 1]);
  expect(pages.flatMap(({ items }) => items.map(({ slug }) => slug))).toEqual(
    Array.from({ length: 7 }, (_, n) => `page-${n}`),
  );
});

it('a page that is exactly full is the last one when nothing follows', async () => {
  const pages = await walk('/messengers', 7);
  expect(pages.map(({ items }) => items.length)).toEqual([7]);
});

it('jobs are walked newest first, open and finished ones together', async () => {
  const gateId = await site.addGate();
  const job = { gateId, lane: 'a', class: 'live' as const, payload: {} };
  for (let n = 0; n < 5; n++) await site.outbox.enqueue([{ ...job, kind: `k${n}`, lane: `l${n}` }]);
  const rows = await site.db.prisma.job.findMany({ orderBy: { id: 'asc' } });
  for (const { id, laneId, kind, createdAt } of rows.filter((_, n) => n % 2 === 0)) {
    await site.db.prisma.job.delete({ where: { id } });
    await site.db.prisma.finishedJob.create({ data: { id, laneId, kind, payload: {}, attempts: 1, createdAt } });
  }
  const pages = await walk('/jobs', 2);
  const seen = pages.flatMap(({ items }) => items.map(({ kind, state }) => `${String(kind)} ${String(state)}`));
  expect(seen).toEqual(['k4 done', 'k3 waiting', 'k2 done', 'k1 waiting', 'k0 done']);
});

it('a page has 50 items unless asked otherwise', async () => {
  await site.db.prisma.apiKey.createMany({
    data: Array.from({ length: 60 }, (_, n) => ({ name: `${n}`, hash: `${n}`, scopes: ['read'] })),
  });
  expect((await site.as.admin.get<Page>('/api-keys')).data.items).toHaveLength(50);
});

it.each([
  { limit: '0' },
  { limit: '201' },
  { limit: '-1' },
  { limit: '1.5' },
  { limit: '' },
  { limit: 'all' },
  { cursor: 'nonsense' },
  { cursor: '' },
  { cursor: Buffer.from('17').toString('base64url') },
])('%j is no page', async (params) => {
  const answer = await site.as.read.get('/messengers', { params });
  expect([answer.status, problem(answer).code]).toEqual([400, 'invalid_request']);
});

it('the cursor of one list is none of a list with other ids', async () => {
  const { data } = await site.as.read.get<Page>('/messengers', { params: { limit: 1 } });
  const answer = await site.as.read.get('/jobs', { params: { cursor: data.nextCursor } });
  expect(answer.status).toBe(400);
});
