import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { listenIn, type MessengerStandIn } from '../support/messengerStandIn.ts';
import { type Scene, startScene } from '../support/scene.ts';
import { until } from '../support/until.ts';

const OPERATOR = 27;
const HOUR = 3_600_000;

let scene: Scene;
let messenger: MessengerStandIn;
beforeAll(async () => {
  scene = await startScene();
  messenger = await listenIn(scene);
});
afterAll(async () => {
  await scene.close();
  await messenger.close();
});

interface RunView {
  id: string;
  state: string;
  progress: { total: number; checked: number; found: number; repaired: number };
  findings: { finding: string; conversationId: string; detail: { messageId: string; delivered: boolean } }[];
}

const ids = Array.from({ length: 12 }, (_, n) => `down-${n}`);
const chats = new Map<string, number>();
const replies = (id: string): string[] =>
  messenger
    .of('operator.message.created')
    .filter(({ data }) => data.conversation.id === id)
    .map(({ data }) => data.message.text);
const write = (id: string, text: string, more: { hidden?: boolean } = {}) =>
  scene.portal.operatorMessage(chats.get(id) ?? 0, OPERATOR, { text, ...more });
const runs = async (): Promise<RunView[]> =>
  (await scene.api.get<{ items: RunView[] }>('/runs', { params: { kind: 'recoverReplies' } })).data.items;
const finished = async (id: string): Promise<RunView> =>
  (
    await scene.passUntil(
      () => scene.api.get<RunView>(`/runs/${id}`),
      ({ data }) => data.state === 'done',
    )
  ).data;
const order = async (options: object = {}): Promise<string> => {
  const answer = await scene.api.post<RunView>('/runs', {
    kind: 'recoverReplies',
    portalId: scene.portalId,
    ...options,
  });
  expect(answer.status).toBe(202);
  return answer.data.id;
};
const begin = async (options: object = {}): Promise<RunView> => finished(await order(options));

test('what operators wrote while the gateway was down for a day is delivered after its start, all of it, in order', async () => {
  for (const id of ids) {
    await scene.say(id, 'm-1', 'Hello');
    const { dialog } = await scene.conversation(id, (view) => view.dialog.chatId !== null);
    chats.set(id, Number(dialog.chatId));
  }
  await scene.idle();
  const lost = ids.flatMap((id) => [1, 2, 3].map((n) => ({ id, text: `${id} lost ${n}` })));
  await scene.restart(async () => {
    for (const { id, text } of lost) write(id, text);
    write('down-0', 'For the staff alone', { hidden: true });
    await scene.portal.events.idle();
    scene.advance(24 * HOUR);
  });
  await scene.passUntil(() => ids.every((id) => replies(id).length === 3));
  for (const id of ids) expect(replies(id)).toEqual([1, 2, 3].map((n) => `${id} lost ${n}`));
  await scene.idle();
  const [run] = await runs();
  expect(run).toMatchObject({ state: 'done', progress: { total: 12, checked: 12, repaired: 36 } });
  expect(messenger.received.some(({ data }) => data.message?.text === 'For the staff alone')).toBe(false);
}, 90_000);

test('a second run finds nothing lost any more', async () => {
  const before = messenger.received.length;
  const run = await begin();
  expect(run.findings.filter(({ finding }) => finding === 'lost')).toEqual([]);
  await scene.idle();
  expect(messenger.received).toHaveLength(before);
});

/** Of what is written next, the portal's event is lost on its way. */
const loseNext = (): void =>
  scene.portal.events.troubles.add({ event: 'ONIMCONNECTORMESSAGEADD', effect: 'drop', times: 1 });

test('a dry run lists and delivers nothing; a run after it delivers', async () => {
  loseNext();
  write('down-1', 'Listed');
  await scene.portal.events.idle();
  const dry = await begin({ dryRun: true });
  expect(dry.findings.filter(({ finding }) => finding === 'lost')).toMatchObject([{ detail: { delivered: false } }]);
  expect(replies('down-1')).not.toContain('Listed');
  const real = await begin();
  expect(real.progress.repaired).toBe(1);
  await until(() => replies('down-1').includes('Listed'));
});

test('what is older than the channel allows is listed, and stays where it is', async () => {
  await scene.api.patch(`/channels/${scene.channelId}`, { recoverMaxAgeHours: 10 });
  loseNext();
  write('down-2', 'Too old');
  await scene.portal.events.idle();
  await scene.elapse(11 * HOUR);
  await scene.idle();
  const run = await begin();
  expect(run.findings.filter(({ finding }) => finding === 'too_old')).toHaveLength(1);
  expect(replies('down-2')).not.toContain('Too old');
});

test('sessions that began and ended meanwhile, changed texts and files are found too, and the operator hears what cannot be', async () => {
  const chat = chats.get('down-3') ?? 0;
  const dialog = () => scene.dialogs('down-3')[0]?.messages ?? [];
  const known = write('down-3', 'Known before');
  await until(() => replies('down-3').includes('Known before'));
  await until(() => dialog().find(({ id }) => id === known.id)?.sending === false);
  await scene.idle();
  await scene.restart(async () => {
    scene.portal.editMessage(known.id, OPERATOR, 'Changed meanwhile');
    for (const text of ['In the old session', 'In one of its own', 'In the last one']) {
      write('down-3', text);
      scene.portal.closeDialog(chat, { atOnce: true });
    }
    const files = [{ name: 'offer.pdf', url: 'https://portal.example.com/~Ab12' }];
    scene.portal.operatorMessage(chat, OPERATOR, { text: 'With a file', files });
    await scene.portal.events.idle();
    scene.advance(HOUR);
  });
  await scene.passUntil(() => replies('down-3').includes('With a file'));
  expect(replies('down-3').slice(-4)).toEqual([
    'In the old session',
    'In one of its own',
    'In the last one',
    'With a file',
  ]);
  const [edit] = await until(
    () => messenger.of('operator.message.edited').filter(({ data }) => data.conversation.id === 'down-3'),
    (all) => all.length > 0,
  );
  expect(edit?.data.message.text).toBe('Changed meanwhile');
  const notes = () => dialog().filter(({ authorId, text }) => authorId === 0 && /send them again/.test(text));
  await until(() => notes().length === 1);
  await scene.idle();
  const before = messenger.received.length;
  const again = await begin();
  expect(again.progress.repaired).toBe(0);
  await scene.idle();
  expect([messenger.received.length, notes().length]).toEqual([before, 1]);
});

test('a session in between is found, though the person spoke in the one after it before anybody could look', async () => {
  const chat = chats.get('down-8') ?? 0;
  await scene.restart(async () => {
    scene.portal.closeDialog(chat, { atOnce: true });
    write('down-8', 'In a session of its own');
    scene.portal.closeDialog(chat, { atOnce: true });
    await scene.portal.events.idle();
    scene.advance(HOUR);
    for (const method of ['batch', 'imopenlines.dialog.get']) {
      scene.portal.faults.add({ match: { method }, effect: { html: 502 } });
    }
  });
  await scene.say('down-8', 'm-2', 'Is anybody there?');
  await until(() => scene.dialogs('down-8')[0]?.messages.some(({ text }) => text === 'Is anybody there?'));
  scene.portal.faults.clear();
  await scene.passUntil(() => replies('down-8').includes('In a session of its own'));
});

test('a dialog the portal fails to tell of is named, and hides nothing of the others', async () => {
  await scene.idle();
  const odd = chats.get('down-10') ?? 0;
  const fault = scene.portal.faults.add({
    match: { method: 'imopenlines.dialog.get', params: { CHAT_ID: String(odd) } },
    effect: { status: 500, code: 'INTERNAL_SERVER_ERROR' },
  });
  try {
    await scene.restart(async () => {
      write('down-11', 'Behind the odd one');
      await scene.portal.events.idle();
      scene.advance(HOUR);
    });
    await scene.passUntil(() => replies('down-11').includes('Behind the odd one'));
    const [latest] = await scene.passUntil(runs, (all) => all[0]?.state === 'done');
    const { findings } = (await scene.api.get<RunView>(`/runs/${latest?.id}`)).data;
    expect(findings.filter(({ finding }) => finding === 'unreadable')).toMatchObject([
      { detail: { code: 'INTERNAL_SERVER_ERROR' } },
    ]);
  } finally {
    scene.portal.faults.remove(fault);
  }
});

test('what is on its way when a run looks is not taken for lost: it arrives as it was sent, with its author and files', async () => {
  const line = scene.portal.events.troubles;
  // Held back for a moment, longer than the first look takes.
  line.add({ event: 'ONIMCONNECTORMESSAGEADD', effect: 'reorder', times: 1 });
  const files = [{ name: 'plan.pdf', url: 'https://portal.example.com/~Cd34' }];
  scene.portal.operatorMessage(chats.get('down-5') ?? 0, OPERATOR, { text: 'Just now', files });
  const histories = (): number => scene.calls('imopenlines.session.history.get').length;
  const before = histories();
  const id = await order();
  await until(() => histories() > before);
  await scene.portal.events.idle();
  const run = await finished(id);
  expect(run.findings.filter(({ finding }) => finding === 'lost' || finding === 'only_files')).toEqual([]);
  await until(() => replies('down-5').includes('Just now'));
  const [delivery] = messenger.of('operator.message.created').filter(({ data }) => data.message.text === 'Just now');
  expect(delivery?.data.message.attachments).toHaveLength(1);
  expect(delivery?.data).toMatchObject({ operator: { name: expect.any(String) as unknown } });
});

test('while no event arrives at all a run comes to its end, and delivers what it found at first', async () => {
  const line = scene.portal.events.troubles;
  line.add({ event: 'ONIMCONNECTORMESSAGEADD', effect: 'drop' });
  write('down-9', 'Lost 0');
  let more = 0;
  const operators = setInterval(() => write('down-9', `Lost ${(more += 1)}`), 300);
  try {
    expect((await begin()).state).toBe('done');
    await until(() => replies('down-9').includes('Lost 0'));
  } finally {
    clearInterval(operators);
    line.clear();
  }
  await begin();
  const texts = (): string[] => replies('down-9').filter((text) => text.startsWith('Lost'));
  await until(() => texts().length > more);
  expect(texts()).toEqual(Array.from({ length: more + 1 }, (_, n) => `Lost ${n}`));
});

describe('after a restart of seconds', () => {
  const asked = (): unknown[] =>
    scene.portal.ledger.entries({ method: 'imopenlines.dialog.get' }).map(({ params }) => Number(params.CHAT_ID));
  const open = ['down-6', 'down-7'];
  /** Neither spoken in, nor near in time to a session that began lately. */
  const idle = ['down-0', 'down-1', 'down-10', 'down-11'];
  const among = (those: readonly string[], chatIds: readonly unknown[]): string[] =>
    those.filter((id) => chatIds.includes(chats.get(id)));

  beforeAll(async () => {
    for (const id of ids) scene.portal.closeDialog(chats.get(id) ?? 0, { atOnce: true });
    await scene.portal.events.idle();
    await scene.idle();
    await scene.elapse(25 * HOUR);
    for (const id of open) await scene.say(id, 'm-2', 'Hello again');
    // Nobody listened for a day, as far as the gateway knows.
    await scene.restart();
    await scene.passUntil(runs, (all) => all.every(({ state }) => state === 'done'));
  });

  test('what operators wrote meanwhile is delivered, and only dialogs in which somebody may be speaking are asked about', async () => {
    const before = asked().length;
    await scene.restart(async () => {
      for (const id of open) write(id, 'In the seconds between');
      await scene.portal.events.idle();
      scene.advance(5_000);
    });
    await scene.passUntil(() => open.every((id) => replies(id).includes('In the seconds between')));
    await scene.idle();
    const since = asked().slice(before);
    expect([among(open, since), among(idle, since)]).toEqual([open, []]);
  });

  test('a session that began and ended meanwhile is found, though nobody had spoken in that dialog for long', async () => {
    const before = asked().length;
    await scene.restart(async () => {
      write('down-4', 'Out of the blue');
      scene.portal.closeDialog(chats.get('down-4') ?? 0, { atOnce: true });
      await scene.portal.events.idle();
      scene.advance(5_000);
    });
    await scene.passUntil(() => replies('down-4').includes('Out of the blue'));
    await scene.idle();
    const since = asked().slice(before);
    expect([among(['down-4'], since), among(idle, since)]).toEqual([['down-4'], []]);
  });

  test('many restarts before a run begins are one run', async () => {
    const before = await runs();
    await scene.api.patch(`/portals/${scene.portalId}`, { paused: true });
    for (let n = 0; n < 3; n += 1) await scene.restart(() => scene.advance(5_000));
    expect(await runs()).toHaveLength(before.length + 1);
    await scene.restart(() => scene.advance(HOUR));
    expect(await runs()).toHaveLength(before.length + 2);
    await scene.restart(() => scene.advance(HOUR));
    expect(await runs()).toHaveLength(before.length + 2);
    await scene.api.patch(`/portals/${scene.portalId}`, { paused: false });
    await scene.passUntil(runs, (all) => all.every(({ state }) => state === 'done'));
  });

  test('many restarts while a run looks are one more, which begins when that one is done', async () => {
    const before = await runs();
    const begun = async (): Promise<RunView[]> => (await runs()).filter(({ state }) => state === 'running');
    const missed = async (text: string): Promise<void> => {
      write('down-6', text);
      await scene.portal.events.idle();
      scene.advance(1_000);
    };
    await scene.restart(() => missed('Restart 0'));
    await until(begun, (all) => all.length === 1);
    for (let n = 1; n <= 3; n += 1) await scene.restart(() => missed(`Restart ${n}`));
    expect(await runs()).toHaveLength(before.length + 2);
    expect(await begun()).toHaveLength(1);
    await scene.passUntil(runs, (all) => all.every(({ state }) => state === 'done'));
    await scene.idle();
    const texts = replies('down-6').filter((text) => text.startsWith('Restart'));
    expect(texts).toEqual(['Restart 0', 'Restart 1', 'Restart 2', 'Restart 3']);
  });
});

test('after a restart of seconds a dialog that was just closed is looked at too: an operator may open it again', async () => {
  const fresh = await startScene();
  const chat = await listenIn(fresh);
  try {
    await fresh.say('closed', 'm-1', 'Hello');
    const { dialog } = await fresh.conversation('closed', (view) => view.dialog.chatId !== null);
    const chatId = Number(dialog.chatId);
    fresh.portal.closeDialog(chatId, { atOnce: true });
    await fresh.conversation('closed', (view) => !view.dialog.sessionOpen);
    await fresh.restart(async () => {
      fresh.portal.operatorMessage(chatId, OPERATOR, { text: 'One more thing' });
      await fresh.portal.events.idle();
      fresh.advance(5_000);
    });
    const texts = (): string[] => chat.of('operator.message.created').map(({ data }) => data.message.text);
    await fresh.passUntil(() => texts().includes('One more thing'));
  } finally {
    await fresh.close();
    await chat.close();
  }
});
