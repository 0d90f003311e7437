import { type AdminSite, createAdminSite, NOWHERE, problem } from './site.ts';

let site: AdminSite;
beforeAll(async () => {
  site = await createAdminSite();
});
afterAll(() => site.close());

interface ConversationView {
  id: string;
  name: Record<string, unknown>;
  dialog: Record<string, unknown>;
  companion: Record<string, unknown>;
}

type Ends = Awaited<ReturnType<AdminSite['addChannel']>>;

interface Page {
  items: ConversationView[];
  nextCursor: string | null;
}

const map = async (channelId: string, body: object = {}): Promise<ConversationView> => {
  const { data } = await site.as.write.post<ConversationView>('/conversations', {
    channelId,
    externalId: 'c-1',
    ...body,
  });
  return data;
};
const change = (id: string, body: object) => site.as.write.patch<ConversationView>(`/conversations/${id}`, body);
const queued = async (conversationId: string): Promise<string[]> => {
  const jobs = await site.db.prisma.job.findMany({ where: { conversationId }, orderBy: { id: 'asc' } });
  return jobs.map(({ kind }) => kind);
};
/** As it is once the name was applied to a dialog. */
const applied = (id: string, name: string) =>
  site.db.prisma.conversation.update({
    where: { id },
    data: {
      chatId: '42',
      sessionId: '7',
      sessionOpen: true,
      appliedName: name,
      appliedTitle: name,
      appliedAt: new Date(),
      nameState: 'applied',
    },
  });

async function addCompanion(conversationId: string, { portalId }: Ends, more: object = {}): Promise<string> {
  const bot = await site.db.prisma.bot.upsert({
    where: { portalId_code: { portalId, code: 'helper' } },
    create: { portalId, code: 'helper', name: 'Helper', token: site.vault.encrypt('t'), botId: 51, state: 'ready' },
    update: {},
  });
  const data = { conversationId, botId: bot.id, key: `ocg1:${conversationId}`, state: 'ready', chatId: '900', ...more };
  return (await site.db.prisma.companion.create({ data })).id;
}

describe('mapping', () => {
  it('shows the whole conversation, its kind that of the connector', async () => {
    const { channelId } = await site.addChannel();
    const { status, data } = await site.as.write.post<ConversationView>('/conversations', {
      channelId,
      externalId: 'c-1',
      name: '  Order\n1042 ',
    });
    expect(status).toBe(201);
    expect(data).toMatchObject({ channelId, externalId: 'c-1', kind: 'group', url: null, closedAt: null });
    expect(data.name).toEqual({
      wanted: 'Order 1042',
      applied: null,
      state: 'waitingForDialog',
      locked: false,
      changedAt: new Date(site.time.now).toISOString(),
      appliedAt: null,
      lastError: null,
    });
    expect(data.dialog).toEqual({ chatId: null, sessionOpen: false, sessionId: null, title: null });
    expect(data.companion).toMatchObject({ state: 'none', chatId: null, dialogId: null, memberUserIds: [] });
    expect((await site.as.read.get(`/conversations/${data.id}`)).data).toEqual(data);
  });

  it('a group conversation looks for a dialog it may have already', async () => {
    const { channelId } = await site.addChannel();
    const { id } = await map(channelId, { name: 'A' });
    expect(await queued(id)).toEqual(['convergeName']);
  });

  it('a direct one waits for its first message', async () => {
    const { channelId } = await site.addChannel({ kind: 'direct' });
    const view = await map(channelId, { name: 'A', externalUserId: 'u-7' });
    expect(view).toMatchObject({ kind: 'direct', externalUserId: 'u-7' });
    expect(await queued(view.id)).toEqual([]);
  });

  it('happens once, however many ask for it', async () => {
    const { channelId } = await site.addChannel();
    const body = { channelId, externalId: 'c-9' };
    const answers = await Promise.all([1, 2, 3, 4].map(() => site.as.write.post('/conversations', body)));
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 409, 409, 409]);
  });

  it.each([
    ['/channelId', { channelId: NOWHERE }],
    ['/externalId', { externalId: '' }],
    ['/externalId', { externalId: 'x'.repeat(256) }],
    ['/name', { name: '\n' }],
    ['/kind', { kind: 'channel' }],
  ])('with a wrong %s is refused', async (path, wrong) => {
    const { channelId } = await site.addChannel();
    const answer = await site.as.write.post('/conversations', { channelId, externalId: 'c', ...wrong });
    expect(answer.status).toBe(400);
    expect(problem(answer).errors?.map((one) => one.path)).toEqual([path]);
  });
});

describe('the list', () => {
  it('begins with what was mapped last where that is asked for, page by page', async () => {
    const { channelId } = await site.addChannel();
    const mapped: string[] = [];
    for (let n = 0; n < 3; n++) mapped.push((await map(channelId, { externalId: `c-of-list-${n}` })).id);
    const list = async (order: object): Promise<string[]> => {
      const params = { channelId, limit: 2, ...order };
      const { data: first } = await site.as.read.get<Page>('/conversations', { params });
      const { data: last } = await site.as.read.get<Page>('/conversations', {
        params: { ...params, cursor: first.nextCursor },
      });
      expect([first.items.length, last.items.length, last.nextCursor]).toEqual([2, 1, null]);
      return [...first.items, ...last.items].map(({ id }) => id);
    };
    expect(await list({})).toEqual(mapped);
    expect(await list({ order: 'newest' })).toEqual(mapped.toReversed());
  });

  it('is filtered by channel, id, name, and what became of name and companion', async () => {
    const ends = await site.addChannel();
    const { channelId } = ends;
    const [a, b, c] = [
      await map(channelId, { externalId: 'a', name: 'Order 100% ready' }),
      await map(channelId, { externalId: 'b', name: 'ORDER 1000' }),
      await map(channelId, { externalId: 'c' }),
    ];
    await applied(b.id, 'ORDER 1000');
    await addCompanion(b.id, ends);
    const find = async (params: object): Promise<string[]> => {
      const { data } = await site.as.read.get<{ items: { id: string }[] }>('/conversations', {
        params: { channelId, ...params },
      });
      return data.items.map(({ id }) => id);
    };
    expect(await find({})).toEqual([a.id, b.id, c.id]);
    expect(await find({ externalId: 'b' })).toEqual([b.id]);
    expect(await find({ q: 'order' })).toEqual([a.id, b.id]);
    expect(await find({ q: '100%' })).toEqual([a.id]);
    expect(await find({ q: 'r_1' })).toEqual([]);
    expect(await find({ q: '\\' })).toEqual([]);
    expect(await find({ nameState: 'applied' })).toEqual([b.id]);
    expect(await find({ companionState: 'ready' })).toEqual([b.id]);
    expect(await find({ companionState: 'none' })).toEqual([a.id, c.id]);
  });
});

describe('a name given by an administrator', () => {
  it('is wanted at once and queued for the dialog', async () => {
    const { channelId } = await site.addChannel({ kind: 'direct' });
    const { id } = await map(channelId, { name: 'A' });
    await applied(id, 'A');
    const { status, data } = await change(id, { name: 'B' });
    expect([status, data.name]).toEqual([
      200,
      expect.objectContaining({ wanted: 'B', applied: 'A', state: 'pending' }),
    ]);
    expect(await queued(id)).toEqual(['convergeName']);
  });

  it('that the dialog has already costs nothing', async () => {
    const { channelId } = await site.addChannel({ kind: 'direct' });
    const { id } = await map(channelId, { name: 'A' });
    await applied(id, 'A');
    const { data } = await change(id, { name: 'A' });
    expect(data.name).toMatchObject({ state: 'applied' });
    expect(await queued(id)).toEqual([]);
  });

  it('is locked against the messenger until it is unlocked', async () => {
    const { channelId } = await site.addChannel({ kind: 'direct' });
    const { id } = await map(channelId, { name: 'A' });
    expect((await change(id, { name: 'Mine', nameLocked: true })).data.name).toMatchObject({ locked: true });
    const held = { heldName: 'Theirs', heldNameAt: new Date() };
    await site.db.prisma.conversation.update({ where: { id }, data: held });
    expect((await change(id, { nameLocked: false })).data.name).toMatchObject({ locked: false, wanted: 'Theirs' });
  });
});

describe('moving to another channel', () => {
  const moved = async (from: Ends) => {
    const { id } = await map(from.channelId, { name: 'A' });
    await applied(id, 'A');
    return id;
  };
  /** Another line of the same messenger, on the same portal or on another. */
  async function another(from: Ends, portalId = from.portalId): Promise<string> {
    const code = 'ocg_other';
    const connector = await site.db.prisma.connector.upsert({
      where: { portalId_code: { portalId, code } },
      create: { portalId, code, name: 'Other', kind: 'group' },
      update: {},
    });
    const data = { portalId, messengerId: from.messengerId, connectorId: connector.id, lineId: 9 };
    return (await site.db.prisma.channel.create({ data })).id;
  }

  it('forgets the dialog it had, and looks for one there', async () => {
    const from = await site.addChannel();
    const id = await moved(from);
    const channelId = await another(from);
    const { status, data } = await change(id, { channelId });
    expect([status, data]).toEqual([200, expect.objectContaining({ channelId })]);
    expect(data.dialog).toEqual({ chatId: null, sessionOpen: false, sessionId: null, title: null });
    expect(data.name).toMatchObject({ wanted: 'A', applied: null, state: 'waitingForDialog', appliedAt: null });
    expect(await queued(id)).toContain('convergeName');
  });

  it('goes only to channels of the same messenger', async () => {
    const id = await moved(await site.addChannel());
    const { channelId } = await site.addChannel();
    const answer = await change(id, { channelId });
    expect([answer.status, problem(answer).errors?.map(({ path }) => path)]).toEqual([400, ['/channelId']]);
  });

  it('to the channel it has changes nothing', async () => {
    const from = await site.addChannel();
    const id = await moved(from);
    const { data } = await change(id, { channelId: from.channelId });
    expect(data.dialog).toMatchObject({ chatId: 42, sessionOpen: true });
  });

  it('to another portal waits for the work that is left at the first', async () => {
    const from = await site.addChannel();
    const id = await moved(from);
    const channelId = await another(from, (await site.addPortal()).id);
    const answer = await change(id, { channelId });
    expect([answer.status, problem(answer).code]).toEqual([409, 'conflict']);
    await site.db.prisma.job.deleteMany({ where: { conversationId: id } });
    expect((await change(id, { channelId })).status).toBe(200);
  });

  it('to another portal leaves an archived companion behind, and no other', async () => {
    const from = await site.addChannel();
    const id = await moved(from);
    await site.db.prisma.job.deleteMany({ where: { conversationId: id } });
    await addCompanion(id, from);
    const channelId = await another(from, (await site.addPortal()).id);
    expect(problem(await change(id, { channelId })).code).toBe('conflict');
    await site.as.write.delete(`/conversations/${id}/companion`);
    expect((await change(id, { channelId })).data.companion).toMatchObject({ state: 'none' });
  });
});

describe('a conversation', () => {
  it('shows chat ids as numbers where those are exact, and as text where they are not', async () => {
    const { channelId } = await site.addChannel();
    const { id } = await map(channelId);
    const show = async (chatId: string) => {
      await site.db.prisma.conversation.update({ where: { id }, data: { chatId } });
      return (await site.as.read.get<ConversationView>(`/conversations/${id}`)).data.dialog.chatId;
    };
    expect(await show('42')).toBe(42);
    expect(await show('90071992547409930')).toBe('90071992547409930');
  });

  it('is forgotten with its messages and its companion', async () => {
    const ends = await site.addChannel();
    const { id } = await map(ends.channelId);
    await addCompanion(id, ends);
    expect((await site.as.write.delete(`/conversations/${id}`)).status).toBe(204);
    expect((await site.as.write.delete(`/conversations/${id}`)).status).toBe(404);
  });

  it('is compared as a whole by resync: nothing that was applied is believed', async () => {
    const ends = await site.addChannel();
    const { id } = await map(ends.channelId, { name: 'A' });
    await site.db.prisma.job.deleteMany({ where: { conversationId: id } });
    await applied(id, 'A');
    const companionId = await addCompanion(id, ends, {
      state: 'failed',
      lastError: 'bot_removed',
      appliedTitle: 'A',
      appliedAvatarHash: 'h',
      appliedDescription: 'd',
      appliedOwnerId: 7,
      appliedMemberIds: [7],
      unusableUserIds: [8],
    });
    const { status, data } = await site.as.write.post<ConversationView>(`/conversations/${id}/resync`);
    expect(status).toBe(202);
    expect(data.name).toMatchObject({ state: 'pending', appliedAt: null });
    expect(data.companion).toMatchObject({ state: 'pending', lastError: null, unusableUserIds: [], chatId: 900 });
    expect((await queued(id)).sort()).toEqual(['convergeCompanion', 'convergeName']);
    expect(await site.db.prisma.companion.findUnique({ where: { id: companionId } })).toMatchObject({
      appliedTitle: null,
      appliedOwnerId: null,
      appliedMemberIds: [],
      // Visible posts, which nothing can be compared with: believed.
      appliedAvatarHash: 'h',
      appliedDescription: 'd',
    });
  });

  it('without a name is not left pending by resync', async () => {
    const { channelId } = await site.addChannel();
    const { id } = await map(channelId);
    await site.db.prisma.conversation.update({ where: { id }, data: { chatId: '42' } });
    const { data } = await site.as.write.post<ConversationView>(`/conversations/${id}/resync`);
    expect(data.name.state).not.toBe('pending');
  });
});

describe('a companion', () => {
  async function scene() {
    const ends = await site.addChannel();
    const { id } = await map(ends.channelId, { name: 'Order 1042' });
    await site.db.prisma.bot.create({
      data: { portalId: ends.portalId, code: 'helper', name: 'Helper', token: site.vault.encrypt('secret'), botId: 51 },
    });
    return { ends, id, url: `/conversations/${id}/companion` };
  }

  it('is not there until somebody wants it', async () => {
    const { url } = await scene();
    for (const answer of [await site.as.read.get(url), await site.as.write.delete(url)]) {
      expect([answer.status, problem(answer).code]).toEqual([404, 'not_found']);
    }
    expect((await site.as.read.get(`/conversations/${NOWHERE}/companion`)).status).toBe(404);
  });

  it('is made by wishing for it, then changed by wishing otherwise', async () => {
    const { id, url } = await scene();
    const first = await site.as.write.put<unknown>(url, { memberUserIds: [2, '1', 2], ownerUserId: 1 });
    expect([first.status, first.data]).toEqual([
      201,
      expect.objectContaining({
        state: 'pending',
        title: 'Order 1042',
        wantedTitle: 'Order 1042',
        memberUserIds: [1, 2],
        ownerUserId: 1,
        chatId: null,
      }),
    ]);
    expect(await queued(id)).toContain('convergeCompanion');
    const second = await site.as.write.put<unknown>(url, { title: 'Staff', color: 'mint' });
    expect([second.status, second.data]).toEqual([
      200,
      expect.objectContaining({ wantedTitle: 'Staff', color: 'mint', memberUserIds: [], ownerUserId: null }),
    ]);
    const { data } = await site.as.read.get<ConversationView>(`/conversations/${id}`);
    expect(data.companion).toMatchObject({ state: 'pending', title: 'Staff' });
  });

  it('needs a bot', async () => {
    const { channelId } = await site.addChannel();
    const { id } = await map(channelId);
    const answer = await site.as.write.put(`/conversations/${id}/companion`, {});
    expect([answer.status, problem(answer).code]).toEqual([409, 'conflict']);
  });

  it('is archived, and comes back when it is wished for again', async () => {
    const { url } = await scene();
    await site.as.write.put(url, {});
    const archived = await site.as.write.delete<unknown>(url);
    expect([archived.status, archived.data]).toEqual([200, expect.objectContaining({ state: 'archived' })]);
    const post = await site.as.write.post(`${url}/messages`, { text: 'Hello' });
    expect([post.status, problem(post).code]).toEqual([409, 'conflict']);
    const back = await site.as.write.put<unknown>(url, {});
    expect([back.status, back.data]).toEqual([200, expect.objectContaining({ state: 'pending' })]);
  });

  it('is not asked for live while it has no chat', async () => {
    const { url } = await scene();
    await site.as.write.put(url, {});
    expect((await site.as.read.get(url, { params: { live: true } })).data).toMatchObject({ live: null });
    expect((await site.as.read.get(url)).data).not.toHaveProperty('live');
  });

  it('takes messages of its bot, each with an id that is recognised', async () => {
    const { url, id } = await scene();
    await site.as.write.put(url, {});
    const { status, data } = await site.as.write.post<unknown>(`${url}/messages`, { text: 'Hello' });
    expect([status, data]).toEqual([202, expect.objectContaining({ text: 'Hello', state: 'pending' })]);
    const [message] = await site.db.prisma.message.findMany({ where: { conversationId: id } });
    expect(message).toMatchObject({ direction: 'toCompanion', state: 'pending' });
    expect(message?.externalId).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(await queued(id)).toContain('postToCompanion');
    expect((await site.as.write.post(`${url}/messages`, { text: ' ' })).status).toBe(400);
  });
});
