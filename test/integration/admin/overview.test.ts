import { BUCKET_MS, bucketOf, recordActivity } from '../../../src/bridge/activity.ts';
import { type AdminSite, createAdminSite, problem } from './site.ts';

/** The overview, and what a person may say of a message nobody can tell of. */

let site: AdminSite;
beforeAll(async () => {
  site = await createAdminSite();
});
afterAll(() => site.close());

interface Overview {
  jobs: { open: number; dead: number; parked: number; oldestDueAt: string | null };
  names: { pending: number; waitingForDialog: number; failed: number };
  decisions: { kind: string; count: number; name: string | null; reason: string | null }[];
  activity: { at: string; received: number; done: number; failed: number; backlog: number | null }[];
}
const overview = async (query = ''): Promise<Overview> => (await site.as.read.get<Overview>(`/overview${query}`)).data;

interface Stuck {
  kind?: string;
  state?: string;
  payload?: Record<string, string>;
  conversationId?: string;
}
async function addJob({ kind = 'deliverMessage', state = 'parked', payload = {}, conversationId }: Stuck = {}) {
  const gateId = await site.addGate();
  const job = { gateId, lane: 'a', class: 'live' as const, kind, payload };
  await site.outbox.enqueue([{ ...job, ...(conversationId ? { conversationId } : {}) }]);
  const { id } = await site.db.prisma.job.findFirstOrThrow({ where: { gateId: BigInt(gateId) } });
  await site.db.prisma.job.update({ where: { id }, data: { state, started: true, lastCode: 'outcome_unknown' } });
  return id.toString();
}

/** A message in the state its stuck delivery left it in. */
async function addMessage(more: { direction?: string; editedAt?: Date } = {}) {
  const { channelId, messengerId, portalId } = await site.addChannel();
  const dialog = { channelId, messengerId, externalId: 'c', dialogKey: 'c', kind: 'group', wantedName: 'Named' };
  const { id: conversationId } = await site.db.prisma.conversation.create({ data: dialog });
  const message = { conversationId, direction: 'toPortal', externalId: 'm', senderId: 'u', text: 'Hi', ...more };
  const data = { ...message, sentAt: new Date(), state: 'parked', lastError: 'outcome_unknown' };
  const { id } = await site.db.prisma.message.create({ data });
  return { id, conversationId, portalId };
}
const kindsFor = async (conversationId: string): Promise<string[]> =>
  (await site.db.prisma.job.findMany({ where: { conversationId }, orderBy: { id: 'asc' } })).map(({ kind }) => kind);

describe('a message nobody can tell of', () => {
  it('that a person found delivered counts as delivered, is not sent again, and its name and later text follow', async () => {
    const { id, conversationId } = await addMessage({ editedAt: new Date() });
    const job = await addJob({ payload: { messageId: id }, conversationId });
    const { status, data } = await site.as.write.post<unknown>(`/jobs/${job}/confirm`);
    expect([status, data]).toEqual([200, expect.objectContaining({ state: 'done' })]);
    expect(data).toMatchObject({
      attempts: [{ outcome: 'done', code: 'confirmed', detail: 'confirmed with the key write' }],
    });
    const message = await site.db.prisma.message.findUniqueOrThrow({ where: { id } });
    expect([message.state, message.lastError, message.deliveredAt]).toEqual(['delivered', null, expect.any(Date)]);
    expect(await kindsFor(conversationId)).toEqual(['changeMessage', 'convergeName']);
    const again = await site.as.write.post(`/jobs/${job}/confirm`);
    expect([again.status, problem(again).code]).toEqual([409, 'conflict']);
  });

  it('of an operator is confirmed to Bitrix24 too', async () => {
    const { id, conversationId } = await addMessage({ direction: 'toMessenger' });
    const job = await addJob({ kind: 'deliverReply', state: 'dead', payload: { messageId: id }, conversationId });
    expect((await site.as.write.post(`/jobs/${job}/confirm`, { reason: 'seen in the chat' })).status).toBe(200);
    expect(await kindsFor(conversationId)).toEqual(['confirmDelivery']);
  });

  it('stays as it is while its job is at work, and nothing but a delivery can be confirmed', async () => {
    const { id, conversationId } = await addMessage();
    const waiting = await addJob({ state: 'waiting', payload: { messageId: id }, conversationId });
    const other = await addJob({ kind: 'convergeCompanion' });
    for (const job of [waiting, other]) {
      const answer = await site.as.write.post(`/jobs/${job}/confirm`);
      expect([answer.status, problem(answer).code]).toEqual([409, 'conflict']);
    }
    expect(await site.db.prisma.message.findUnique({ where: { id } })).toMatchObject({ state: 'parked' });
    expect((await site.as.read.post(`/jobs/${other}/confirm`)).status).toBe(403);
  });
});

describe('the overview', () => {
  it('names what needs a person, what stops most first, and nothing of portals that are gone', async () => {
    const { channelId, portalGateId, conversationId } = await broken();
    const gate = { blockedUntil: new Date(site.time.now + 60_000), blockedReason: 'PAYMENT_REQUIRED' };
    await site.db.prisma.gate.update({ where: { id: BigInt(portalGateId) }, data: gate });
    const gone = await site.addPortal({ uninstalledAt: new Date() });
    await site.db.prisma.gate.update({ where: { id: BigInt(gone.gateId) }, data: gate });
    await site.db.prisma.channel.update({
      where: { id: channelId },
      data: { state: 'disconnected', lastError: 'NOT_ACTIVE_LINE' },
    });
    await site.db.prisma.conversation.update({ where: { id: conversationId }, data: { nameState: 'failed' } });
    await addJob();
    const { jobs, names, decisions } = await overview();
    expect(decisions.filter(({ kind }) => kind === 'portalBlocked')).toMatchObject([{ reason: 'PAYMENT_REQUIRED' }]);
    expect(decisions).toContainEqual(
      expect.objectContaining({ kind: 'channelDisconnected', reason: 'NOT_ACTIVE_LINE' }),
    );
    expect(decisions).toContainEqual(expect.objectContaining({ kind: 'portalUnauthorized' }));
    expect(decisions).toContainEqual(expect.objectContaining({ kind: 'jobsParked', count: jobs.parked }));
    expect(decisions).toContainEqual(expect.objectContaining({ kind: 'namesFailed', count: names.failed }));
    expect([jobs.parked, names.failed].every((count) => count > 0)).toBe(true);
    expect(decisions[0]?.kind).toBe('portalBlocked');
  });

  const broken = async () => {
    const channel = await site.addChannel();
    const { channelId, messengerId } = channel;
    const dialog = { channelId, messengerId, externalId: 'broken', dialogKey: 'broken', kind: 'group' };
    const { id: conversationId } = await site.db.prisma.conversation.create({ data: dialog });
    return { ...channel, conversationId };
  };

  it('counts every five minutes once, and the ones under way as they are', async () => {
    const begun = bucketOf(site.time.now);
    const at = (ago: number): Date => new Date(begun - ago);
    const { id: messengerId } = await site.addMessenger('counted');
    const event = { messengerId, type: 't', payload: {}, requestId: 'r' };
    const received = [at(2 * BUCKET_MS), at(2 * BUCKET_MS - 1), at(1), at(0)];
    await site.db.prisma.webhookEvent.createMany({
      data: received.map((receivedAt, index) => ({ ...event, eventId: `e-${index}`, receivedAt })),
    });
    const attempt = { jobId: 1n, durationMs: 1, startedAt: at(1) };
    const outcomes = ['done', 'done', 'retry', 'later'];
    await site.db.prisma.attempt.createMany({ data: outcomes.map((outcome) => ({ ...attempt, outcome })) });

    await recordActivity(site.db, site.time.now);
    await recordActivity(site.db, site.time.now);
    const { activity, jobs } = await overview('?hours=1');
    const [older, last, current] = activity.slice(-3);
    expect(older).toEqual({ at: at(2 * BUCKET_MS).toISOString(), received: 2, done: 0, failed: 0, backlog: null });
    expect(last).toEqual({
      at: at(BUCKET_MS).toISOString(),
      received: 1,
      done: 2,
      failed: 1,
      backlog: expect.any(Number) as number,
    });
    expect(current).toMatchObject({ at: at(0).toISOString(), received: 1, backlog: jobs.open });
    expect(activity).toHaveLength(12);
    expect((await overview()).activity).toHaveLength(72);
  });

  it.each(['0', '169', 'x', '1.5'])('does not go back %s hours', async (hours) => {
    expect((await site.as.read.get(`/overview?hours=${hours}`)).status).toBe(400);
  });
});

it('a resync is now: work that waited for its next try goes at once', async () => {
  const { channelId, messengerId, portalGateId, portalId } = await site.addChannel();
  const dialog = { channelId, messengerId, externalId: 'late', dialogKey: 'late', kind: 'group', wantedName: 'Late' };
  const { id: conversationId } = await site.db.prisma.conversation.create({ data: dialog });
  const lane = `name:${conversationId}`;
  const job = { gateId: portalGateId, lane, class: 'bulk' as const, kind: 'convergeName', payload: { conversationId } };
  await site.outbox.enqueue([{ ...job, portalId, conversationId }]);
  const where = { gateId_key: { gateId: BigInt(portalGateId), key: lane } };
  const inAnHour = new Date(Date.now() + 3_600_000);
  await site.db.prisma.lane.update({ where, data: { dueAt: inAnHour } });
  expect((await site.as.write.post(`/conversations/${conversationId}/resync`)).status).toBe(202);
  const { dueAt } = await site.db.prisma.lane.findUniqueOrThrow({ where });
  expect(dueAt?.getTime()).toBeLessThan(inAnHour.getTime() - 60_000);
});
