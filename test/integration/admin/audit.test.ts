import { afterAll, beforeAll, expect, it, test } from '@jest/globals';
import { type AdminSite, createAdminSite, NOWHERE } from './site.ts';

/** What the audit says. That no writing operation is left out of it is shown by the contract test. */

let site: AdminSite;
beforeAll(async () => {
  site = await createAdminSite({ settleWithinMs: 0 });
});
afterAll(() => site.close());

interface Entry {
  id: string;
  apiKey: { id: string; name: string };
  requestId: string;
  operation: string;
  path: string;
  target: { type: string; id: string | null };
  request: Record<string, unknown>;
  before: Record<string, unknown> | null;
  after: Record<string, unknown> | null;
  status: number | null;
  code: string | null;
  at: string;
}
const audit = async (params: object = {}): Promise<Entry[]> =>
  (await site.as.admin.get<{ items: Entry[] }>('/audit', { params })).data.items;
const last = async (): Promise<Entry> => (await audit({ limit: 1 }))[0]!;

it('tells who changed what of a setting, and when', async () => {
  const { id } = await site.addPortal();
  const headers = { 'x-request-id': 'req-1' };
  await site.as.write.patch(`/portals/${id}`, { plan: 'enterprise' }, { headers });
  expect(await last()).toEqual({
    id: expect.any(String),
    at: new Date(site.time.now).toISOString(),
    apiKey: { id: site.keyIds.write, name: 'write' },
    requestId: 'req-1',
    operation: 'changePortal',
    path: `/portals/${id}`,
    target: { type: 'portal', id },
    request: { plan: 'enterprise' },
    before: { plan: 'standard' },
    after: { plan: 'enterprise' },
    status: 200,
    code: null,
  });
});

it('tells that the name of a conversation was changed, and never what it is', async () => {
  const { channelId } = await site.addChannel();
  const body = { channelId, externalId: '+49 170 1234567', name: 'Anna Berg' };
  const { data } = await site.as.write.post<{ id: string }>('/conversations', body);
  expect(await last()).toMatchObject({ operation: 'mapConversation', target: { type: 'conversation', id: data.id } });
  await site.as.write.patch(`/conversations/${data.id}`, { name: 'Anna Schmidt', nameLocked: true });
  const entry = await last();
  expect(entry.request).toEqual({ name: '[withheld]', nameLocked: true });
  expect(entry.before).toEqual({ name: { wanted: '[withheld]', locked: false } });
  expect(entry.after).toEqual({ name: { wanted: '[withheld]', locked: true } });
  await site.as.write.delete(`/conversations/${data.id}`);
  expect(await last()).toMatchObject({ operation: 'removeConversation', after: null, before: { channelId } });
  expect(JSON.stringify(await audit())).not.toMatch(/Anna|1234567/);
});

it('tells that somebody was erased, and not who', async () => {
  await site.as.write.post('/messengers', { slug: 'erasing', name: 'Erasing' });
  const { status } = await site.as.admin.delete(`/messengers/erasing/persons/${encodeURIComponent('+491701234567')}`);
  expect(status).toBe(200);
  const path = '/messengers/erasing/persons/:externalId';
  expect(await last()).toMatchObject({ operation: 'erasePerson', path, target: { type: 'messenger', id: 'erasing' } });
});

it('keeps no secret: neither those that are shown once, nor what an address or settings carry', async () => {
  const deliveryUrl = 'https://user:pass@chat.example/hook/T0KEN?sig=S1G';
  const settings = { apiToken: 'T0KEN', pin: 4711, nested: { list: ['T0KEN'] } };
  const body = { slug: 'sealed', name: 'Sealed', deliveryUrl, settings };
  const { data } = await site.as.write.post<Record<string, string>>('/messengers', body);
  const entry = await last();
  expect(entry.target).toEqual({ type: 'messenger', id: 'sealed' });
  expect(entry.request).toMatchObject({ name: 'Sealed', deliveryUrl: 'https://chat.example/…' });
  const { data: key } = await site.as.admin.post<{ key: string }>('/api-keys', { name: 'N', scopes: ['read'] });
  const kept = JSON.stringify(await site.db.prisma.auditEntry.findMany({ omit: { id: true } }));
  for (const secret of ['T0KEN', 'S1G', 'pass', '4711', data.webhookSecret!, data.deliverySecret!, key.key]) {
    expect(kept).not.toContain(secret);
  }
});

it('tells of refused calls too, with their code, once somebody is known to have made them', async () => {
  const { id } = await site.addPortal();
  await site.as.read.patch(`/portals/${id}`, { paused: true });
  expect(await last()).toMatchObject({ status: 403, code: 'insufficient_scope', target: { type: 'portal', id } });
  await site.as.write.patch(`/portals/${NOWHERE}`, { paused: true });
  expect(await last()).toMatchObject({ status: 404, code: 'not_found', target: { id: NOWHERE }, before: null });
  await site.as.write.patch(`/portals/${id}`, { paused: 'Anna' });
  expect(await last()).toMatchObject({ status: 400, code: 'invalid_request', request: {} });
  await site.as.write.patch('/portals/Anna', {});
  expect(await last()).toMatchObject({ status: 404, path: '/portals/:id', target: { type: 'portal', id: null } });
  const before = (await audit({ limit: 200 })).length;
  await site.as.nobody.patch(`/portals/${id}`, { paused: true });
  await site.as.read.get(`/portals/${id}`);
  expect(await audit({ limit: 200 })).toHaveLength(before);
});

it('nothing is changed that cannot be recorded', async () => {
  const { id } = await site.addPortal();
  await site.db.sql.rows('alter table audit_entry rename to gone');
  const answer = await site.as.write.patch(`/portals/${id}`, { plan: 'enterprise' });
  await site.db.sql.rows('alter table gone rename to audit_entry');
  expect(answer.status).toBe(500);
  expect((await site.as.read.get<{ plan: string }>(`/portals/${id}`)).data.plan).toBe('standard');
});

it('a change that was rolled back is not told as one', async () => {
  const { channelId } = await site.addChannel();
  await site.as.write.post('/conversations', { channelId, externalId: 'rolled-back' });
  const { target } = await last();
  const answer = await site.as.write.patch(`/conversations/${target.id}`, { nameLocked: true, channelId: NOWHERE });
  expect(answer.status).toBe(400);
  expect(await last()).toMatchObject({ status: 400, before: null, after: null, request: { nameLocked: true } });
});

test('entries are found by key, operation, target and time, page by page', async () => {
  const { id } = await site.addPortal();
  const times: string[] = [];
  for (let n = 0; n < 5; n++) {
    site.time.now += 60_000;
    await site.as[n % 2 ? 'admin' : 'write'].patch(`/portals/${id}`, { paused: n % 2 === 0 });
    times.push(new Date(site.time.now).toISOString());
  }
  const target = `portal:${id}`;
  const at = async (params: object): Promise<string[]> => (await audit({ target, ...params })).map((one) => one.at);
  expect(await at({})).toEqual([...times].reverse());
  expect(await at({ apiKeyId: site.keyIds.admin })).toEqual([times[3], times[1]]);
  expect(await at({ operation: 'changeBot' })).toEqual([]);
  expect(await at({ from: times[1], to: times[3] })).toEqual([times[2], times[1]]);
  expect(await audit({ target: 'bot' })).toEqual([]);
  const first = await site.as.admin.get<{ items: Entry[]; nextCursor: string }>('/audit', {
    params: { target, limit: 2 },
  });
  expect(await at({ limit: 2, cursor: first.data.nextCursor })).toEqual([times[2], times[1]]);
  for (const wrong of [{ target: 'a:b c' }, { from: 'yesterday' }, { operation: 'x y' }, { cursor: 'x' }]) {
    expect((await site.as.admin.get('/audit', { params: wrong })).status).toBe(400);
  }
});
