import { afterEach, expect, test } from '@jest/globals';
import { changeBot, removeBot } from '../../src/sandbox/methods/imbot/bots.ts';
import { bots } from '../../src/sandbox/methods/imbot/tables.ts';
import { type Scene, type SceneOptions, startScene } from '../support/scene.ts';
import { until } from '../support/until.ts';

/** What becomes of companion bots, and how it is repaired. */
interface BotView {
  id: string;
  code: string;
  botId: number | null;
  state: string;
  lastError: string | null;
  lastErrorDetail: string | null;
}

let scene: Scene;
const open = async (options: SceneOptions = {}): Promise<void> => {
  scene = await startScene({ companion: { mode: 'onFirstMessage', memberUserIds: [7] }, ...options });
};
afterEach(() => scene.close());

const path = (rest = ''): string => `/portals/${scene.portalId}/bots${rest}`;
const shown = async (): Promise<BotView> => {
  const { data } = await scene.api.get<{ items: BotView[] }>(path());
  return data.items[0] as BotView;
};
const onPortal = () => scene.portal.state().bots;

test('a bot that was deleted on the portal is said so, and any change registers it again; its chats wait for a person', async () => {
  await open();
  await scene.say('c-1', 'm-1', 'Hello', { name: 'Order 1' });
  await scene.conversation('c-1', ({ companion }) => companion.state === 'ready');
  await scene.idle();
  const before = await shown();
  const row = bots(scene.portal.inside).get(before.botId ?? 0);
  scene.portal.act(1, (hit) => row && removeBot(hit, row));
  await scene.rename('c-1', 'Order 1, renamed');
  const failed = await until(shown, ({ state }) => state === 'failed');
  expect(failed).toMatchObject({ lastError: 'bot_deleted' });
  expect(failed.lastErrorDetail).toContain('PATCH');
  await scene.api.patch(path(`/${before.id}`), { lastName: 'again' });
  const again = await until(shown, ({ state }) => state === 'ready');
  expect(again).toMatchObject({ lastError: null, lastErrorDetail: null });
  expect(again.botId).not.toBe(before.botId);
  const view = await scene.conversation('c-1', ({ companion }) => companion.lastError === 'bot_removed');
  expect(view.companion.lastErrorDetail).toContain('add it there again');
  await scene.say('c-2', 'm-1', 'Hello', { name: 'Order 2' });
  await scene.conversation('c-2', ({ companion }) => companion.state === 'ready');
});

test.each(['cloud', 'box-without-imbot-v2'] as const)(
  'a foreign bot under our code is never taken for ours (%s)',
  async (profile) => {
    await open({ profile });
    const { code = '' } = onPortal()[0] ?? {};
    const row = bots(scene.portal.inside).get(onPortal()[0]?.id ?? 0);
    if (row)
      changeBot(scene.portal.inside, row.id, { code: code.replace('default', 'second'), appId: 'somebody-else' });
    const { data } = await scene.api.post<BotView>(path(), { code: 'second', name: 'Second' });
    expect(data).toMatchObject({ state: 'failed', lastError: 'BOT_CODE_ALREADY_TAKEN', botId: null });
    expect(data.lastErrorDetail).toContain('delete that bot on the portal');
  },
);

test('a bot of a portal that was uninstalled and cleaned is registered again with the next installation', async () => {
  await open();
  const before = await shown();
  scene.portal.uninstall('local.gateway', { clean: true });
  await until(
    async () =>
      (await scene.api.get<{ items: { state: string }[] }>('/portals')).data.items[0]?.state === 'uninstalled',
  );
  expect(onPortal()).toEqual([]);
  scene.portal.install('local.gateway');
  const again = await until(shown, ({ state, botId }) => state === 'ready' && botId !== before.botId);
  expect(onPortal()).toMatchObject([{ id: again.botId }]);
});

test('the token of an application’s bot is rotated without a gap', async () => {
  await open();
  const before = await shown();
  const { status, data } = await scene.api.post<BotView>(path(`/${before.id}/token`));
  expect({ status, data }).toMatchObject({
    status: 200,
    data: { state: 'ready', lastError: null, botId: before.botId },
  });
  await scene.say('c-1', 'm-1', 'Hello', { name: 'Order 1' });
  await scene.conversation('c-1', ({ companion }) => companion.state === 'ready');
});

test('an old portal cannot rotate one, and says so', async () => {
  await open({ profile: 'box-without-imbot-v2' });
  const { id } = await shown();
  const { data } = await scene.api.post<BotView>(path(`/${id}/token`));
  expect(data).toMatchObject({ state: 'ready', lastError: 'unsupported_by_portal' });
  expect(data.lastErrorDetail).toContain('imbot.v2');
});

test('where events cannot be fetched they are posted to our events address', async () => {
  await open({ profile: 'box-without-imbot-v2' });
  const handler = `${scene.gateway.publicUrl}/bitrix24/events`;
  expect(onPortal()[0]?.handlers).toMatchObject({ messageAdd: handler, welcome: handler, botDelete: handler });
});

test('a portal that gets imbot.v2 by an update is found out within a day, and its bots fetch from then on', async () => {
  await open();
  const missing = { status: 404, code: 'ERROR_METHOD_NOT_FOUND' };
  for (const method of ['imbot.v2.Revision.get', 'imbot.v2.Bot.list', 'imbot.v2.Chat.add']) {
    scene.portal.faults.add({ match: { method }, effect: missing });
  }
  await scene.say('c-1', 'm-1', 'Hello', { name: 'Order 1' });
  await scene.passUntil(async () => (await scene.find('c-1'))?.companion.state === 'ready');
  expect(scene.calls('imbot.chat.add')).toHaveLength(1);
  scene.portal.faults.clear();
  await scene.elapse(25 * 3_600_000);
  await scene.say('c-2', 'm-1', 'Hello', { name: 'Order 2' });
  await scene.conversation('c-2', ({ companion }) => companion.state === 'ready');
  expect(scene.calls('imbot.chat.add')).toHaveLength(1);
  await until(() => onPortal()[0]?.eventMode === 'fetch' && onPortal()[0]?.handlers === null);
});
