import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Scene, startScene } from '../support/scene.ts';
import { until } from '../support/until.ts';

const title = (scene: Scene, id: string): string | undefined => scene.dialogs(id)[0]?.title;
const minutesAgo = (minutes: number): Date => new Date(Date.now() - minutes * 60_000);

describe('a group connector', () => {
  let scene: Scene;
  beforeAll(async () => {
    scene = await startScene();
  });
  afterAll(() => scene.close());

  test('the title Bitrix24 makes of the first message is corrected at once', async () => {
    await scene.say('first', 'm-1', 'Hello', { name: 'Order 1042' });
    const view = await scene.conversation('first', ({ name }) => name.state === 'applied');
    expect(view.name).toMatchObject({ wanted: 'Order 1042', applied: 'Order 1042' });
    expect(title(scene, 'first')).toBe('Order 1042');
  });

  test('a rename before the first message waits for the dialog, and costs no call until then', async () => {
    await scene.send('conversation.created', { conversation: { id: 'early', name: 'A' } });
    await scene.rename('early', 'B');
    const waiting = await scene.conversation('early', ({ name }) => name.wanted === 'B');
    expect(waiting.name.state).toBe('waitingForDialog');
    await scene.idle();
    expect(scene.calls('imconnector.chat.name.set').filter(({ params }) => params.CHAT_ID === 'early')).toEqual([]);
    await scene.say('early', 'm-1', 'Hello');
    await scene.conversation('early', ({ name }) => name.state === 'applied');
    expect(title(scene, 'early')).toBe('B');
  });

  test('a burst of renames costs one or two calls, and the last name wins', async () => {
    await scene.say('burst', 'm-1', 'Hello');
    await scene.idle();
    const calls = (): number =>
      scene.calls('imconnector.chat.name.set').filter(({ params }) => params.CHAT_ID === 'burst').length;
    const before = calls();
    const began = Date.now() - 1_000;
    const body = JSON.stringify(
      Array.from({ length: 100 }, (_, n) => ({
        id: `burst-${n}`,
        type: 'conversation.renamed',
        timestamp: new Date(began + n).toISOString(),
        data: { conversation: { id: 'burst', name: `Name ${n}` } },
      })),
    );
    const answer = await scene.sendBody(body);
    expect(answer.data).toEqual({ accepted: 100, duplicates: 0 });
    await scene.conversation('burst', ({ name }) => name.state === 'applied' && name.applied === 'Name 99');
    await scene.idle();
    expect(title(scene, 'burst')).toBe('Name 99');
    expect(calls() - before).toBeLessThanOrEqual(2);
  });

  test('a late, older event never brings an old name back', async () => {
    await scene.say('late', 'm-1', 'Hello');
    await scene.rename('late', 'New', minutesAgo(1));
    await scene.conversation('late', ({ name }) => name.applied === 'New');
    await scene.rename('late', 'Old', minutesAgo(2));
    await scene.idle();
    expect(title(scene, 'late')).toBe('New');
  });

  test('a sequence decides before the time', async () => {
    await scene.say('sequence', 'm-1', 'Hello');
    const renamed = (name: string, sequence: number, at: Date): Promise<unknown> =>
      scene.send('conversation.renamed', { conversation: { id: 'sequence', name }, sequence }, { at });
    await renamed('Second', 2, minutesAgo(10));
    await renamed('First', 1, minutesAgo(1));
    await scene.conversation('sequence', ({ name }) => name.applied === 'Second');
    await scene.idle();
    expect(title(scene, 'sequence')).toBe('Second');
  });

  test('a name seen on a message counts like a rename', async () => {
    await scene.say('seen', 'm-1', 'Hello', { name: 'Before' });
    await scene.conversation('seen', ({ name }) => name.applied === 'Before');
    await scene.say('seen', 'm-2', 'Hello again', { name: 'After' });
    await scene.conversation('seen', ({ name }) => name.applied === 'After');
    expect(title(scene, 'seen')).toBe('After');
  });

  test('a rename while no session is open is applied when the next one opens', async () => {
    await scene.say('closed', 'm-1', 'Hello', { name: 'Before' });
    await scene.conversation('closed', ({ name }) => name.applied === 'Before');
    const [dialog] = scene.dialogs('closed');
    scene.portal.closeDialog(dialog?.chatId ?? 0, { atOnce: true });
    await scene.conversation('closed', (view) => !view.dialog.sessionOpen);
    await scene.rename('closed', 'After');
    await scene.conversation('closed', ({ name }) => name.wanted === 'After' && name.state === 'waitingForDialog');
    expect(title(scene, 'closed')).toBe('Before');
    await scene.say('closed', 'm-2', 'Are you there?');
    await scene.conversation('closed', ({ name }) => name.state === 'applied');
    expect(title(scene, 'closed')).toBe('After');
  });

  test('a name that is nothing but a zero is a name', async () => {
    await scene.say('zero', 'm-1', 'Hello', { name: '0' });
    await scene.conversation('zero', ({ name }) => name.state === 'applied');
    expect(title(scene, 'zero')).toBe('0\u200b');
    await scene.rename('zero', '1');
    await scene.conversation('zero', ({ name }) => name.applied === '1');
  });

  test('a title the dialog already has counts as done', async () => {
    await scene.say('equal', 'm-1', 'Hello');
    await scene.idle();
    const [dialog] = scene.dialogs('equal');
    scene.portal.renameDialog(dialog?.chatId ?? 0, 'Set by a person');
    await scene.rename('equal', 'Set by a person');
    const view = await scene.conversation('equal', ({ name }) => name.applied === 'Set by a person');
    expect(view.name).toMatchObject({ state: 'applied', lastError: null });
  });

  test('a title has 255 characters at most and is never cut inside one', async () => {
    const name = `${'x'.repeat(252)}👨‍👩‍👧‍👦 and more`;
    await scene.say('long', 'm-1', 'Hello', { name });
    const view = await scene.conversation('long', (one) => one.name.state === 'applied');
    expect(view.name.wanted).toBe(name);
    expect(title(scene, 'long')).toBe('x'.repeat(252));
    const calls = scene.calls('imconnector.chat.name.set').length;
    await scene.say('long', 'm-2', 'Hello again', { name });
    await scene.idle();
    expect(scene.calls('imconnector.chat.name.set')).toHaveLength(calls);
  });

  test('a locked name stays against the messenger, and its newest name comes back when it is unlocked', async () => {
    await scene.say('locked', 'm-1', 'Hello', { name: 'Theirs' });
    const { id } = await scene.conversation('locked', ({ name }) => name.applied === 'Theirs');
    await scene.api.patch(`/conversations/${id}`, { name: 'Ours', nameLocked: true });
    await scene.conversation('locked', ({ name }) => name.applied === 'Ours');
    await scene.rename('locked', 'Theirs again');
    await scene.idle();
    expect(title(scene, 'locked')).toBe('Ours');
    await scene.api.patch(`/conversations/${id}`, { nameLocked: false });
    await scene.conversation('locked', ({ name }) => name.applied === 'Theirs again');
    expect(title(scene, 'locked')).toBe('Theirs again');
  });

  test('a dialog the portal made anew gets the name again', async () => {
    await scene.say('again', 'm-1', 'Hello', { name: 'Kept' });
    await scene.conversation('again', ({ name }) => name.applied === 'Kept');
    await scene.idle();
    const calls = scene.calls('imconnector.chat.name.set').length;
    await scene.say('again', 'm-2', 'One more');
    await scene.idle();
    // The title survives messages and sessions: nothing is set again.
    expect(scene.calls('imconnector.chat.name.set')).toHaveLength(calls);
  });

  test('a mapped conversation adopts the dialog that exists and renames it', async () => {
    await scene.say('adopted', 'm-1', 'Hello');
    const { id } = await scene.conversation('adopted', ({ dialog }) => dialog.chatId !== null);
    await scene.idle();
    await scene.api.delete(`/conversations/${id}`);
    const answer = await scene.api.post('/conversations', {
      channelId: scene.channelId,
      externalId: 'adopted',
      name: 'Adopted',
    });
    expect(answer.status).toBe(201);
    await scene.conversation('adopted', ({ name }) => name.applied === 'Adopted');
    expect(scene.dialogs('adopted')).toMatchObject([{ title: 'Adopted' }]);
  });

  test('a name from the far future does not win for ever: it counts as of the moment it came', async () => {
    await scene.say('future', 'm-1', 'Hello', { name: 'Now' });
    await scene.rename('future', 'From 2099', new Date('2099-01-01'));
    await scene.conversation('future', ({ name }) => name.applied === 'From 2099');
    await scene.rename('future', 'After it');
    await scene.conversation('future', ({ name }) => name.applied === 'After it');
    expect(title(scene, 'future')).toBe('After it');
  });

  // Last: the other tests name times by the machine's clock.
  test('whoever owns the time owns the moment of receipt: an hour later renames are as new as they say', async () => {
    await scene.say('owned', 'm-1', 'Hello', { name: 'At first' });
    await scene.conversation('owned', ({ name }) => name.applied === 'At first');
    for (const [minutes, name] of [
      [4, 'Four minutes later'],
      [2, 'Six minutes later'],
      [54, 'An hour later'],
    ] as const) {
      await scene.elapse(minutes * 60_000);
      await scene.rename('owned', name);
      await scene.conversation('owned', ({ name: { applied } }) => applied === name);
    }
  });
});

describe('a channel with a title template', () => {
  let scene: Scene;
  beforeAll(async () => {
    scene = await startScene({ channel: { titleTemplate: '{name} · {messenger}' } });
  });
  afterAll(() => scene.close());

  test('titles follow it', async () => {
    await scene.say('c-1', 'm-1', 'Hello', { name: 'Order 1042' });
    const view = await scene.conversation('c-1', ({ name }) => name.state === 'applied');
    expect(view).toMatchObject({ name: { applied: 'Order 1042' }, dialog: { title: 'Order 1042 · Chat' } });
    expect(title(scene, 'c-1')).toBe('Order 1042 · Chat');
  });
});

describe('a direct connector', () => {
  let scene: Scene;
  beforeAll(async () => {
    scene = await startScene({ kind: 'direct' });
  });
  afterAll(() => scene.close());

  test('names are set with the person they belong to, and read back', async () => {
    await scene.say('d-1', 'm-1', 'Hello', { name: 'Anna, order 1042' });
    await scene.conversation('d-1', ({ name }) => name.state === 'applied');
    expect(title(scene, 'd-1')).toBe('Anna, order 1042');
    expect(scene.calls('imconnector.chat.name.set').at(-1)?.params).toMatchObject({ USER_ID: 'u-7' });
    expect(scene.calls('imopenlines.dialog.get').length).toBeGreaterThan(0);
  });

  test('a success that changed nothing is not believed', async () => {
    await scene.say('d-2', 'm-1', 'Hello', { name: 'Before' });
    await scene.conversation('d-2', ({ name }) => name.applied === 'Before');
    // The portal answers 200 and changes nothing, as it does for a person it does not know.
    scene.portal.faults.add({
      match: { method: 'imconnector.chat.name.set', times: 1 },
      effect: { result: { SUCCESS: true, DATA: { RESULT: {} } } },
    });
    await scene.rename('d-2', 'After');
    const view = await scene.conversation('d-2', ({ name }) => name.lastError === 'nothing_changed');
    expect(view.name.state).toBe('waitingForDialog');
    await scene.say('d-2', 'm-2', 'Hello again');
    await until(() => title(scene, 'd-2') === 'After');
  });
});
