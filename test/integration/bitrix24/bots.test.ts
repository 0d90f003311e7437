import { randomUUID } from 'node:crypto';
import type { Bots } from '../../../src/bitrix24/bots/bots.ts';
import { createBots, probeGeneration } from '../../../src/bitrix24/bots/generation.ts';
import { connectSandbox, type Connected } from './sandboxPortal.ts';

let connected: Connected;
afterEach(() => connected.close());

const profile = { name: 'Gateway', workPosition: 'Companion', color: 'lightBlue' };
const token = 'a-token-of-ours';
const KEY = 'gw1:0123456789abcdef';

async function setUp(options: Parameters<typeof connectSandbox>[0] = {}): Promise<Bots> {
  connected = await connectSandbox(options);
  return createBots(connected.call, await probeGeneration(connected.call));
}

/** A bot and its chat with employee 27. */
async function provision(bots: Bots) {
  const { botId } = await bots.register({ code: 'gw_1', token, profile, webhook: 'http://127.0.0.1:9/bot' });
  const bot = { botId, token };
  const added = await bots.addChat({ ...bot, key: KEY, title: 'WA: Ann', color: 'mint', userIds: ['27'] });
  return { bot, chat: { ...bot, chatId: added.chatId }, added };
}

test.each(['cloud', 'box-rev-32'] as const)('a companion on a portal with v2 (%s)', async (portal) => {
  const bots = await setUp({ profile: portal });
  expect(bots.generation).toBe('v2');
  const { bot, chat, added } = await provision(bots);
  expect(added.keyEchoed).toBe(true);
  expect(await bots.register({ code: 'gw_1', token, profile })).toMatchObject({ botId: bot.botId });
  await bots.update({ ...bot, profile: { ...profile, lastName: 'Bot' } });
  expect(await bots.get(bot)).toEqual({ botId: bot.botId, code: 'gw_1', ours: true });
  expect(await bots.getChat(chat)).toMatchObject({ title: 'WA: Ann', key: KEY, owner: bot.botId });

  await bots.updateChat({ ...chat, title: 'Ann of Acme', description: 'd' });
  await bots.addMembers({ ...chat, userIds: ['1'] });
  expect((await bots.listMembers(chat)).sort()).toEqual(['1', '27', bot.botId].sort());
  await bots.removeMember({ ...chat, userId: '1' });
  await bots.removeMember({ ...chat, userId: '1' });
  await bots.setTextField({ ...chat, enabled: false });
  await bots.addManagers({ ...chat, userIds: ['27'] });
  expect(await bots.getChat(chat)).toMatchObject({
    title: 'Ann of Acme',
    description: 'd',
    textFieldEnabled: false,
    managers: expect.arrayContaining(['27']) as string[],
    memberCount: 2,
  });

  const templateId = randomUUID();
  const first = await bots.sendMessage({ ...chat, text: 'renamed', templateId });
  expect(await bots.sendMessage({ ...chat, text: 'renamed', templateId })).toEqual(first);

  await bots.setOwner({ ...chat, userId: '27' });
  expect(await bots.getChat(chat)).toMatchObject({ owner: '27' });
  await expect(bots.setOwner({ ...chat, userId: '27' })).rejects.toMatchObject({ code: 'ACCESS_DENIED' });
  await expect(bots.updateChat({ ...chat, title: 'x' })).rejects.toMatchObject({
    verdict: 'refused',
    code: 'ACCESS_DENIED',
  });

  await bots.leave(chat);
  await bots.leave(chat);
  expect(await bots.getChat(chat)).toBe('notMember');
  expect(await bots.getChat({ ...chat, chatId: '99999' })).toBe('gone');
  await bots.unregister(bot);
  await bots.unregister(bot);
  expect(await bots.get(bot)).toBeUndefined();
});
