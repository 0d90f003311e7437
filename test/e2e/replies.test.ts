import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { type Delivered, idOf, type MessengerStandIn, startMessenger } from '../support/messengerStandIn.ts';
import { type Scene, startScene } from '../support/scene.ts';
import { until } from '../support/until.ts';

const OPERATOR = 27;
const HOUR = 3_600_000;

let scene: Scene;
let messenger: MessengerStandIn;
let secrets: string[] = [];
beforeAll(async () => {
  scene = await startScene();
  secrets = [scene.deliverySecret];
  messenger = await startMessenger({ secrets: () => secrets, now: () => scene.sandbox.clock.now() });
  await scene.api.patch('/messengers/chat', { deliveryUrl: messenger.url });
});
afterEach(() => messenger.answerWith((delivery) => answered(delivery)));
afterAll(async () => {
  await scene.close();
  await messenger.close();
});

const answered = (delivery: Parameters<typeof idOf>[0]) =>
  delivery.type === 'operator.message.created' ? { body: { messageIds: [idOf(delivery)] } } : {};

/** A conversation whose dialog is open; answers the chat's id on the portal. */
async function open(id: string): Promise<number> {
  await scene.say(id, 'm-1', 'Hello');
  const { dialog } = await scene.conversation(id, (view) => view.dialog.sessionOpen);
  return Number(dialog.chatId);
}

const of = (id: string, type = 'operator.message.created') =>
  messenger.of(type).filter(({ data }) => data.conversation.id === id);
const onPortal = (id: string) => scene.dialogs(id)[0]?.messages ?? [];
const confirmations = (messageId: number) =>
  scene
    .calls('imconnector.send.status.delivery')
    .filter(
      ({ params }) => (params.MESSAGES as { im: { message_id: string } }[])[0]?.im.message_id === String(messageId),
    );
const notes = (id: string) => onPortal(id).filter(({ authorId, text }) => authorId === 0 && /^Message not/.test(text));

test('a reply arrives with its text in three forms, its author and its files, signed', async () => {
  const chatId = await open('reply');
  scene.portal.operatorMessage(chatId, OPERATOR, {
    text: 'See [b]this[/b]: [url=https://example.com/a]link[/url]',
    files: [{ name: 'a.pdf', url: 'https://portal.example/~Ab12', mime: 'application/pdf' }],
  });
  const [delivery] = await until(
    () => of('reply'),
    (all) => all.length === 1,
  );
  expect(delivery?.data).toMatchObject({
    conversation: { id: 'reply' },
    message: {
      text: 'See this: link (https://example.com/a)',
      html: 'See <b>this</b>: <a href="https://example.com/a">link</a>',
      markdown: 'See **this**: [link](https://example.com/a)',
      attachments: [{ url: 'https://portal.example/~Ab12', name: 'a.pdf', mimeType: 'application/pdf' }],
      system: false,
    },
    operator: { userId: '27', name: expect.any(String) as unknown },
  });
  expect(messenger.unsigned).toBe(0);
});

test('delivery is confirmed once, with the ids of the messenger, and later changes come through', async () => {
  const chatId = await open('changed');
  const { id } = scene.portal.operatorMessage(chatId, OPERATOR, { text: 'Helo' });
  await until(() => confirmations(id).length === 1);
  const [created] = of('changed');
  const row = () => onPortal('changed').find((message) => message.id === id);
  await until(() => row()?.sending === false);
  expect(row()?.connectorMid).toEqual([`x-${created?.data.gatewayId}`]);

  scene.portal.editMessage(id, OPERATOR, 'Hello');
  const [edited] = await until(
    () => of('changed', 'operator.message.edited'),
    (all) => all.length === 1,
  );
  expect(edited?.data).toMatchObject({
    gatewayId: created?.data.gatewayId,
    messageIds: [`x-${created?.data.gatewayId}`],
    message: { text: 'Hello' },
  });
  scene.portal.deleteMessage(id, OPERATOR);
  const [deleted] = await until(
    () => of('changed', 'operator.message.deleted'),
    (all) => all.length === 1,
  );
  expect(deleted?.data.messageIds).toEqual([`x-${created?.data.gatewayId}`]);
  await scene.idle();
  expect(confirmations(id)).toHaveLength(1);
});

test('a later message.delivered confirms too; said twice it confirms once', async () => {
  messenger.answerWith(() => ({}));
  const chatId = await open('later');
  const { id } = scene.portal.operatorMessage(chatId, OPERATOR, { text: 'Hello' });
  const [delivery] = await until(
    () => of('later'),
    (all) => all.length === 1,
  );
  await scene.idle();
  expect(confirmations(id)).toEqual([]);
  const message = { gatewayId: delivery?.data.gatewayId, ids: ['a-1', 'a-2'] };
  await scene.send('message.delivered', { message });
  await scene.send('message.delivered', { message });
  await scene.send('message.read', { message });
  await until(() => confirmations(id).length === 1);
  await scene.idle();
  expect(confirmations(id)).toHaveLength(1);
  expect(onPortal('later').find((row) => row.id === id)?.connectorMid).toEqual(['a-1', 'a-2']);
});

test('replies keep their order, and a slow conversation does not hold up another', async () => {
  const [slow, quick] = [await open('slow'), await open('quick')];
  let release: () => void = () => undefined;
  const gate = new Promise<void>((resolve) => (release = resolve));
  messenger.answerWith(async (delivery) => {
    if (delivery.data.conversation.id === 'slow') await gate;
    return answered(delivery);
  });
  for (let n = 0; n < 5; n++) {
    scene.portal.operatorMessage(slow, OPERATOR, { text: `Slow ${n}` });
    scene.portal.operatorMessage(quick, OPERATOR, { text: `Quick ${n}` });
  }
  await until(() => of('quick').length === 5);
  expect(of('quick').map(({ data }) => data.message.text)).toEqual([0, 1, 2, 3, 4].map((n) => `Quick ${n}`));
  expect(of('slow')).toHaveLength(1);
  release();
  await until(() => of('slow').length === 5);
  expect(of('slow').map(({ data }) => data.message.text)).toEqual([0, 1, 2, 3, 4].map((n) => `Slow ${n}`));
});

test('automatic texts are marked as of the system', async () => {
  const chatId = await open('auto');
  scene.portal.automaticMessage(chatId, '[b]We:[/b] are closed');
  const [delivery] = await until(
    () => of('auto'),
    (all) => all.length === 1,
  );
  expect(delivery?.data).toMatchObject({ message: { text: 'We: are closed', system: true }, operator: {} });
});

test('a quotation of an operator is readable in every form, and tells what it answers where that is certain', async () => {
  const chatId = await open('quoted');
  await scene.say('quoted', 'm-2', 'Where is [b]my[/b] order?');
  await scene.say('quoted', 'm-3', 'Where is my order?');
  await until(() => onPortal('quoted').filter(({ origin }) => origin === 'client').length === 3);
  const dashes = '-'.repeat(54);
  const quote = (head: string, text: string): string => `${dashes}\n${head}\n${text}\n${dashes}\nThere it is`;
  const answers = async (text: string): Promise<Delivered['data']['message']> => {
    const before = of('quoted').length;
    scene.portal.operatorMessage(chatId, OPERATOR, { text });
    const all = await until(
      () => of('quoted'),
      ({ length }) => length > before,
    );
    return all.at(-1)?.data.message as Delivered['data']['message'];
  };
  expect(await answers(quote('Anna Berg [08.04.2026 13:06:49]', 'Where is [b]my[/b] order?'))).toMatchObject({
    text: '> Anna Berg [08.04.2026 13:06:49]\n> Where is my order?\nThere it is',
    html: '<blockquote>Anna Berg [08.04.2026 13:06:49]<br>Where is <b>my</b> order?</blockquote><br>There it is',
    markdown: '> Anna Berg \\[08.04.2026 13:06:49\\]\n> Where is **my** order?\nThere it is',
  });
  expect((await answers('>>Hello\nHello too')).replyToId).toBe('m-1');
  const { id } = scene.portal.operatorMessage(chatId, OPERATOR, { text: 'Tomorrow' });
  await until(() => confirmations(id).length === 1);
  const named = await answers(quote(`Ann Lee [Today, 13:06] #chat${chatId}/${id}`, 'Tomorrow'));
  expect(named.text).toBe('> Ann Lee [Today, 13:06]\n> Tomorrow\nThere it is');
  const said = of('quoted').find(({ data }) => data.message.text === 'Tomorrow');
  expect(named.replyToId).toBe(said && idOf(said));
  expect((await answers('>>Nobody ever said that\nIndeed')).replyToId).toBeUndefined();
});

test('a delivery that fails is repeated under the same id until it succeeds', async () => {
  let failures = 3;
  messenger.answerWith((delivery) =>
    delivery.type === 'operator.message.created' && failures-- > 0 ? { status: 500 } : answered(delivery),
  );
  const chatId = await open('again');
  const { id } = scene.portal.operatorMessage(chatId, OPERATOR, { text: 'Hello' });
  await until(() => {
    scene.advance(5_000);
    return confirmations(id).length === 1;
  });
  expect(of('again').length).toBeGreaterThanOrEqual(2);
  expect(new Set(of('again').map((delivery) => delivery.id)).size).toBe(1);
  expect(notes('again')).toEqual([]);
});

test('a message the messenger could not deliver is told the operator once, and never the customer', async () => {
  messenger.answerWith(() => ({}));
  const chatId = await open('failed');
  scene.portal.operatorMessage(chatId, OPERATOR, { text: 'Hello' });
  const [delivery] = await until(
    () => of('failed'),
    (all) => all.length === 1,
  );
  const message = { gatewayId: delivery?.data.gatewayId, error: 'The recipient left [b]us[/b]' };
  await scene.send('message.failed', { message });
  await scene.send('message.failed', { message });
  await until(() => notes('failed').length === 1);
  await scene.idle();
  expect(notes('failed').map(({ text }) => text.replaceAll('\u200b', ''))).toEqual([
    'Message not delivered: The recipient left [b]us[/b]',
  ]);
  expect(of('failed')).toHaveLength(1);
});

test('410 stops deliveries, and nothing else, until an administrator resumes them', async () => {
  messenger.answerWith(() => ({ status: 410 }));
  const chatId = await open('gone');
  scene.portal.operatorMessage(chatId, OPERATOR, { text: 'Hello' });
  const state = async () =>
    (await scene.api.get<{ deliveries: { state: string } }>('/messengers/chat')).data.deliveries.state;
  await until(state, (now) => now === 'paused');
  messenger.answerWith((delivery) => answered(delivery));
  scene.advance(2 * HOUR);
  await scene.say('gone', 'm-2', 'Still heard');
  await until(() => onPortal('gone').some(({ text }) => text === 'Still heard'));
  const before = of('gone').length;
  await scene.api.patch('/messengers/chat', { paused: false });
  await until(() => of('gone').length > before);
  expect(await state()).toBe('on');
});

test('while the secret is rotated a delivery carries both signatures', async () => {
  const chatId = await open('rotated');
  const { data } = await scene.api.post<{ secret: string }>('/messengers/chat/secrets', { kind: 'delivery' });
  scene.portal.operatorMessage(chatId, OPERATOR, { text: 'Old' });
  await until(() => of('rotated').length === 1);
  secrets = [data.secret];
  scene.portal.operatorMessage(chatId, OPERATOR, { text: 'New' });
  await until(() => of('rotated').length === 2);
  expect(messenger.unsigned).toBe(0);
});

test('an echo of a reply is no new message', async () => {
  const chatId = await open('echo');
  const { id } = scene.portal.operatorMessage(chatId, OPERATOR, { text: 'Hello' });
  await until(() => confirmations(id).length === 1);
  const [delivery] = of('echo');
  await scene.send('message.created', {
    conversation: { id: 'echo' },
    sender: { id: 'bot' },
    message: { id: `x-${delivery?.data.gatewayId}`, text: 'Hello' },
    fromOperator: true,
  });
  await scene.idle();
  expect(onPortal('echo').filter(({ text }) => text.includes('Hello'))).toHaveLength(2);
});

test('the messenger hears when a dialog starts and ends', async () => {
  const chatId = await open('session');
  await until(() => of('session', 'dialog.started').length === 1);
  scene.portal.closeDialog(chatId, { atOnce: true });
  await until(() => of('session', 'dialog.finished').length === 1);
});

test('an event for a dialog of nobody ends ignored', async () => {
  await scene.send('message.delivered', { message: { gatewayId: 'nobody', id: 'x' } });
  const { data } = await until(
    () => scene.api.get<{ items: { state: string }[] }>('/webhook-events', { params: { type: 'message.delivered' } }),
    (answer) => answer.data.items[0]?.state === 'ignored',
  );
  expect(data.items[0]?.state).toBe('ignored');
});
