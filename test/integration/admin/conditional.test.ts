import { afterAll, beforeAll, describe, expect, it, test } from '@jest/globals';
import { routes } from '../../../src/http/admin/routes.ts';
import { until } from '../../support/until.ts';
import { type AdminSite, createAdminSite, problem } from './site.ts';

/** `ETag`, `If-Match` and `If-None-Match`. */

let site: AdminSite;
beforeAll(async () => {
  site = await createAdminSite({ settleWithinMs: 0 });
});
afterAll(() => site.close());

interface Resource {
  method: 'patch' | 'put';
  url: string;
  /** The n-th of several changes, each of which shows in the resource. */
  change(n: number): object;
}

/** One of each resource that can be changed. A route that is missing here fails below. */
const resources: Record<string, () => Promise<Resource>> = {
  async changePortal() {
    const { id } = await site.addPortal();
    return {
      method: 'patch',
      url: `/portals/${id}`,
      change: (n) => ({ plan: n % 2 ? 'enterprise' : 'standard', paused: n % 3 === 0 }),
    };
  },
  async changeBot() {
    const { id: portalId } = await site.addPortal();
    const bot = { portalId, code: 'one', name: 'Bot', token: 'sealed' };
    const { id } = await site.db.prisma.bot.create({ data: bot });
    return { method: 'patch', url: `/portals/${portalId}/bots/${id}`, change: (n) => ({ name: `Bot ${n}` }) };
  },
  async changeMessenger() {
    await site.addMessenger('conditional');
    return { method: 'patch', url: '/messengers/conditional', change: (n) => ({ name: `Chat ${n}` }) };
  },
  async changeChannel() {
    const { channelId } = await site.addChannel();
    return { method: 'patch', url: `/channels/${channelId}`, change: (n) => ({ recoverMaxAgeHours: n + 1 }) };
  },
  async changeConversation() {
    return { method: 'patch', url: await conversation(), change: (n) => ({ name: `Order ${n}` }) };
  },
  async putCompanion() {
    const url = `${await conversation({ withBot: true })}/companion`;
    await site.as.write.put(url, {});
    return { method: 'put', url, change: (n) => ({ memberUserIds: [n + 1] }) };
  },
};

async function conversation({ withBot = false } = {}): Promise<string> {
  const { channelId, portalId } = await site.addChannel();
  const bot = { portalId, code: 'one', name: 'Bot', token: 'sealed', botId: 7, state: 'ready' };
  if (withBot) await site.db.prisma.bot.create({ data: bot });
  const body = { channelId, externalId: channelId, name: 'Order' };
  const { data } = await site.as.write.post<{ id: string }>('/conversations', body);
  return `/conversations/${data.id}`;
}

const tagOf = async (url: string): Promise<string> => (await site.as.read.get(url)).headers.etag as string;

test('every resource that can be changed is tried here', () => {
  const changing = routes.filter(({ method }) => method === 'patch' || method === 'put');
  expect(Object.keys(resources).sort()).toEqual(changing.map(({ operationId }) => operationId).sort());
});

describe.each(Object.keys(resources))('%s', (name) => {
  let resource: Resource;
  beforeAll(async () => {
    resource = await resources[name]!();
  });
  const change = (n: number, headers: Record<string, string> = {}) =>
    site.as.write.request<unknown>({
      method: resource.method,
      url: resource.url,
      data: resource.change(n),
      headers,
    });

  it('of many writers at the same moment with the same If-Match one wins, and the others change nothing', async () => {
    const tag = await tagOf(resource.url);
    const answers = await Promise.all([1, 2, 3, 4, 5].map((n) => change(n, { 'If-Match': tag })));
    expect(answers.filter(({ status }) => status === 200).map(({ data }) => data)).toHaveLength(1);
    const won = answers.find(({ status }) => status === 200);
    for (const answer of answers.filter(({ status }) => status !== 200)) {
      expect([answer.status, problem(answer).code]).toEqual([412, 'precondition_failed']);
    }
    const now = await site.as.read.get<unknown>(resource.url);
    expect(now.data).toEqual(won?.data);
    expect(now.headers.etag).toBe(won?.headers.etag);
    expect(now.headers.etag).not.toBe(tag);
  });

  it('the ETag of an answer is good for the next change; weak, foreign and malformed ones are not', async () => {
    for (const wrong of ['"other"', `W/${await tagOf(resource.url)}`, 'other', '""', ',']) {
      expect([wrong, (await change(6, { 'If-Match': wrong })).status]).toEqual([wrong, 412]);
    }
    const first = await change(7, { 'If-Match': `"other", ${await tagOf(resource.url)}` });
    expect(first.status).toBe(200);
    expect((await change(8, { 'If-Match': first.headers.etag as string })).status).toBe(200);
    expect((await change(9, { 'If-Match': '*' })).status).toBe(200);
    expect((await change(10)).status).toBe(200);
  });

  it('a GET that knows it already is answered 304 without a body, until it changes', async () => {
    const { headers } = await site.as.read.get(resource.url);
    const known = { 'If-None-Match': `"other", ${String(headers.etag)}` };
    const same = await site.as.read.get<unknown>(resource.url, { headers: known, transformResponse: String });
    expect([same.status, same.headers.etag]).toEqual([304, headers.etag]);
    await change(11);
    expect((await site.as.read.get(resource.url, { headers: known })).status).toBe(200);
  });
});

describe('conditions', () => {
  it('of something that is not there fail, or are 404 as without them', async () => {
    const url = `${await conversation({ withBot: true })}/companion`;
    expect((await site.as.write.put(url, {}, { headers: { 'If-Match': '*' } })).status).toBe(412);
    const only = { headers: { 'If-None-Match': '*' } };
    expect([(await site.as.write.put(url, {}, only)).status, (await site.as.write.put(url, {}, only)).status]).toEqual([
      201, 412,
    ]);
    const nobody = await site.as.write.patch('/messengers/nobody', { name: 'N' }, { headers: { 'If-Match': '*' } });
    expect(nobody.status).toBe(404);
  });

  it('hold for DELETE too', async () => {
    const url = await conversation();
    const stale = await tagOf(url);
    await site.as.write.patch(url, { name: 'Another' });
    expect((await site.as.write.delete(url, { headers: { 'If-Match': stale } })).status).toBe(412);
    expect((await site.as.write.delete(url, { headers: { 'If-Match': await tagOf(url) } })).status).toBe(204);
  });

  it('are compared with what a webhook changed meanwhile as well', async () => {
    const url = await conversation();
    const tag = await tagOf(url);
    const id = url.split('/').at(-1)!;
    // Holds the row as the worker does, and commits while the change already waits for it.
    let change: Promise<{ status: number }> | undefined;
    await site.db.transaction(async ({ prisma, sql }) => {
      await sql.rows('select 1 as locked from conversation where id = $1::uuid for update', id);
      change = site.as.write.patch(url, { name: 'Mine' }, { headers: { 'If-Match': tag } });
      await prisma.conversation.update({ where: { id }, data: { wantedName: 'Theirs' } });
    });
    expect((await change)?.status).toBe(412);
    expect((await site.as.read.get<{ name: { wanted: string } }>(url)).data.name.wanted).toBe('Theirs');
  });
});

test('a change that undoes one of the same moment is carried to the titles too', async () => {
  const { channelId } = await site.addChannel();
  const retitlings = () => site.db.prisma.job.count({ where: { kind: 'retitleChannel' } });
  const before = await retitlings();
  const waiting = `select 1 as waits from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`;
  let undone: Promise<{ status: number }> | undefined;
  await site.db.transaction(async ({ prisma }) => {
    await prisma.channel.update({ where: { id: channelId }, data: { titleTemplate: 'Other {name}' } });
    undone = site.as.write.patch(`/channels/${channelId}`, { titleTemplate: null });
    await until(async () => (await site.db.sql.rows(waiting)).length > 0);
  });
  expect((await undone)?.status).toBe(200);
  expect(await retitlings()).toBe(before + 1);
});
