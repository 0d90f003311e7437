import { afterAll, beforeAll, expect, test } from '@jest/globals';
import axios from 'axios';
import { type Scene, startScene } from '../support/scene.ts';
import { until } from '../support/until.ts';

let scene: Scene;
beforeAll(async () => {
  scene = await startScene({ companion: { mode: 'onFirstMessage', memberUserIds: [7], managerUserIds: [27] } });
});
afterAll(() => scene.close());

interface RunView {
  id: string;
  state: string;
  progress: { total: number; checked: number; found: number; repaired: number };
  findings: { conversationId: string; finding: string; detail: Record<string, unknown> }[];
}

async function reconcile(dryRun: boolean): Promise<RunView> {
  const body = { kind: 'reconcileCompanions', portalId: scene.portalId, dryRun };
  const { status, data } = await scene.api.post<RunView>('/runs', body);
  expect(status).toBe(202);
  const read = async (): Promise<RunView> => (await scene.api.get<RunView>(`/runs/${data.id}`)).data;
  const run = await until(read, ({ state }) => state === 'done');
  await scene.idle();
  return run;
}

test('drift of companions is listed by a dry run, repaired by a real one, and gone afterwards', async () => {
  const chats: (number | null)[] = [];
  for (const n of Array.from({ length: 12 }, (_, index) => index)) {
    await scene.say(`r-${n}`, 'm-1', 'Hello', { name: `Order ${n}` });
    const { companion } = await scene.conversation(`r-${n}`, (view) => view.companion.state === 'ready');
    chats.push(companion.chatId);
  }
  await scene.idle();
  const control = (path: string): string => `${scene.portal.controlUrl}/companions/${path}`;
  const botId = scene.portal.state().bots[0]?.id ?? 0;
  await axios.post(control(`${chats[0]}/rename`), { title: 'By hand' });
  await axios.delete(control(`${chats[1]}/members/7`));
  await axios.delete(control(`${chats[2]}`));
  await axios.delete(control(`${chats[11]}/members/${botId}`));
  const calls = (method: string): number => scene.calls(method).length;
  const before = calls('imbot.v2.Chat.update') + calls('imbot.v2.Chat.add');

  const dry = await reconcile(true);
  expect(dry.findings.map(({ finding }) => finding)).toEqual(['title', 'members', 'chat_gone', 'bot_removed']);
  expect(dry.progress).toEqual({ total: 12, checked: 12, found: 4, repaired: 0 });
  expect(dry.findings[0]?.detail).toEqual({ wanted: 'Order 0', found: 'By hand' });
  expect(calls('imbot.v2.Chat.update') + calls('imbot.v2.Chat.add')).toBe(before);

  const real = await reconcile(false);
  expect(real.progress).toEqual({ total: 12, checked: 12, found: 4, repaired: 3 });
  const titles = scene.portal.state().companions.map(({ title }) => title);
  expect(titles.filter((title) => title === 'Order 0' || title === 'Order 2')).toHaveLength(2);
  expect(scene.portal.state().companions.find(({ chatId }) => chatId === chats[1])?.members).toContain(7);

  const after = await reconcile(false);
  expect(after.findings.map(({ finding }) => finding)).toEqual(['bot_removed']);
});
