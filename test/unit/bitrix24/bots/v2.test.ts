import { createV2Bots } from '../../../../src/bitrix24/bots/v2.ts';
import { refused, scriptedCall } from '../scriptedCall.ts';

const bot = { botId: '512', token: 'bot-token' };
const chat = { ...bot, chatId: '901' };
const auth = { botId: 512, botToken: 'bot-token' };
const inChat = { ...auth, dialogId: 'chat901' };
const done = { result: true };
const fullBot = { id: 512, code: 'gw_1', type: 'supervisor', eventMode: 'fetch' };
const wireChat = {
  id: 901,
  name: 'WA: Ann',
  description: 'd',
  owner: 512,
  color: '#4ba984',
  avatar: '',
  entityType: 'CHAT',
  entityId: 'gw1:k',
  managerList: [512, '7'],
  textFieldEnabled: true,
  lastMessageId: 7701,
  userCounter: 2,
};

test('registering and updating send the complete profile', async () => {
  const profile = { name: 'Gateway', lastName: 'Bot', color: 'lightBlue', gender: 'M' as const };
  const { call, calls } = scriptedCall({
    'imbot.v2.Bot.register': { bot: fullBot, users: [] },
    'imbot.v2.Bot.update': { bot: fullBot, users: [] },
  });
  const bots = createV2Bots(call);
  expect(await bots.register({ code: 'gw_1', token: 'bot-token', profile })).toEqual({
    botId: '512',
    code: 'gw_1',
    ours: true,
  });
  await bots.update({ ...bot, profile, webhook: 'https://gw.example/bot' });
  const properties = { name: 'Gateway', lastName: 'Bot', color: 'LIGHT_BLUE', gender: 'M' };
  expect(calls.map(({ params, repeatable }) => [params, repeatable])).toEqual([
    [{ botToken: 'bot-token', fields: { code: 'gw_1', type: 'supervisor', properties, eventMode: 'fetch' } }, true],
    [{ ...auth, fields: { properties, eventMode: 'webhook', webhookUrl: 'https://gw.example/bot' } }, true],
  ]);
});

test('a bot of somebody else shows its short form, a missing one nothing', async () => {
  const foreign = scriptedCall({ 'imbot.v2.Bot.get': { bot: { id: 512, code: 'x' } } });
  expect(await createV2Bots(foreign.call).get(bot)).toEqual({ botId: '512', code: 'x', ours: false });
  const none = scriptedCall({
    'imbot.v2.Bot.get': refused('BOT_NOT_FOUND'),
    'imbot.v2.Bot.unregister': refused('BOT_NOT_FOUND'),
  });
  expect(await createV2Bots(none.call).get(bot)).toBeUndefined();
  await createV2Bots(none.call).unregister(bot);
});

test('a chat is looked up by the deprecated method, under the entity that keeps it changeable', async () => {
  const { call, calls } = scriptedCall({ 'imbot.chat.get': { ID: 901 } });
  expect(await createV2Bots(call).findChat({ key: 'gw1:k' })).toBe('901');
  expect(calls[0]?.params).toEqual({ ENTITY_TYPE: 'CHAT', ENTITY_ID: 'gw1:k' });
  const none = scriptedCall({ 'imbot.chat.get': null });
  expect(await createV2Bots(none.call).findChat({ key: 'gw1:k' })).toBeUndefined();
});

test('adding a chat is not repeatable, names no owner, and tells whether the key was stored', async () => {
  const { call, calls } = scriptedCall({ 'imbot.v2.Chat.add': { chat: wireChat, users: [] } });
  const bots = createV2Bots(call);
  const added = { ...bot, key: 'gw1:k', title: 'WA: Ann', color: 'mint', userIds: ['7', '8'] };
  expect(await bots.addChat(added)).toEqual({ chatId: '901', keyEchoed: true });
  expect(await bots.addChat({ ...added, key: 'gw1:other' })).toEqual({ chatId: '901', keyEchoed: false });
  expect(calls[0]).toMatchObject({ repeatable: false });
  expect(calls[0]?.params).toEqual({
    ...auth,
    fields: { title: 'WA: Ann', color: 'MINT', userIds: [7, 8], entityType: 'CHAT', entityId: 'gw1:k' },
  });
});

test('an added chat without an id may exist', async () => {
  const { call } = scriptedCall({ 'imbot.v2.Chat.add': { chat: [] } });
  await expect(createV2Bots(call).addChat({ ...bot, key: 'k', title: 't', userIds: [] })).rejects.toMatchObject({
    verdict: 'unsure',
    code: 'unexpected_result',
  });
});

test('a chat is read, gone, or not the bot’s any more', async () => {
  const state = (answer: unknown) => createV2Bots(scriptedCall({ 'imbot.v2.Chat.get': answer }).call).getChat(chat);
  expect(await state({ chat: wireChat })).toEqual({
    chatId: '901',
    title: 'WA: Ann',
    description: 'd',
    owner: '512',
    managers: ['512', '7'],
    color: '#4ba984',
    avatar: '',
    key: 'gw1:k',
    textFieldEnabled: true,
    lastMessageId: '7701',
    memberCount: 2,
  });
  expect(await state({ chat: { ...wireChat, textFieldEnabled: 'N' } })).toMatchObject({ textFieldEnabled: false });
  expect(await state(refused('CHAT_NOT_FOUND'))).toBe('gone');
  expect(await state(refused('ACCESS_DENIED'))).toBe('notMember');
  await expect(state(refused('ACCESS_DENIED', { verdict: 'blocked' }))).rejects.toMatchObject({ verdict: 'blocked' });
  await expect(state({ chat: [] })).rejects.toMatchObject({ verdict: 'retry' });
});

test('members, managers, owner, text field', async () => {
  const { call, calls } = scriptedCall({
    'imbot.v2.Chat.update': done,
    'imbot.v2.Chat.User.list': [{ id: 512 }, { id: '7' }],
    'imbot.v2.Chat.User.add': done,
    'imbot.v2.Chat.User.delete': done,
    'imbot.v2.Chat.Manager.add': done,
    'imbot.v2.Chat.Manager.delete': done,
    'imbot.v2.Chat.setOwner': done,
    'imbot.v2.Chat.TextField.enabled': done,
  });
  const bots = createV2Bots(call);
  await bots.updateChat({ ...chat, title: 'New', color: 'darkBlue' });
  expect(await bots.listMembers(chat)).toEqual(['512', '7']);
  await bots.addMembers({ ...chat, userIds: ['7'] });
  await bots.removeMember({ ...chat, userId: '7' });
  await bots.addManagers({ ...chat, userIds: ['7'] });
  await bots.removeManagers({ ...chat, userIds: ['7'] });
  await bots.setOwner({ ...chat, userId: '7' });
  await bots.setTextField({ ...chat, enabled: false });
  await bots.addManagers({ ...chat, userIds: [] });
  expect(calls.every(({ repeatable }) => repeatable)).toBe(true);
  expect(calls.map(({ method, params }) => [method.replace('imbot.v2.Chat.', ''), params])).toEqual([
    ['update', { ...inChat, fields: { title: 'New', color: 'DARK_BLUE' } }],
    ['User.list', { ...inChat, limit: 200, order: { userId: 'ASC' } }],
    ['User.add', { ...inChat, userIds: [7] }],
    ['User.delete', { ...inChat, userId: 7 }],
    ['Manager.add', { ...inChat, userIds: [7] }],
    ['Manager.delete', { ...inChat, userIds: [7] }],
    ['setOwner', { ...inChat, userId: 7 }],
    ['TextField.enabled', { ...inChat, enabled: false }],
  ]);
});

test('leaving twice is leaving once; a missing right is not', async () => {
  const left = scriptedCall({
    'imbot.v2.Chat.leave': refused('ACCESS_DENIED'),
    'imbot.v2.Chat.get': refused('ACCESS_DENIED'),
  });
  await createV2Bots(left.call).leave(chat);
  const kept = scriptedCall({
    'imbot.v2.Chat.leave': refused('ACCESS_DENIED'),
    'imbot.v2.Chat.get': { chat: wireChat },
  });
  await expect(createV2Bots(kept.call).leave(chat)).rejects.toMatchObject({ code: 'ACCESS_DENIED' });
});

describe('a message', () => {
  const templateId = '1b4e28ba-2fa1-4d3b-8f4e-0b2f5c8a9d10';

  test('with a template id is repeatable, without one it is not', async () => {
    const { call, calls } = scriptedCall({ 'imbot.v2.Chat.Message.send': { id: 7710, uuidMap: [] } });
    const bots = createV2Bots(call);
    expect(await bots.sendMessage({ ...chat, text: 'Hi', templateId })).toEqual({ messageId: '7710' });
    await bots.sendMessage({ ...chat, text: 'Hi' });
    expect(calls.map(({ params, repeatable }) => [params, repeatable])).toEqual([
      [{ ...inChat, fields: { message: 'Hi', templateId } }, true],
      [{ ...inChat, fields: { message: 'Hi' } }, false],
    ]);
  });

  test('that is being posted by another call is tried later', async () => {
    const { call } = scriptedCall({ 'imbot.v2.Chat.Message.send': refused('MESSAGE_DUPLICATED_BY_UUID') });
    await expect(createV2Bots(call).sendMessage({ ...chat, text: 'Hi', templateId })).rejects.toMatchObject({
      verdict: 'retry',
      code: 'MESSAGE_DUPLICATED_BY_UUID',
    });
  });
});
