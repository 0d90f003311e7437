import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type MessengerStandIn, startMessenger } from '../support/messengerStandIn.ts';
import { type Scene, startScene } from '../support/scene.ts';
import { until } from '../support/until.ts';

let scene: Scene;
let messenger: MessengerStandIn;
beforeAll(async () => {
  scene = await startScene({ channel: { notes: true, finishOnClose: true } });
  messenger = await startMessenger({ secrets: () => [scene.deliverySecret], now: () => scene.sandbox.clock.now() });
});
afterAll(async () => {
  await scene.close();
  await messenger.close();
});

type Message = ReturnType<Scene['dialogs']>[number]['messages'][number];

const anna = { id: 'u-7', name: 'Anna', lastName: 'Berg' };
const messages = (id: string): Message[] =>
  scene.dialogs(id)[0]?.messages.filter(({ deleted, text }) => !deleted && !/^Title/.test(text)) ?? [];
const texts = (id: string): string[] => messages(id).map(({ text }) => text);
const spoken = (id: string): string[] =>
  messages(id)
    .filter(({ authorId }) => authorId !== 0)
    .map(({ text }) => text);

const say = (id: string, message: object, more: object = {}) =>
  scene.send('message.created', { conversation: { id }, sender: anna, message, ...more });
const edit = (id: string, message: object, at?: Date) =>
  scene.send('message.edited', { conversation: { id }, sender: { id: 'u-7' }, message }, at ? { at } : {});
const remove = (id: string, messageId: string) =>
  scene.send('message.deleted', { conversation: { id }, sender: { id: 'u-7' }, message: { id: messageId } });

const eventNote = async (type: string, externalId: string): Promise<{ state: string; note: string | null }> => {
  const { data } = await until(
    () =>
      scene.api.get<{ items: { state: string; note: string | null }[] }>('/webhook-events', {
        params: { type, externalId },
      }),
    (answer) => answer.data.items[0] !== undefined && answer.data.items[0].state !== 'accepted',
  );
  return data.items[0] as { state: string; note: string | null };
};

test('an edit changes the message, and the client keeps name and profile', async () => {
  await say('edited', { id: 'm-1', text: 'Helo' });
  await edit('edited', { id: 'm-1', text: 'Hello' });
  await until(() => texts('edited').includes('Hello'));
  await scene.idle();
  expect(spoken('edited')).toEqual(['Hello']);
  const [call] = scene.calls('imconnector.update.messages');
  const [item] = call?.params.MESSAGES as { user: object }[];
  expect(item?.user).toMatchObject({ id: 'u-7', name: 'Anna', last_name: 'Berg' });
});

test('an edit that overtakes its message waits for it, visibly', async () => {
  await say('early', { id: 'm-0', text: 'First' });
  await edit('early', { id: 'm-1', text: 'Right' });
  expect(await eventNote('message.edited', 'early')).toMatchObject({ state: 'ignored', note: /waits/ as unknown });
  await say('early', { id: 'm-1', text: 'Wrong' });
  await until(() => spoken('early').includes('Right'));
  await scene.idle();
  expect(spoken('early')).toEqual(['First', 'Right']);
  expect(await eventNote('message.edited', 'early')).toMatchObject({ state: 'applied' });
});

test('a deletion that overtakes its message waits for it, and the message never shows', async () => {
  await say('early-gone', { id: 'm-0', text: 'First' });
  await remove('early-gone', 'm-1');
  expect(await eventNote('message.deleted', 'early-gone')).toMatchObject({
    state: 'ignored',
    note: /waits/ as unknown,
  });
  await say('early-gone', { id: 'm-1', text: 'Never to be seen' });
  await say('early-gone', { id: 'm-2', text: 'Last' });
  await until(() => spoken('early-gone').includes('Last'));
  await scene.idle();
  expect(spoken('early-gone')).toEqual(['First', 'Last']);
  expect(await eventNote('message.deleted', 'early-gone')).toMatchObject({ state: 'applied' });
});

test('an answer to a message quotes its beginning, and keeps doing so when it is edited', async () => {
  await say('answers', { id: 'm-1', text: `**One** [b]line[/b]\n${'and more '.repeat(40)}` });
  await say('answers', { id: 'm-2', text: 'Yes', replyToId: 'm-1' }, { sender: { id: 'u-8', name: 'Bert' } });
  await say('answers', { id: 'm-3', text: 'No', replyToId: 'm-2' });
  await say('answers', { id: 'm-4', text: 'To nothing known', replyToId: 'm-99' });
  await edit('answers', { id: 'm-3', text: 'Certainly not' });
  await until(() => spoken('answers').at(2)?.includes('Certainly'));
  await scene.idle();
  const [, second, third, last] = spoken('answers').map((text) => text.replaceAll('\u200b', ''));
  expect(second).toMatch(/^>>Anna Berg: \*\*One\*\* \[b\]line\[\/b\] (and more )+.{0,9}…\nYes$/);
  expect(second?.length).toBeLessThan(160);
  expect(third).toBe('>>Bert: Yes\nCertainly not');
  expect(last).toBe('To nothing known');
});

test('an older edit does not undo a newer one', async () => {
  await say('stale', { id: 'm-1', text: 'One' });
  const now = scene.sandbox.clock.now();
  await edit('stale', { id: 'm-1', text: 'Three' }, new Date(now + 2_000));
  await edit('stale', { id: 'm-1', text: 'Two' }, new Date(now + 1_000));
  await until(() => spoken('stale').includes('Three'));
  await scene.idle();
  expect(spoken('stale')).toEqual(['Three']);
});

test('a longer edit goes on in further parts, a shorter one takes them away', async () => {
  const long = 'word '.repeat(9_000);
  await say('resized', { id: 'm-1', text: 'Short' });
  await edit('resized', { id: 'm-1', text: long });
  await until(() => spoken('resized').join('').length === long.length);
  expect(spoken('resized')).toHaveLength(3);
  await edit('resized', { id: 'm-1', text: 'Short again' });
  await until(() => spoken('resized').length === 1);
  await scene.idle();
  expect(spoken('resized')).toEqual(['Short again']);
});

test('a deletion takes the message away; a second one is harmless', async () => {
  await say('gone', { id: 'm-1', text: 'Oops' });
  await say('gone', { id: 'm-2', text: 'Stays' });
  // What is deleted before it crossed needs no call.
  await until(() => spoken('gone').length === 2);
  await remove('gone', 'm-1');
  await remove('gone', 'm-1');
  await until(() => spoken('gone').join() === 'Stays');
  await scene.idle();
  const [call, ...others] = scene
    .calls('imconnector.delete.messages')
    .filter(({ params }) => (params.MESSAGES as { chat: { id: string } }[])[0]?.chat.id === 'gone');
  expect(others).toEqual([]);
  expect((call?.params.MESSAGES as { user: object }[])[0]?.user).toMatchObject({ name: 'Anna', last_name: 'Berg' });
});

test('the same message id in two conversations is two messages, also when one is deleted', async () => {
  await say('same-a', { id: 'm-same', text: 'A' });
  await say('same-b', { id: 'm-same', text: 'B' });
  await until(() => spoken('same-a').length + spoken('same-b').length === 2);
  await remove('same-a', 'm-same');
  await until(() => spoken('same-a').length === 0);
  expect(spoken('same-b')).toEqual(['B']);
});

test('files come through the media door where nobody else could fetch them', async () => {
  const url = messenger.file('/picture.png', { body: 'PNG', type: 'image/png' });
  await say('files', { id: 'm-1', text: 'Look', attachments: [{ url, name: 'Sunset.png' }] });
  await until(() => messages('files')[0]?.files.length === 1);
  const [message] = messages('files');
  expect(message).toMatchObject({ text: 'Look', files: [{ name: 'Sunset.png', mime: 'image/png', size: 3 }] });
  const [sent] = scene.calls('imconnector.send.messages').slice(-1);
  const [item] = sent?.params.MESSAGES as { message: { files: { url: string }[] } }[];
  expect(item?.message.files[0]?.url).toContain('/media/');
});

test('files that need credentials are asked for with the signature of the gateway', async () => {
  await scene.api.patch('/messengers/chat', { deliveryUrl: messenger.url });
  const url = messenger.file('/private.txt', { body: 'secret', type: 'text/plain', guarded: true });
  await say('guarded', { id: 'm-1', attachments: [{ url, name: 'private.txt' }] });
  await until(() => messages('guarded')[0]?.files.length === 1);
  expect(messages('guarded')[0]?.files).toMatchObject([{ name: 'private.txt', size: 6 }]);
  await scene.api.patch('/messengers/chat', { deliveryUrl: null });
});

test.each([
  ['is not there', '/missing.png', { body: '', type: 'text/plain', status: 404 }],
  ['is a web page instead', '/login.png', { body: '<html>log in</html>', type: 'text/html' }],
])('a file that %s leaves its address in the dialog', async (_why, path, file) => {
  const url = messenger.file(path, file);
  await say(`lost${path}`, { id: 'm-1', attachments: [{ url, name: 'a.png' }] });
  await until(() => spoken(`lost${path}`).length === 1);
  expect(spoken(`lost${path}`)).toEqual([`File a.png: ${url}`]);
  await say(`lost${path}`, { id: 'm-2', text: 'With text', attachments: [{ url, name: 'a.png' }] });
  await until(() => texts(`lost${path}`).length === 3);
  expect(texts(`lost${path}`).slice(1)).toEqual(['With text', `File a.png: ${url}`]);
});

test('thirty files are thirty messages, in their order', async () => {
  const attachments = Array.from({ length: 30 }, (_, n) => ({
    url: messenger.file(`/many-${n}.txt`, { body: String(n), type: 'text/plain' }),
    name: `many-${n}.txt`,
  }));
  await say('many', { id: 'm-1', text: 'All of them', attachments });
  await until(() => messages('many').length === 30, Boolean, { withinMs: 40_000 });
  expect(messages('many').flatMap(({ files }) => files.map(({ name }) => name))).toEqual(
    attachments.map(({ name }) => name),
  );
  expect(texts('many')[0]).toBe('All of them');
}, 60_000);

test('a file said to be larger than the portal could ever take is only named', async () => {
  const url = 'https://files.example.com/film.mkv';
  await say('huge', { id: 'm-1', attachments: [{ url, name: 'film.mkv', size: 2 * 1024 ** 3 }] });
  await until(() => spoken('huge').length === 1);
  expect(spoken('huge')).toEqual([`File film.mkv: ${url}`]);
});

test.each([
  ['says that it has two gigabytes', { 'content-length': String(2 * 1024 ** 3) }],
  ['has no end', {}],
])(
  'a file that %s stops at the limit, takes no memory, and leaves its address',
  async (what, headers) => {
    const chunk = Buffer.alloc(1024 * 1024);
    let sent = 0;
    let most = 0;
    const before = process.memoryUsage().rss;
    const host = http.createServer((_req, res) => {
      res.writeHead(200, { 'content-type': 'video/mp4', ...headers });
      const pour = (): void => {
        most = Math.max(most, process.memoryUsage().rss - before);
        while (!res.destroyed && res.write(chunk)) sent++;
      };
      res.on('drain', pour);
      pour();
    });
    host.listen(0, '127.0.0.1');
    await once(host, 'listening');
    const url = `http://127.0.0.1:${(host.address() as AddressInfo).port}/film.mp4`;
    await say(`film ${what}`, { id: 'm-1', attachments: [{ url, name: 'film.mp4' }] });
    await until(() => spoken(`film ${what}`).length === 1, Boolean, { withinMs: 60_000 });
    expect(spoken(`film ${what}`)).toEqual([`File film.mp4: ${url}`]);
    // The limit is 200 MB; a little more is under way when it is reached.
    expect(sent).toBeLessThan(260);
    expect(most).toBeLessThan(150 * 1024 * 1024);
    host.closeAllConnections();
    host.close();
  },
  90_000,
);

test('a file that makes the call fail again and again is named instead, and the dialog goes on', async () => {
  const url = messenger.file('/slow.bin', { body: 'slow', type: 'application/octet-stream' });
  await say('slow', { id: 'm-0', text: 'Before' });
  await until(() => spoken('slow').length === 1);
  await scene.idle();
  const match = { method: 'imconnector.send.messages', times: 3 };
  scene.portal.faults.add({ match, effect: { reset: 'before' } });
  await say('slow', { id: 'm-1', text: 'See', attachments: [{ url, name: 'slow.bin' }] });
  await say('slow', { id: 'm-2', text: 'After' });
  await until(async () => {
    await scene.elapse(30_000);
    return spoken('slow').length === 3;
  });
  expect(spoken('slow')).toEqual(['Before', `See\nFile slow.bin: ${url}`, 'After']);
});

test('a public file goes by its own address', async () => {
  await say('public', { id: 'm-1', attachments: [{ url: 'https://files.example.com/a.pdf' }] });
  await until(() => messages('public')[0]?.files.length === 1);
  expect(messages('public')[0]?.files).toMatchObject([{ name: 'a.pdf', url: 'https://files.example.com/a.pdf' }]);
});

test('a message without text and without files is ignored with its reason', async () => {
  await say('empty', { id: 'm-1', text: ' \u0007 ' });
  expect(await eventNote('message.created', 'empty')).toMatchObject({ state: 'ignored' });
});

test.each([
  [
    'markdown',
    '**Bold** and *soft*, [here](https://example.com/a)',
    '[b]Bold[/b] and [i]soft[/i], [url=https://example.com/a]here[/url]',
  ],
  ['html', '<p>One</p><p><b>Two</b> &amp; <script>x</script><br>Three</p>', 'One\n[b]Two[/b] & \nThree'],
  [
    'plain',
    '[b]not bold[/b] [url=https://a.example]x[/url] [USER=1]y[/USER] [br] >>z',
    '[\u200bb]not bold[\u200b/b] [\u200burl=https://a.example]x[\u200b/url] [\u200bUSER=1]y[\u200b/USER] [\u200bbr] >>z',
  ],
  ['plain', '**as it is** $result[c0]\u0000\u0008 \u202Eabc 👨‍👩‍👧', '**as it is** $result[c0] \u202Eabc 👨‍👩‍👧'],
])('%s %j becomes BB-code that shows just that', async (format, text, bb) => {
  const id = `format-${format}-${text.length}`;
  await say(id, { id: 'm-1', text, format });
  await until(() => spoken(id).length === 1);
  expect(spoken(id)).toEqual([bb]);
});

test('a text that looks like a rating reaches the operator', async () => {
  await say('rating', { id: 'm-1', text: 'Hello' });
  const { dialog } = await scene.conversation('rating', (view) => view.dialog.chatId !== null);
  scene.portal.askForVote(Number(dialog.chatId));
  await say('rating', { id: 'm-2', text: '1' });
  await until(() => spoken('rating').length === 2);
  expect(spoken('rating')[1]?.replaceAll('\u200b', '')).toBe('1');
});

test("an operator's own device is mirrored as a system message, and nothing echoes", async () => {
  await say('mirror', { id: 'm-1', text: 'Hello' });
  await scene.send('message.created', {
    conversation: { id: 'mirror' },
    sender: { id: 'op-1', name: 'Olga' },
    message: { id: 'm-2', text: 'Hi from my phone' },
    fromOperator: true,
  });
  await until(() => messages('mirror').some(({ text }) => text.includes('my phone')));
  const [mirrored] = messages('mirror').filter(({ text }) => text.includes('my phone'));
  expect(mirrored).toMatchObject({ authorId: 0, text: '[b]Olga:[/b] Hi from my phone' });
  await edit('mirror', { id: 'm-2', text: 'Hi again' });
  await until(() => texts('mirror').includes('[b]Olga:[/b] Hi again'));
  await scene.idle();
  expect(scene.portal.state().users.filter(({ name }) => name === 'Olga')).toEqual([]);
});

test('who joins and leaves is told where the channel wants it, and only in an open dialog', async () => {
  const join = (id: string) =>
    scene.send('participant.joined', { conversation: { id }, participant: { id: 'u-9', name: 'Bert' } });
  await say('joined', { id: 'm-1', text: 'Hello' });
  await scene.conversation('joined', (view) => view.dialog.sessionOpen);
  await join('joined');
  await until(() => texts('joined').includes('Bert joined the conversation'));
  await scene.send('conversation.created', { conversation: { id: 'silent' } });
  await join('silent');
  expect(await eventNote('participant.joined', 'silent')).toMatchObject({ state: 'ignored' });
  expect(scene.dialogs('silent')).toEqual([]);
});

test('a closed conversation finishes its dialog where the channel wants it, after what was said before', async () => {
  await say('closing', { id: 'm-1', text: 'Hello' });
  await scene.conversation('closing', (view) => view.dialog.sessionOpen);
  await say('closing', { id: 'm-2', text: 'Bye' });
  await scene.send('conversation.closed', { conversation: { id: 'closing' } });
  await scene.conversation('closing', (view) => !view.dialog.sessionOpen);
  expect(spoken('closing')).toEqual(['Hello', 'Bye']);
});

test('a migrated conversation keeps its dialog, its name, and hears both ids', async () => {
  await scene.say('old-id', 'm-1', 'Before', { name: 'Team' });
  await scene.conversation('old-id', (view) => view.name.state === 'applied');
  await scene.send('conversation.migrated', { conversation: { id: 'old-id' }, newId: 'new-id' });
  await say('new-id', { id: 'm-2', text: 'After' });
  await say('old-id', { id: 'm-3', text: 'Late' });
  await until(() => spoken('old-id').length === 3);
  expect(spoken('old-id').sort()).toEqual(['After', 'Before', 'Late']);
  expect(scene.dialogs('new-id')).toEqual([]);
  expect((await scene.find('new-id'))?.name.applied).toBe('Team');
  expect(await scene.find('old-id')).toBeUndefined();
});

test('what comes under the new id while the migration is still to be applied waits for it', async () => {
  await say('was', { id: 'm-1', text: 'Before' });
  await until(() => spoken('was').length === 1);
  const event = (id: string, type: string, data: object) => ({
    id,
    type,
    timestamp: new Date(scene.sandbox.clock.now()).toISOString(),
    data,
  });
  const sender = { id: 'u-7' };
  await scene.sendBody(
    JSON.stringify([
      event('mig-1', 'conversation.migrated', { conversation: { id: 'was' }, newId: 'is' }),
      event('mig-2', 'message.created', { conversation: { id: 'is' }, sender, message: { id: 'm-2', text: 'After' } }),
    ]),
  );
  await until(() => spoken('was').length === 2);
  expect(scene.dialogs('is')).toEqual([]);
});
