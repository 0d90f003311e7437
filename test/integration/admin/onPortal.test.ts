import { type Scene, startScene } from '../../support/scene.ts';
import { until } from '../../support/until.ts';
import type { ProblemDocument } from '../http/serve.ts';

/** What the administration makes is looked at on the portal: the whole gateway on a sandbox portal. */

let scene: Scene;
beforeAll(async () => {
  scene = await startScene();
}, 30_000);
afterAll(() => scene.close());

interface Made {
  id: string;
  code: string;
  state: string;
  lastError: string | null;
  botId: number;
}

const portalUrl = (rest: string): string => `/portals/${scene.portalId}${rest}`;
const asText = (value: unknown): string => JSON.stringify(value);
const callsOf = (method: string): number => scene.calls(method).length;

it('the lines of a portal are those it has', async () => {
  const { status, data } = await scene.api.get<{ items: { id: number; name: string; active: boolean }[] }>(
    portalUrl('/lines'),
  );
  expect(status).toBe(200);
  expect(data.items[0]).toMatchObject({ id: 1, active: true, name: expect.any(String) as string });
});

it('a connector is registered, and unregistered, when the answer comes', async () => {
  const body = { code: 'extra_chat', name: 'Extra', kind: 'direct', color: '#1900ff' };
  const { status, data } = await scene.api.post<Made>(portalUrl('/connectors'), body);
  expect([status, data.state]).toEqual([201, 'ready']);
  const registered = scene.calls('imconnector.register').at(-1);
  expect(registered?.params).toMatchObject({ ID: 'extra_chat', NAME: 'Extra' });
  expect((await scene.api.delete(portalUrl('/connectors/extra_chat'))).status).toBe(204);
  expect(scene.calls('imconnector.unregister').at(-1)?.params).toMatchObject({ ID: 'extra_chat' });
});

it('a bot is registered, changed as a whole, and unregistered', async () => {
  const { status, data } = await scene.api.post<Made>(portalUrl('/bots'), {
    code: 'aide',
    name: 'Aide',
    color: 'mint',
  });
  expect([status, data.state, typeof data.botId]).toEqual([201, 'ready', 'number']);
  const changed = await scene.api.patch<Made>(portalUrl(`/bots/${data.botId}`), { lastName: 'Bot' });
  expect([changed.status, changed.data.state]).toEqual([200, 'ready']);
  expect(scene.calls('imbot.v2.Bot.update').at(-1)?.params).toMatchObject({
    fields: { properties: { name: 'Aide', lastName: 'Bot' } },
  });
  expect((await scene.api.delete(portalUrl(`/bots/${data.id}`))).status).toBe(204);
  expect(callsOf('imbot.v2.Bot.unregister')).toBe(1);
});

it('a channel to a line the portal does not have is refused, and nothing is activated', async () => {
  const before = callsOf('imconnector.activate');
  const { connector, portalId } = scene;
  const answer = await scene.api.post<ProblemDocument>('/channels', {
    portalId,
    messenger: 'chat',
    connector,
    lineId: 77,
  });
  expect([answer.status, answer.data.code]).toEqual([422, 'line_not_found']);
  expect(callsOf('imconnector.activate')).toBe(before);
});

it('another title template reaches the dialogs that exist', async () => {
  await scene.say('templated', 'm-1', 'Hello', { name: 'Order 7' });
  await scene.conversation('templated', ({ name }) => name.state === 'applied');
  await scene.api.patch(`/channels/${scene.channelId}`, { titleTemplate: '{name} · {id}' });
  await until(() => scene.dialogs('templated')[0]?.title === 'Order 7 · templated');
  await scene.api.patch(`/channels/${scene.channelId}`, { titleTemplate: null });
  await until(() => scene.dialogs('templated')[0]?.title === 'Order 7');
}, 20_000);

it('resync repairs a title somebody changed on the portal', async () => {
  await scene.say('drifted', 'm-1', 'Hello', { name: 'Order 8' });
  const { id, dialog } = await scene.conversation('drifted', ({ name }) => name.state === 'applied');
  scene.portal.renameDialog(dialog.chatId ?? 0, 'By hand');
  expect((await scene.api.post(`/conversations/${id}/resync`)).status).toBe(202);
  await until(() => scene.dialogs('drifted')[0]?.title === 'Order 8');
  await scene.conversation('drifted', ({ name }) => name.state === 'applied');
});

describe('a companion', () => {
  interface CompanionView {
    state: string;
    chatId: number;
    live?: { state: string; title?: string; memberUserIds?: number[] } | null;
  }
  let url: string;
  beforeAll(async () => {
    await scene.say('staffed', 'm-1', 'Hello', { name: 'Order 9' });
    const { id } = await scene.conversation('staffed');
    url = `/conversations/${id}/companion`;
  });

  it('is there when the answer comes, and the portal says the same', async () => {
    const made = await scene.api.put<CompanionView>(url, { title: 'Staff of 9', memberUserIds: [1] });
    expect([made.status, made.data.state]).toEqual([201, 'ready']);
    const { data } = await scene.api.get<CompanionView>(url, { params: { live: true } });
    expect(data.live).toMatchObject({ state: 'present', title: 'Staff of 9', memberUserIds: [1] });
  });

  it('gets a message of its bot', async () => {
    const { status, data } = await scene.api.post<Made>(`${url}/messages`, { text: 'Please call back' });
    expect([status, data.state]).toEqual([202, 'delivered']);
    const posted = scene.calls('imbot.v2.Chat.Message.send').at(-1);
    expect(posted?.params).toMatchObject({ fields: { message: 'Please call back' } });
  });

  it('gets it once, although the answer of the portal was lost', async () => {
    scene.portal.faults.add({
      match: { method: 'imbot.v2.Chat.Message.send', times: 1 },
      effect: { reset: 'after' },
    });
    const text = 'Only once';
    await scene.api.post(`${url}/messages`, { text });
    await scene.idle();
    const sent = scene.calls('imbot.v2.Chat.Message.send').filter(({ params }) => asText(params).includes(text));
    expect(sent.length).toBeGreaterThan(1);
    const posted = scene.portal.state().companions.flatMap(({ messages }) => messages);
    expect(posted.filter((message) => message.text === text)).toHaveLength(1);
  });

  it('that is archived is left alone by renames', async () => {
    expect((await scene.api.delete(url)).status).toBe(200);
    const before = callsOf('imbot.v2.Chat.update');
    await scene.rename('staffed', 'Order 10');
    await scene.conversation('staffed', ({ name }) => name.applied === 'Order 10');
    await scene.idle();
    expect(callsOf('imbot.v2.Chat.update')).toBe(before);
  });
});

it('a portal that is paused is sent nothing until it is resumed', async () => {
  await scene.api.patch(portalUrl(''), { paused: true });
  await scene.say('paused', 'm-1', 'Hello', { name: 'Order 11' });
  await scene.conversation('paused');
  const jobs = await scene.api.get<{ items: { state: string }[] }>('/jobs', { params: { kind: 'deliverMessage' } });
  expect(jobs.data.items[0]?.state).toBe('waiting');
  expect(scene.dialogs('paused')).toEqual([]);
  await scene.api.patch(portalUrl(''), { paused: false });
  await scene.conversation('paused', ({ name }) => name.state === 'applied');
  expect(scene.dialogs('paused')[0]?.title).toBe('Order 11');
});

it('an event that is replayed does nothing twice', async () => {
  await scene.say('replayed', 'm-1', 'Hello', { name: 'Order 12' });
  await scene.conversation('replayed', ({ name }) => name.state === 'applied');
  const before = callsOf('imconnector.send.messages');
  const { data } = await scene.api.get<{ items: { id: string }[] }>('/webhook-events', {
    params: { externalId: 'replayed' },
  });
  const id = data.items[0]?.id ?? '';
  expect((await scene.api.post(`/webhook-events/${id}/replay`)).status).toBe(202);
  const event = async () => (await scene.api.get<{ state: string }>(`/webhook-events/${id}`)).data.state;
  await until(async () => (await event()) !== 'accepted');
  await scene.idle();
  expect(callsOf('imconnector.send.messages')).toBe(before);
});

it('a rotated webhook secret is believed at once, and the old one no longer without overlap', async () => {
  expect((await scene.say('rotating', 'm-1', 'Hello')).status).toBe(202);
  await scene.api.post('/messengers/chat/secrets', { kind: 'webhook', overlapHours: 0 });
  expect((await scene.say('rotating', 'm-2', 'Hello')).status).toBe(401);
});

it('an erased portal is sent nothing any more, and its channel stays', async () => {
  expect((await scene.api.delete(portalUrl(''))).data).toMatchObject({ state: 'uninstalled', authorized: false });
  const lines = await scene.api.get<ProblemDocument>(portalUrl('/lines'));
  expect([lines.status, lines.data.code]).toEqual([503, 'portal_unavailable']);
  expect((await scene.api.get(`/channels/${scene.channelId}`)).status).toBe(200);
});
