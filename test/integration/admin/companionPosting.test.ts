import { randomUUID } from 'node:crypto';
import type { Bots } from '../../../src/bitrix24/bots/bots.ts';
import { createCompanionPosting } from '../../../src/bridge/companionMessages.ts';
import { systemClock } from '../../../src/kit/clock.ts';
import { DeliveryError } from '../../../src/kit/errors.ts';
import { until } from '../../support/until.ts';
import { type AdminSite, createAdminSite } from './site.ts';

let site: AdminSite;
/** What each portal answers. */
const botsOf = new Map<string, Bots>();
beforeAll(async () => {
  site = await createAdminSite();
  const of = (portalId: string): Promise<Bots> => Promise.resolve(botsOf.get(portalId)!);
  const { db, vault } = site;
  const posting = createCompanionPosting({ db, bots: { of, live: of }, vault, clock: systemClock });
  site.startWorker({ postToCompanion: posting });
});
afterAll(() => site.close());

/** A companion with one message waiting for it, and a portal that does what it is told. */
async function message(generation: 'v2' | 'legacy', companion: { state: string; chatId: string | null }) {
  const { channelId, messengerId, portalId, portalGateId } = await site.addChannel();
  const bot = await site.db.prisma.bot.create({
    data: { portalId, code: 'helper', name: 'Helper', token: site.vault.encrypt('token'), botId: 51 },
  });
  const dialog = { channelId, messengerId, externalId: randomUUID(), dialogKey: 'c', kind: 'group' };
  const { id: conversationId } = await site.db.prisma.conversation.create({ data: dialog });
  await site.db.prisma.companion.create({ data: { conversationId, botId: bot.id, key: conversationId, ...companion } });
  const { id } = await site.db.prisma.message.create({
    data: {
      conversationId,
      direction: 'toCompanion',
      externalId: randomUUID(),
      senderId: bot.id,
      text: 'Hello',
      sentAt: new Date(),
    },
  });
  const sent: unknown[] = [];
  let lostAnswers = 0;
  const bots = {
    generation,
    sendMessage(posted: object) {
      sent.push(posted);
      if (lostAnswers-- > 0) throw new DeliveryError({ verdict: 'unsure', code: 'timeout', detail: 'no answer' });
      return Promise.resolve({ messageId: '1' });
    },
  };
  botsOf.set(portalId, bots as unknown as Bots);
  const job = { gateId: portalGateId, lane: id, class: 'live', kind: 'postToCompanion', conversationId } as const;
  const read = () => site.db.prisma.message.findUniqueOrThrow({ where: { id } });
  return {
    sent,
    externalId: (await read()).externalId,
    loseAnswers: (times: number) => (lostAnswers = times),
    post: () => site.outbox.enqueue([{ ...job, payload: { messageId: id } }]),
    state: async () => (await read()).state,
  };
}

it('a message goes to the chat with the id a repetition is recognised by', async () => {
  const { sent, externalId, post, state } = await message('v2', { state: 'ready', chatId: '900' });
  await post();
  await until(async () => (await state()) === 'delivered');
  expect(sent).toEqual([{ botId: '51', token: 'token', chatId: '900', text: 'Hello', templateId: externalId }]);
});

it('where a repetition is not recognised, a lost answer leaves the decision to a person', async () => {
  const { sent, loseAnswers, post, state } = await message('legacy', { state: 'ready', chatId: '900' });
  loseAnswers(1);
  await post();
  await until(async () => (await state()) === 'parked');
  expect(sent).toHaveLength(1);
});

it('a message to a companion that was archived or could not be made fails', async () => {
  for (const companion of [
    { state: 'archived', chatId: '900' },
    { state: 'failed', chatId: null },
  ]) {
    const { sent, post, state } = await message('v2', companion);
    await post();
    await until(async () => (await state()) === 'failed');
    expect(sent).toEqual([]);
  }
});
