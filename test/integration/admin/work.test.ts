import { type AdminSite, createAdminSite, problem } from './site.ts';

/** Jobs, webhook events and API keys. */

let site: AdminSite;
beforeAll(async () => {
  site = await createAdminSite();
});
afterAll(() => site.close());

interface JobView {
  id: string;
  kind: string;
  state: string;
  attemptCount: number;
}

async function addJob(
  more: { state?: string; kind?: string; doubt?: boolean; payload?: object } = {},
): Promise<string> {
  const gateId = await site.addGate();
  const { kind = 'deliverMessage', payload = {}, state = 'waiting', doubt = false } = more;
  await site.outbox.enqueue([{ gateId, lane: 'a', class: 'live', kind, payload: payload as Record<string, string> }]);
  const job = await site.db.prisma.job.findFirstOrThrow({ where: { gateId: BigInt(gateId) } });
  const data = { state, doubt, started: state !== 'waiting' };
  await site.db.prisma.job.update({ where: { id: job.id }, data });
  return job.id.toString();
}
const stateOf = async (id: string): Promise<string> => (await site.as.read.get<JobView>(`/jobs/${id}`)).data.state;

describe('a job', () => {
  it('shows its attempts, oldest first', async () => {
    const id = await addJob({ state: 'dead' });
    const attempt = { jobId: BigInt(id), startedAt: new Date(), durationMs: 12 };
    await site.db.prisma.attempt.create({ data: { ...attempt, outcome: 'retry', code: 'timeout' } });
    await site.db.prisma.attempt.create({
      data: { ...attempt, outcome: 'refused', code: 'ACCESS_DENIED', status: 403 },
    });
    const { data } = await site.as.read.get<unknown>(`/jobs/${id}`);
    expect(data).toMatchObject({
      id,
      state: 'dead',
      attempts: [
        { outcome: 'retry', code: 'timeout', status: null, durationMs: 12 },
        { outcome: 'refused', code: 'ACCESS_DENIED', status: 403 },
      ],
    });
  });

  it('that is done is still found', async () => {
    const id = await addJob();
    const { laneId, createdAt } = await site.db.prisma.job.delete({ where: { id: BigInt(id) } });
    const finished = { id: BigInt(id), laneId, createdAt, kind: 'deliverMessage', payload: {}, attempts: 2 };
    await site.db.prisma.finishedJob.create({ data: finished });
    expect((await site.as.read.get(`/jobs/${id}`)).data).toMatchObject({ state: 'done', attemptCount: 2 });
    const retry = await site.as.write.post(`/jobs/${id}/retry`);
    expect([retry.status, problem(retry).code]).toEqual([409, 'conflict']);
  });

  it.each(['dead', 'parked'])('that is %s is retried, and has all its attempts again', async (state) => {
    const id = await addJob({ state, doubt: true });
    const { status, data } = await site.as.write.post<unknown>(`/jobs/${id}/retry`);
    expect([status, data]).toEqual([
      202,
      expect.objectContaining({ state: 'waiting', attemptCount: 0, doubt: true, dueAt: expect.any(String) as string }),
    ]);
  });

  it('is done without looking first when a person says that it did not happen', async () => {
    const id = await addJob({ state: 'parked', doubt: true });
    const { data } = await site.as.write.post<unknown>(`/jobs/${id}/retry`, { forgetDoubt: true });
    expect(data).toMatchObject({ state: 'waiting', doubt: false });
  });

  it.each(['waiting', 'running'])('that is %s cannot be retried', async (state) => {
    const answer = await site.as.write.post(`/jobs/${await addJob({ state })}/retry`);
    expect([answer.status, problem(answer).code]).toEqual([409, 'conflict']);
  });

  it.each(['waiting', 'parked'])('that is %s is cancelled, with who did it', async (state) => {
    const { status, data } = await site.as.write.post<unknown>(`/jobs/${await addJob({ state })}/cancel`);
    expect([status, data]).toEqual([
      200,
      expect.objectContaining({ state: 'dead', lastCode: 'cancelled', lastError: 'cancelled with the key write' }),
    ]);
  });

  it.each(['running', 'dead'])('that is %s cannot be cancelled', async (state) => {
    const answer = await site.as.write.post(`/jobs/${await addJob({ state })}/cancel`);
    expect([answer.status, problem(answer).code]).toEqual([409, 'conflict']);
  });

  it('that is cancelled leaves its message failed', async () => {
    const { channelId, messengerId } = await site.addChannel();
    const dialog = { channelId, messengerId, externalId: 'c', dialogKey: 'c', kind: 'group' };
    const { id: conversationId } = await site.db.prisma.conversation.create({ data: dialog });
    const message = { conversationId, direction: 'toPortal', externalId: 'm', senderId: 'u', text: 'Hi' };
    const { id } = await site.db.prisma.message.create({ data: { ...message, sentAt: new Date() } });
    await site.as.write.post(`/jobs/${await addJob({ payload: { messageId: id } })}/cancel`, { reason: 'spam' });
    expect(await site.db.prisma.message.findUnique({ where: { id } })).toMatchObject({
      state: 'failed',
      lastError: 'cancelled',
    });
  });
});

describe('jobs', () => {
  it('are filtered by state, kind, portal and conversation', async () => {
    const id = await addJob({ state: 'parked', kind: 'special' });
    const { id: portalId } = await site.addPortal();
    await site.db.prisma.job.update({ where: { id: BigInt(id) }, data: { portalId, conversationId: portalId } });
    const find = async (params: object): Promise<string[]> =>
      (await site.as.read.get<{ items: JobView[] }>('/jobs', { params })).data.items.map((job) => job.id);
    expect(await find({ kind: 'special', state: 'parked' })).toEqual([id]);
    expect(await find({ kind: 'special', state: 'dead' })).toEqual([]);
    expect(await find({ kind: 'special', state: 'done' })).toEqual([]);
    expect(await find({ portalId })).toEqual([id]);
    expect(await find({ conversationId: portalId })).toEqual([id]);
    expect((await site.as.read.get('/jobs', { params: { state: 'lost' } })).status).toBe(400);
  });

  it('are retried by filter, each once', async () => {
    const kind = 'many';
    const ids = [
      await addJob({ kind, state: 'dead' }),
      await addJob({ kind, state: 'parked' }),
      await addJob({ kind, state: 'waiting' }),
      await addJob({ kind: 'other', state: 'dead' }),
    ];
    expect((await site.as.write.post('/jobs/retry', { kind, state: 'dead' })).data).toEqual({
      retried: 1,
      more: false,
    });
    expect((await site.as.write.post('/jobs/retry', { kind })).data).toEqual({ retried: 1, more: false });
    expect(await Promise.all(ids.map(stateOf))).toEqual(['waiting', 'waiting', 'waiting', 'dead']);
    expect((await site.as.write.post('/jobs/retry', { state: 'done' })).status).toBe(400);
  });
});

describe('webhook events', () => {
  async function addEvent(more: { externalId?: string | null; type?: string; state?: string } = {}) {
    const slug = `source-${Math.random().toString(36).slice(2)}`;
    const messenger = await site.addMessenger(slug);
    const row = await site.db.prisma.webhookEvent.create({
      data: {
        messengerId: messenger.id,
        eventId: 'e-1',
        type: 'conversation.renamed',
        externalId: 'c-1',
        payload: { type: 'conversation.renamed' },
        requestId: 'r-1',
        state: 'applied',
        note: 'a newer name is known',
        appliedAt: new Date(),
        ...more,
      },
    });
    return { id: row.id.toString(), slug, gateId: messenger.gateId };
  }

  it('show their payload one by one', async () => {
    const { id, slug } = await addEvent();
    const { data } = await site.as.read.get<unknown>(`/webhook-events/${id}`);
    expect(data).toMatchObject({ id, messenger: slug, eventId: 'e-1', payload: { type: 'conversation.renamed' } });
    const list = await site.as.read.get<{ items: object[] }>('/webhook-events');
    expect(list.data.items[0]).toMatchObject({ id, messenger: slug });
    expect(list.data.items[0]).not.toHaveProperty('payload');
  });

  it('are filtered by messenger, state, type and conversation', async () => {
    const { id, slug } = await addEvent({ externalId: 'c-7', type: 'message.created', state: 'ignored' });
    const find = async (params: object): Promise<string[]> =>
      (await site.as.read.get<{ items: { id: string }[] }>('/webhook-events', { params })).data.items.map(
        (event) => event.id,
      );
    expect(await find({ messenger: slug })).toEqual([id]);
    expect(await find({ messenger: 'nobody' })).toEqual([]);
    expect(await find({ externalId: 'c-7', state: 'ignored', type: 'message.created' })).toEqual([id]);
    expect(await find({ externalId: 'c-7', state: 'applied' })).toEqual([]);
  });

  it.each([['c-1'], [null]])('about the conversation %j are replayed by a job', async (externalId) => {
    const { id, gateId } = await addEvent({ externalId });
    const { status, data } = await site.as.write.post<unknown>(`/webhook-events/${id}/replay`);
    expect([status, data]).toEqual([202, expect.objectContaining({ state: 'accepted', note: null, appliedAt: null })]);
    const jobs = await site.db.prisma.job.findMany({ where: { gateId: BigInt(gateId) } });
    expect(jobs.map(({ kind, state }) => [kind, state])).toEqual([['applyWebhookEvents', 'waiting']]);
  });

  it('of a messenger that is gone cannot be replayed', async () => {
    const { id, slug } = await addEvent();
    await site.as.write.delete(`/messengers/${slug}`);
    expect((await site.as.write.post(`/webhook-events/${id}/replay`)).status).toBe(404);
    expect((await site.as.read.get(`/webhook-events/${id}`)).data).toMatchObject({ messenger: null });
  });
});

describe('API keys', () => {
  it('are shown once, and kept as a hash', async () => {
    const { status, data } = await site.as.admin.post<{ id: string; key: string }>('/api-keys', {
      name: 'console',
      scopes: ['read', 'read'],
    });
    expect([status, data]).toEqual([
      201,
      expect.objectContaining({ name: 'console', scopes: ['read'], revokedAt: null }),
    ]);
    expect(data.key).toMatch(/^ocg_[\w-]{32}$/);
    const rows = await site.db.prisma.apiKey.findMany();
    expect(JSON.stringify(rows)).not.toContain(data.key);
    expect(JSON.stringify((await site.as.admin.get('/api-keys')).data)).not.toContain(data.key);
  });

  it.each([
    ['/name', { name: '' }],
    ['/scopes', { scopes: [] }],
    ['/scopes/0', { scopes: ['root'] }],
  ])('with a wrong %s are refused', async (path, wrong) => {
    const answer = await site.as.admin.post('/api-keys', { name: 'k', scopes: ['read'], ...wrong });
    expect(problem(answer).errors?.map((one) => one.path)).toEqual([path]);
  });

  it('the last one that may make keys cannot be revoked', async () => {
    const url = `/api-keys/${site.keyIds.admin}`;
    const answer = await site.as.admin.delete(url);
    expect([answer.status, problem(answer).code]).toEqual([409, 'conflict']);
    await site.as.admin.post('/api-keys', { name: 'second', scopes: ['admin'] });
    expect((await site.as.admin.delete(url)).status).toBe(204);
    expect((await site.as.admin.get('/api-keys')).status).toBe(401);
  });
});
