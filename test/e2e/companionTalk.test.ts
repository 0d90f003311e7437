import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import axios from 'axios';
import { type Scene, startScene } from '../support/scene.ts';
import { until } from '../support/until.ts';

/** What the bot says in a companion, and what people can tell it, on new and old portals. */
describe.each(['cloud', 'box-without-imbot-v2'] as const)('on %s', (profile) => {
  let scene: Scene;
  beforeAll(async () => {
    scene = await startScene({ profile, companion: { mode: 'onFirstMessage', memberUserIds: [7] } });
  });
  afterAll(() => scene.close());

  const botId = (): number => scene.portal.state().bots[0]?.id ?? 0;
  const chat = (chatId: number | null) => scene.portal.state().companions.find((one) => one.chatId === chatId);
  const said = (chatId: number | null): string[] =>
    chat(chatId)
      ?.messages.filter(({ authorId }) => authorId === botId())
      .map(({ text }) => text) ?? [];

  async function companion(id: string, name: string): Promise<{ id: string; chatId: number | null }> {
    await scene.say(id, 'm-1', 'Hello', { name });
    const view = await scene.conversation(id, (one) => one.companion.state === 'ready' && one.name.applied === name);
    await scene.idle();
    return { id: view.id, chatId: view.companion.chatId };
  }
  const write = (chatId: number | null, text: string, userId = 7): Promise<unknown> =>
    axios.post(`${scene.portal.controlUrl}/companions/${chatId}/messages`, { text, userId });
  const tell = (chatId: number | null, words: string): Promise<unknown> =>
    write(chatId, `[USER=${botId()}]Companion[/USER] ${words}`);
  /** New portals are asked for what was said; time has to pass. */
  async function answer(chatId: number | null, pattern: RegExp): Promise<string> {
    const found = await until(
      async () => {
        await scene.elapse(5_000);
        return said(chatId).find((text) => pattern.test(text));
      },
      Boolean,
      { withinMs: 30_000 },
    );
    return found ?? '';
  }

  test('a rename is told once, from the old name to the new one', async () => {
    const { chatId } = await companion('t-1', 'Order 1');
    scene.advance(10_000);
    await scene.rename('t-1', 'Order 1, Anna');
    await answer(chatId, /^Renamed/);
    expect(said(chatId).filter((text) => text.startsWith('Renamed'))).toEqual(['Renamed: “Order 1” → “Order 1, Anna”']);
  });

  test('the end of a dialog and the start of the next are told', async () => {
    const { chatId } = await companion('t-2', 'Order 2');
    const dialogId = scene.dialogs('t-2')[0]?.chatId ?? 0;
    scene.portal.closeDialog(dialogId, { userId: 27, atOnce: true });
    await answer(chatId, /finished/);
    await scene.say('t-2', 'm-2', 'Hello again');
    // The very first start may have been told before: the companion was there by then, or not yet.
    const since = (): string[] => said(chatId).slice(said(chatId).indexOf('The dialog was finished.'));
    await until(since, (texts) => texts.length === 2);
    expect(since()).toEqual(['The dialog was finished.', 'A dialog was started.']);
  });

  test('a delivery that failed is told with its reason', async () => {
    const { chatId } = await companion('t-3', 'Order 3');
    scene.portal.faults.add({
      match: { method: 'imconnector.send.messages', times: 1 },
      effect: { status: 400, code: 'IMCONNECTOR_NOT_SEND_MESSAGE' },
    });
    await scene.say('t-3', 'm-2', 'Lost');
    expect(await answer(chatId, /could not be delivered/)).toBe(
      'A message of the customer could not be delivered: IMCONNECTOR_NOT_SEND_MESSAGE.',
    );
    scene.portal.faults.clear();
  });

  test('rename locks the name against the messenger, unlock brings back what the messenger says', async () => {
    const { chatId } = await companion('t-4', 'Order 4');
    await tell(chatId, 'rename VIP: Anna');
    expect(await answer(chatId, /from now on/)).toContain('“VIP: Anna”');
    await scene.conversation('t-4', ({ name }) => name.applied === 'VIP: Anna' && name.locked);
    await until(() => chat(chatId)?.title === 'VIP: Anna');
    await scene.rename('t-4', 'Order 4, Berta');
    await scene.idle();
    expect((await scene.find('t-4'))?.name).toMatchObject({ wanted: 'VIP: Anna', locked: true });
    await tell(chatId, 'unlock');
    await answer(chatId, /names the conversation again/);
    await scene.conversation('t-4', ({ name }) => name.wanted === 'Order 4, Berta' && !name.locked);
  });

  test('status, resync, help and what is not understood are answered in the chat', async () => {
    const { chatId } = await companion('t-5', 'Order 5');
    await tell(chatId, 'STATUS');
    const status = await answer(chatId, /^Name:/);
    expect(status).toContain('Name: Order 5 (applied)\nDialog: open\nCompanion: ready\n');
    await axios.post(`${scene.portal.controlUrl}/companions/${chatId}/rename`, { title: 'By hand', userId: 7 });
    await tell(chatId, ', resync!');
    await answer(chatId, /Comparing/);
    await until(() => chat(chatId)?.title === 'Order 5');
    await tell(chatId, 'help');
    await answer(chatId, /^Mention me/);
    await tell(chatId, 'make coffee');
    await answer(chatId, /did not understand/);
    await scene.idle();
    expect(said(chatId).filter((text) => !text.includes('dialog was'))).toHaveLength(4);
  });

  test('nobody else is listened to: no mention, the portal itself, and the bot’s own words', async () => {
    const { chatId } = await companion('t-6', 'Order 6');
    await write(chatId, 'rename nothing');
    await write(chatId, '[USER=27]Somebody[/USER] rename nothing');
    const { id } = (await scene.find('t-6')) ?? { id: '' };
    await scene.api.post(`/conversations/${id}/companion/messages`, {
      text: `[USER=${botId()}]Companion[/USER] rename nothing`,
    });
    await tell(chatId, 'status');
    await answer(chatId, /^Name: Order 6/);
    await scene.idle();
    expect((await scene.find('t-6'))?.name.wanted).toBe('Order 6');
    expect(said(chatId).filter((text) => !text.includes('dialog was'))).toHaveLength(2);
  });

  test('what was said while the gateway was down is heard when it is back, once', async () => {
    const { chatId } = await companion('t-7', 'Order 7');
    if (profile !== 'cloud') return;
    await scene.gateway.stop({ graceMs: 1_000 });
    await tell(chatId, 'rename While away');
    await scene.restart();
    await answer(chatId, /While away/);
    scene.advance(60_000);
    await scene.idle();
    expect(said(chatId).filter((text) => text.includes('While away')).length).toBeLessThanOrEqual(2);
    await scene.conversation('t-7', ({ name }) => name.applied === 'While away');
  });
});

test('a channel may want no notices', async () => {
  const scene = await startScene({ companion: { mode: 'onFirstMessage', notices: false } });
  await scene.say('q-1', 'm-1', 'Hello', { name: 'Quiet' });
  await scene.conversation('q-1', (one) => one.companion.state === 'ready' && one.name.applied === 'Quiet');
  await scene.rename('q-1', 'Still quiet');
  await scene.conversation('q-1', ({ companion }) => companion.title === 'Still quiet');
  await scene.idle();
  expect(scene.portal.state().companions[0]?.messages.filter(({ authorId }) => authorId !== 0)).toEqual([]);
  await scene.close();
});
