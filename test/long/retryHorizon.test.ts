import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { idOf, type MessengerStandIn, startMessenger } from '../support/messengerStandIn.ts';
import { type Scene, startScene } from '../support/scene.ts';
import { until } from '../support/until.ts';

/** Days of trouble on a virtual clock. */

const OPERATOR = 27;
const HOUR = 3_600_000;

let scene: Scene;
let messenger: MessengerStandIn;
let works = true;
beforeAll(async () => {
  scene = await startScene();
  messenger = await startMessenger({ secrets: () => [scene.deliverySecret], now: () => scene.sandbox.clock.now() });
  messenger.answerWith((delivery) => {
    if (!works) return { status: 503 };
    return delivery.type === 'operator.message.created' ? { body: { messageIds: [idOf(delivery)] } } : {};
  });
  await scene.api.patch('/messengers/chat', { deliveryUrl: messenger.url });
});
afterAll(async () => {
  await scene.close();
  await messenger.close();
});

const of = (id: string) => messenger.of('operator.message.created').filter(({ data }) => data.conversation.id === id);
const dialog = (id: string) => scene.dialogs(id)[0]?.messages ?? [];
const notes = (id: string) => dialog(id).filter(({ authorId, text }) => authorId === 0 && /^Message not/.test(text));
const sending = (id: string) => dialog(id).filter((message) => message.sending);

async function open(id: string): Promise<number> {
  await scene.say(id, 'm-1', 'Hello');
  const { dialog: found } = await scene.conversation(id, (view) => view.dialog.sessionOpen);
  await scene.idle();
  return Number(found.chatId);
}

/** Whoever resumes deliveries has them looked at at once; a sleeping worker does not see that the clock was moved. */
async function elapse(ms: number): Promise<void> {
  await scene.elapse(ms);
  await scene.api.patch('/messengers/chat', { paused: false });
}

/** Hour by hour, each time until the delivery that was due has been tried. */
async function fail(id: string, hours: number): Promise<void> {
  for (let hour = 0; hour < hours; hour++) {
    const before = of(id).length;
    await elapse(1.3 * HOUR);
    await until(() => of(id).length > before || notes(id).length > 0);
  }
}

test('a messenger that fails for 71 hours gets everything afterwards, in order, and nobody is told of a failure', async () => {
  const chatId = await open('late');
  works = false;
  for (const text of ['One', 'Two', 'Three']) scene.portal.operatorMessage(chatId, OPERATOR, { text });
  await fail('late', 55);
  expect(new Set(of('late').map(({ data }) => data.message.text))).toEqual(new Set(['One']));
  works = true;
  await elapse(1.3 * HOUR);
  await until(() => sending('late').length === 0);
  expect(
    of('late')
      .slice(-3)
      .map(({ data }) => data.message.text),
  ).toEqual(['One', 'Two', 'Three']);
  await scene.idle();
  expect(notes('late')).toEqual([]);
}, 60_000);

test('a messenger that never comes back is told of in the dialog, once, and not before 72 hours', async () => {
  const chatId = await open('never');
  works = false;
  const startedAt = scene.sandbox.clock.now();
  scene.portal.operatorMessage(chatId, OPERATOR, { text: 'Hello?' });
  while (notes('never').length === 0) await fail('never', 1);
  expect(scene.sandbox.clock.now() - startedAt).toBeGreaterThan(72 * HOUR);
  works = true;
  await elapse(2 * HOUR);
  await scene.idle();
  expect(notes('never').map(({ text }) => text)).toEqual(['Message not delivered: the messenger could not be reached']);
  const tries = of('never').length;
  scene.portal.operatorMessage(chatId, OPERATOR, { text: 'Still there?' });
  await until(() => of('never').length === tries + 1);
  expect(of('never').at(-1)?.data.message.text).toBe('Still there?');
}, 60_000);
