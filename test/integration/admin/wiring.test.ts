import { type AdminSite, createAdminSite, NOWHERE, problem } from './site.ts';

/** Portals, connectors, bots and channels, as far as they need no answer of a portal's own. */

let site: AdminSite;
beforeAll(async () => {
  site = await createAdminSite();
  const ready = { state: 'ready', lastError: null };
  site.work({
    convergeConnector: ({ connectorId: id = '' }) =>
      site.db.prisma.connector.update({ where: { id }, data: { ...ready, registeredAt: new Date() } }),
    removeConnector: () => Promise.resolve(),
    convergeBot: ({ botId: id = '' }) => site.db.prisma.bot.update({ where: { id }, data: { ...ready, botId: 51 } }),
    removeBot: () => Promise.resolve(),
    connectChannel: ({ channelId: id = '' }) => site.db.prisma.channel.update({ where: { id }, data: ready }),
    disconnectChannel: () => Promise.resolve(),
    retitleChannel: () => Promise.resolve(),
  });
});
afterAll(() => site.close());
beforeEach(() => site.portalAnswers.clear());

const pause = (gateId: string) => site.db.prisma.gate.update({ where: { id: BigInt(gateId) }, data: { paused: true } });
const lastJob = (kind: string) => site.db.prisma.finishedJob.findFirst({ where: { kind }, orderBy: { id: 'desc' } });

describe('a portal', () => {
  it('is active, paused, blocked or uninstalled', async () => {
    const { id, gateId } = await site.addPortal();
    const state = async () => (await site.as.read.get<{ state: string }>(`/portals/${id}`)).data;
    expect(await state()).toMatchObject({ state: 'active', blockedReason: null, authorized: false });
    await site.gate.block(gateId, 60_000, 'no_grant');
    expect(await state()).toMatchObject({ state: 'blocked', blockedReason: 'no_grant' });
    await pause(gateId);
    expect(await state()).toMatchObject({ state: 'paused', blockedReason: null });
    await site.db.prisma.portal.update({ where: { id }, data: { uninstalledAt: new Date() } });
    expect(await state()).toMatchObject({ state: 'uninstalled' });
  });

  it('whose block has run out is active', async () => {
    const { id, gateId } = await site.addPortal();
    await site.gate.block(gateId, -60_000, 'over');
    expect((await site.as.read.get(`/portals/${id}`)).data).toMatchObject({ state: 'active', blockedReason: null });
  });

  it('is paused and resumed; resuming lifts a block', async () => {
    const { id, gateId } = await site.addPortal();
    await site.gate.block(gateId, 60_000, 'no_grant');
    expect((await site.as.write.patch(`/portals/${id}`, { paused: true })).data).toMatchObject({ state: 'paused' });
    expect((await site.as.write.patch(`/portals/${id}`, { paused: false })).data).toMatchObject({ state: 'active' });
  });

  it('gets the limits of its plan', async () => {
    const { id, gateId } = await site.addPortal();
    expect((await site.as.write.patch(`/portals/${id}`, { plan: 'enterprise' })).data).toMatchObject({
      plan: 'enterprise',
      state: 'active',
    });
    const gate = await site.db.prisma.gate.findUniqueOrThrow({ where: { id: BigInt(gateId) } });
    // A little below 250 at once and 5 per second: arrival jitters, and not one request may be too many.
    expect(gate).toMatchObject({ stepMs: 202, burstMs: 247 * 202, paused: false });
  });

  it('that is erased keeps no secret, but its mappings', async () => {
    const { portalId: id, channelId } = await site.addChannel();
    const token = { portalId: id, userId: '1', accessToken: 'a', refreshToken: 'r' };
    const now = new Date();
    await site.db.prisma.grant.create({ data: { ...token, expiresAt: now, refreshedAt: now } });
    expect((await site.as.read.get(`/portals/${id}`)).data).toMatchObject({ authorized: true });
    const { status, data } = await site.as.admin.delete<unknown>(`/portals/${id}`);
    expect([status, data]).toEqual([200, expect.objectContaining({ state: 'uninstalled', authorized: false })]);
    expect(await site.db.prisma.grant.count({ where: { portalId: id } })).toBe(0);
    expect(await site.db.prisma.portal.findUnique({ where: { id } })).toMatchObject({ applicationTokenHash: null });
    expect((await site.as.read.get(`/channels/${channelId}`)).status).toBe(200);
  });

  it('that is erased stays closed when it is resumed', async () => {
    const { id } = await site.addPortal();
    await site.as.admin.delete(`/portals/${id}`);
    await site.as.write.patch(`/portals/${id}`, { paused: false });
    expect(await site.db.prisma.gate.findFirst({ where: { portal: { id } } })).toMatchObject({
      blockedReason: 'uninstalled',
    });
  });

  it('that cannot be reached is unavailable, with a time to come back', async () => {
    const { id } = await site.addPortal();
    const answer = await site.as.read.get(`/portals/${id}/lines`);
    expect([answer.status, problem(answer).code, problem(answer).portalCode]).toEqual([
      503,
      'portal_unavailable',
      'network',
    ]);
    expect(answer.headers['retry-after']).toBe('30');
  });
});

describe('a connector', () => {
  const body = { code: 'Shop_Chat', name: 'Shop', kind: 'group' };

  it('is registered while its maker waits, under a lower-case code', async () => {
    const { id } = await site.addPortal();
    const { status, data } = await site.as.write.post<unknown>(`/portals/${id}/connectors`, body);
    expect([status, data]).toEqual([201, expect.objectContaining({ code: 'shop_chat', state: 'ready' })]);
    expect((await site.as.read.get(`/portals/${id}/connectors/SHOP_CHAT`)).data).toEqual(data);
    expect((await site.as.read.get(`/portals/${id}/connectors`)).data).toEqual({ items: [data], nextCursor: null });
  });

  it('of a portal that is paused is made, and shown as pending', async () => {
    const { id, gateId } = await site.addPortal();
    await pause(gateId);
    const { status, data } = await site.as.write.post<unknown>(`/portals/${id}/connectors`, body);
    expect([status, data]).toEqual([201, expect.objectContaining({ state: 'pending', lastError: null })]);
  });

  it('that exists is not made again', async () => {
    const { id } = await site.addPortal();
    await site.as.write.post(`/portals/${id}/connectors`, body);
    const answer = await site.as.write.post(`/portals/${id}/connectors`, body);
    expect([answer.status, problem(answer).code]).toEqual([409, 'conflict']);
  });

  it('cannot be made on a portal that uninstalled the application', async () => {
    const { id } = await site.addPortal({ uninstalledAt: new Date() });
    const answer = await site.as.write.post(`/portals/${id}/connectors`, body);
    expect([answer.status, problem(answer).code]).toEqual([409, 'conflict']);
    expect((await site.as.write.post(`/portals/${NOWHERE}/connectors`, body)).status).toBe(404);
  });

  it.each([
    ['/code', { code: 'a' }],
    ['/code', { code: 'with.point' }],
    ['/kind', { kind: 'channel' }],
    ['/icon', { icon: 'https://example.com/icon.svg' }],
    ['/color', { color: 'green' }],
    ['/name', { name: ' ' }],
  ])('with a wrong %s is refused', async (path, wrong) => {
    const { id } = await site.addPortal();
    const answer = await site.as.write.post(`/portals/${id}/connectors`, { ...body, ...wrong });
    expect(problem(answer).errors?.map((one) => one.path)).toEqual([path]);
  });

  it('is removed from the portal too, unless channels use it', async () => {
    const { portalId, connectorId, channelId } = await site.addChannel();
    const { code } = await site.db.prisma.connector.findUniqueOrThrow({ where: { id: connectorId } });
    const answer = await site.as.write.delete(`/portals/${portalId}/connectors/${code}`);
    expect([answer.status, problem(answer).code]).toEqual([409, 'in_use']);
    await site.as.write.delete(`/channels/${channelId}`);
    expect((await site.as.write.delete(`/portals/${portalId}/connectors/${code}`)).status).toBe(204);
    expect((await lastJob('removeConnector'))?.payload).toEqual({ portalId, code });
    expect((await site.as.read.get(`/portals/${portalId}/connectors/${code}`)).status).toBe(404);
  });

  it('whose portal does not answer is removed here, and there later', async () => {
    const { id, gateId } = await site.addPortal();
    await site.as.write.post(`/portals/${id}/connectors`, body);
    await pause(gateId);
    const { status, data } = await site.as.write.delete<unknown>(`/portals/${id}/connectors/shop_chat`);
    expect([status, data]).toEqual([202, { state: 'pending' }]);
  });
});

describe('a bot', () => {
  const body = { code: 'helper', name: 'Helper', color: 'lightBlue', gender: 'F' };

  it('is registered with a token of its own, which nobody sees', async () => {
    const { id } = await site.addPortal();
    const { status, data } = await site.as.write.post<{ id: string }>(`/portals/${id}/bots`, body);
    expect([status, data]).toEqual([201, expect.objectContaining({ ...body, botId: 51, state: 'ready' })]);
    const { token } = await site.db.prisma.bot.findUniqueOrThrow({ where: { id: data.id } });
    expect(site.vault.decrypt(token).length).toBeLessThanOrEqual(40);
    expect(JSON.stringify(data)).not.toContain('token');
  });

  it('is found by its own id and by its number on the portal', async () => {
    const { id } = await site.addPortal();
    const { data } = await site.as.write.post<{ id: string }>(`/portals/${id}/bots`, body);
    for (const name of [data.id, '51']) {
      expect((await site.as.read.get(`/portals/${id}/bots/${name}`)).data).toEqual(data);
    }
    expect((await site.as.read.get(`/portals/${id}/bots/52`)).status).toBe(404);
  });

  it('changes in what is said, and loses what is null', async () => {
    const { id } = await site.addPortal();
    await site.as.write.post(`/portals/${id}/bots`, { ...body, lastName: 'Bot' });
    const { status, data } = await site.as.write.patch<unknown>(`/portals/${id}/bots/51`, {
      name: 'Aide',
      lastName: null,
    });
    expect([status, data]).toEqual([
      200,
      expect.objectContaining({ name: 'Aide', lastName: null, color: 'lightBlue', state: 'ready' }),
    ]);
  });

  it.each([
    ['/code', { code: 'much_too_long_for_a_bot' }],
    ['/color', { color: 'turquoise' }],
    ['/gender', { gender: 'female' }],
    ['/avatar', { avatar: 'data:image/png;base64,AAAA' }],
  ])('with a wrong %s is refused', async (path, wrong) => {
    const { id } = await site.addPortal();
    const answer = await site.as.write.post(`/portals/${id}/bots`, { ...body, ...wrong });
    expect(problem(answer).errors?.map((one) => one.path)).toEqual([path]);
  });

  it('is not removed while companions belong to it', async () => {
    const { channelId, messengerId, portalId } = await site.addChannel();
    const { data: bot } = await site.as.write.post<{ id: string }>(`/portals/${portalId}/bots`, body);
    const dialog = { channelId, messengerId, externalId: 'c', dialogKey: 'c', kind: 'group' };
    const { id: conversationId } = await site.db.prisma.conversation.create({ data: dialog });
    await site.db.prisma.companion.create({ data: { conversationId, botId: bot.id, key: 'k', state: 'ready' } });
    const answer = await site.as.write.delete(`/portals/${portalId}/bots/${bot.id}`);
    expect([answer.status, problem(answer).code]).toEqual([409, 'in_use']);
    await site.as.write.delete(`/conversations/${conversationId}/companion`);
    expect((await site.as.write.delete(`/portals/${portalId}/bots/${bot.id}`)).status).toBe(204);
    const { payload } = (await lastJob('removeBot'))!;
    expect(payload).toMatchObject({ portalId, botId: '51' });
    const jobs = await site.as.read.get('/jobs', { params: { kind: 'removeBot' } });
    expect(JSON.stringify(jobs.data)).not.toContain('token');
  });
});

describe('a channel', () => {
  /** Ends for a new channel: all but the channel itself. */
  async function ends() {
    const { portalId, slug, connectorId } = await site.addChannel();
    const { code } = await site.db.prisma.connector.findUniqueOrThrow({ where: { id: connectorId } });
    return { portalId, messenger: slug, connector: code, lineId: 2 };
  }
  const lineExists = () => site.portalAnswers.set('imopenlines.config.get', () => ({ ID: '2', LINE_NAME: 'Sales' }));

  it('is connected while its maker waits', async () => {
    const body = await ends();
    lineExists();
    const { status, data } = await site.as.write.post<unknown>('/channels', { ...body, lineId: '2' });
    expect([status, data]).toEqual([
      201,
      expect.objectContaining({ ...body, autoMap: true, companion: { mode: 'off' }, state: 'ready' }),
    ]);
  });

  it('to a line that does not exist is refused, and nothing is written', async () => {
    const body = await ends();
    site.portalAnswers.set('imopenlines.config.get', () => []);
    const answer = await site.as.write.post('/channels', body);
    expect([answer.status, problem(answer).code]).toEqual([422, 'line_not_found']);
    expect(await site.db.prisma.channel.count({ where: { portalId: body.portalId, lineId: 2 } })).toBe(0);
  });

  it('of a portal that cannot be reached is not made', async () => {
    const answer = await site.as.write.post('/channels', await ends());
    expect([answer.status, problem(answer).code]).toEqual([503, 'portal_unavailable']);
  });

  it('is the only one of its connector on its line', async () => {
    const body = await ends();
    lineExists();
    const answers = await Promise.all([1, 2, 3].map(() => site.as.write.post('/channels', body)));
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 409, 409]);
  });

  it.each([
    ['/portalId', { portalId: NOWHERE }],
    ['/messenger', { messenger: 'nobody' }],
    ['/connector', { connector: 'nothing' }],
    ['/companion/bot', { companion: { mode: 'onDemand', bot: 'nobody' } }],
    ['/lineId', { lineId: 'two' }],
    ['/titleTemplate', { titleTemplate: '{nmae}' }],
    ['/companion/memberUserIds/1', { companion: { mode: 'off', memberUserIds: [1, 0] } }],
  ])('with a wrong %s is refused', async (path, wrong) => {
    lineExists();
    const answer = await site.as.write.post('/channels', { ...(await ends()), ...wrong });
    expect(answer.status).toBe(400);
    expect(problem(answer).errors?.map((one) => one.path)).toEqual([path]);
  });

  it('keeps a companion policy as it was given', async () => {
    const body = await ends();
    await site.as.write.post(`/portals/${body.portalId}/bots`, { code: 'helper', name: 'Helper' });
    lineExists();
    const companion = { mode: 'onFirstMessage', bot: 'helper', ownerUserId: '7', memberUserIds: [1, '2'] };
    const { data } = await site.as.write.post<unknown>('/channels', { ...body, companion });
    expect(data).toMatchObject({
      companion: { mode: 'onFirstMessage', bot: 'helper', ownerUserId: 7, memberUserIds: [1, 2] },
    });
  });

  it('with another title template retitles its conversations; without one it does not', async () => {
    const { channelId } = await site.addChannel();
    const retitled = async () => ((await lastJob('retitleChannel'))?.payload as { channelId?: string })?.channelId;
    await site.as.write.patch(`/channels/${channelId}`, { autoMap: false, titleTemplate: null });
    expect(await retitled()).not.toBe(channelId);
    const { data } = await site.as.write.patch<unknown>(`/channels/${channelId}`, {
      titleTemplate: '{name} ({messenger})',
    });
    expect(data).toMatchObject({ autoMap: false, titleTemplate: '{name} ({messenger})' });
    const jobs = await site.as.read.get<{ items: object[] }>('/jobs', { params: { kind: 'retitleChannel' } });
    expect(jobs.data.items[0]).toMatchObject({ payload: { channelId } });
  });

  it('is found by portal and messenger', async () => {
    const { channelId, portalId, slug } = await site.addChannel();
    const find = async (params: object) =>
      (await site.as.read.get<{ items: { id: string }[] }>('/channels', { params })).data.items.map(({ id }) => id);
    expect(await find({ portalId })).toEqual([channelId]);
    expect(await find({ messenger: slug })).toEqual([channelId]);
    expect(await find({ messenger: 'nobody' })).toEqual([]);
  });

  it('with conversations is disconnected only by force, which forgets them', async () => {
    const { channelId, portalId, messengerId } = await site.addChannel();
    const dialog = { channelId, messengerId, externalId: 'c', dialogKey: 'c', kind: 'group' };
    const { id } = await site.db.prisma.conversation.create({ data: dialog });
    const answer = await site.as.write.delete(`/channels/${channelId}`);
    expect([answer.status, problem(answer).code]).toEqual([409, 'in_use']);
    expect((await site.as.write.delete(`/channels/${channelId}?force=true`)).status).toBe(204);
    expect((await site.as.read.get(`/conversations/${id}`)).status).toBe(404);
    expect((await lastJob('disconnectChannel'))?.payload).toMatchObject({ portalId, line: '1' });
  });
});
