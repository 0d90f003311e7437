import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import {
  DISMISSED,
  EMPLOYEE,
  EXTRANET,
  openImbotPortal,
  PNG,
  TOKEN,
  type Body,
  type ImbotPortal,
} from './imbotPortal.ts';

let at: ImbotPortal;
let botId: number;
beforeEach(async () => {
  at = await openImbotPortal();
  botId = await at.registerBot();
});
afterEach(() => at.close());

const mine = (params: Body = {}) => ({ botId, botToken: TOKEN, ...params });
const v2 = (method: string, params: Body = {}) => at.call(`imbot.v2.${method}`, mine(params));
const chatOf = async (chatId: number) => (await at.ok<{ chat: Body }>('imbot.v2.Chat.get', mine({ chatId }))).chat;
const seen = (chatId: number) => at.portal.state().companions.find((chat) => chat.chatId === chatId);

describe('the order of checks', () => {
  test('token, bot id, bot, ownership, arguments, chat, membership, rights: all with HTTP 400', async () => {
    const foreign = await at.registerBot({ code: 'other' }, 'another');
    const chatId = await at.addChat(botId, { userIds: [foreign] });
    const call = async (params: Body) => {
      const { status, error } = await at.call('imbot.v2.Chat.setOwner', params);
      expect(status).toBe(400);
      return error;
    };
    expect(await call({})).toBe('BOT_TOKEN_NOT_SPECIFIED');
    expect(await call({ botToken: 'x' })).toBe('BOT_ID_REQUIRED');
    expect(await call({ botToken: 'x', botId: 4040 })).toBe('BOT_NOT_FOUND');
    expect(await call({ botToken: 'x', botId })).toBe('BOT_OWNERSHIP_ERROR');
    expect(await call(mine())).toBe('100');
    expect(await call(mine({ dialogId: 'nonsense', userId: 7 }))).toBe('100');
    expect(await call(mine({ dialogId: 'chat999999' }))).toBe('100');
    expect(await call(mine({ dialogId: 'chat999999', userId: 'seven' }))).toBe('100');
    expect(await call(mine({ dialogId: 'chat999999', userId: 7 }))).toBe('CHAT_NOT_FOUND');
    expect(await call({ botId: foreign, botToken: 'another', chatId, userId: 7 })).toBe('ACCESS_DENIED');
    const away = await at.addChat(botId);
    expect(await call({ botId: foreign, botToken: 'another', chatId: away, userId: 7 })).toBe('ACCESS_DENIED');
  });

  test('ACCESS_DENIED means the chat is there without the bot, CHAT_NOT_FOUND that it is gone', async () => {
    const chatId = await at.addChat(botId, { userIds: [EMPLOYEE] });
    await at.control('DELETE', `/companions/${chatId}/members/${botId}`, { userId: EMPLOYEE });
    expect(await v2('Chat.get', { chatId })).toMatchObject({ status: 400, error: 'ACCESS_DENIED' });
    await at.control('DELETE', `/companions/${chatId}`);
    expect(await v2('Chat.get', { chatId })).toMatchObject({ status: 400, error: 'CHAT_NOT_FOUND' });
  });
});

describe('Chat.add', () => {
  test('two equal calls make two chats, even with an equal entity pair', async () => {
    const fields = { title: 'Same', entityType: 'CHAT', entityId: 'gw1:9f2c' };
    const first = await at.addChat(botId, fields);
    expect(await at.addChat(botId, fields)).toBeGreaterThan(first);
  });

  test('the bot owns and manages the chat, and `users` is the bot alone', async () => {
    const fields = { title: ' Anna ', entityType: 'CHAT', entityId: 'gw1:Key', userIds: [EMPLOYEE] };
    const { chat, users } = await at.ok<{ chat: Body; users: Body[] }>('imbot.v2.Chat.add', mine({ fields }));
    expect(chat).toMatchObject({
      dialogId: `chat${Number(chat.id)}`,
      name: 'Anna',
      owner: botId,
      managerList: [botId],
      userCounter: 2,
      role: 'owner',
      type: 'chat',
      messageType: 'C',
      entityType: 'CHAT',
      entityId: 'gw1:Key',
      textFieldEnabled: true,
      parentChatId: 0,
    });
    expect(users).toEqual([expect.objectContaining({ id: botId })]);
  });

  test('`message` is dropped, `description` is posted by the owner', async () => {
    const chatId = await at.addChat(botId, {
      message: 'hello',
      description: 'About',
      entityType: 'CHAT',
      entityId: 'k',
    });
    expect(seen(chatId)?.messages).toEqual([expect.objectContaining({ text: 'About', authorId: botId })]);
    expect(await chatOf(chatId)).toMatchObject({ description: 'About', messageCount: 1 });
  });

  test('strangers, the dismissed and guests are dropped without a word', async () => {
    const chatId = await at.addChat(botId, { userIds: [EMPLOYEE, DISMISSED, EXTRANET, 987654] });
    expect(seen(chatId)?.members).toEqual([botId, EMPLOYEE]);
  });

  test('a given owner is member and manager; one that does not exist leaves the chat without an owner', async () => {
    const owned = await at.addChat(botId, { ownerId: EMPLOYEE });
    expect(seen(owned)).toMatchObject({ owner: EMPLOYEE, managers: [EMPLOYEE] });
    const orphan = await at.addChat(botId, { ownerId: 987654 });
    expect(seen(orphan)).toMatchObject({ owner: 0, managers: [] });
  });

  test('an empty call works, and an empty title is replaced by an automatic one', async () => {
    const { chat } = await at.ok<{ chat: Body }>('imbot.v2.Chat.add', mine());
    expect(chat.name).not.toBe('');
    await at.ok('imbot.v2.Chat.update', mine({ chatId: chat.id, fields: { title: '  ' } }));
    const renamed = await chatOf(Number(chat.id));
    expect(renamed.name).not.toBe('');
    expect(renamed.name).not.toBe(chat.name);
  });

  test('a title is trimmed and silently cut at 255', async () => {
    const chatId = await at.addChat(botId, { title: ` ${'ж'.repeat(300)}` });
    expect((await chatOf(chatId)).name).toBe('ж'.repeat(255));
  });

  test('it is refused when the REST user is a guest, although the bot may', async () => {
    expect(await at.call('imbot.v2.Chat.add', mine(), EXTRANET)).toMatchObject({ status: 400, error: 'ACCESS_DENIED' });
  });

  test('colors are taken in both spellings, an unknown one becomes automatic', async () => {
    const chatId = await at.addChat(botId, { color: 'lightBlue' });
    expect(await chatOf(chatId)).toMatchObject({ color: '#4ba5c3' });
    await v2('Chat.update', { chatId, fields: { color: 'DARK_BLUE' } });
    expect(await chatOf(chatId)).toMatchObject({ color: '#3e99ce' });
    await v2('Chat.update', { chatId, fields: { color: 'ultraviolet' } });
    expect(await chatOf(chatId)).toMatchObject({ color: '#3e99ce' });
  });
});

describe('Chat.update', () => {
  test('only the owner may: after setOwner the bot gets ACCESS_DENIED', async () => {
    const chatId = await at.addChat(botId, { userIds: [EMPLOYEE] });
    expect(await at.ok('imbot.v2.Chat.update', mine({ chatId, fields: { title: 'New' } }))).toEqual({ result: true });
    await v2('Chat.setOwner', { chatId, userId: EMPLOYEE });
    expect(await v2('Chat.update', { chatId, fields: { title: 'Newer' } })).toMatchObject({ error: 'ACCESS_DENIED' });
    expect(await chatOf(chatId)).toMatchObject({ name: 'New', owner: EMPLOYEE, managerList: [botId], role: 'manager' });
  });

  test('a custom entity type forbids it to everybody for ever, CHAT and OPEN do not', async () => {
    const custom = await at.addChat(botId, { entityType: 'MY_APP', entityId: '1' });
    expect(await chatOf(custom)).toMatchObject({ type: 'myApp', owner: botId });
    expect(await v2('Chat.update', { chatId: custom, fields: { title: 'x' } })).toMatchObject({
      error: 'ACCESS_DENIED',
    });
    for (const wrong of ['chat', 'OPEN']) {
      const chatId = await at.addChat(botId, { entityType: wrong, entityId: '1' });
      expect(await v2('Chat.update', { chatId, fields: {} })).toMatchObject({ error: 'ACCESS_DENIED' });
    }
    const open = await at.addChat(botId, { type: 'open', entityType: 'OPEN', entityId: '1' });
    expect(await v2('Chat.update', { chatId: open, fields: { title: 'x' } })).toMatchObject({ status: 200 });
  });

  test('no message tells of a new title, one tells of a new avatar', async () => {
    const chatId = await at.addChat(botId, { entityType: 'CHAT', entityId: 'k' });
    await v2('Chat.update', { chatId, fields: { title: 'New', color: 'red', description: 'New' } });
    expect(seen(chatId)?.messages).toHaveLength(0);
    await v2('Chat.update', { chatId, fields: { avatar: PNG } });
    expect(seen(chatId)?.messages).toHaveLength(1);
    expect((await chatOf(chatId)).avatar).not.toBe('');
    await v2('Chat.update', { chatId, fields: { avatar: 'no image' } });
    expect((await chatOf(chatId)).avatar).toBe('');
    expect(await v2('Chat.update', { chatId, fields: { avatar: 4711 } })).toMatchObject({ error: 'WRONG_PARAMETER' });
  });

  test('UPPER_SNAKE fields are not read and nothing sent is success', async () => {
    const chatId = await at.addChat(botId, { TITLE: 'Upper', title: undefined });
    expect(await v2('Chat.update', { chatId, fields: { TITLE: 'ignored' } })).toMatchObject({ status: 200 });
    expect(await v2('Chat.update', { chatId })).toMatchObject({ status: 200 });
    expect(await chatOf(chatId)).toMatchObject({ name: 'Upper' });
  });
});

test('an open chat can be read by a bot that is not in it, and not changed', async () => {
  const foreign = await at.registerBot({ code: 'other' }, 'another');
  const chatId = await at.addChat(botId, { type: 'open' });
  const auth = { botId: foreign, botToken: 'another', chatId };
  expect(await at.ok('imbot.v2.Chat.get', auth)).toMatchObject({
    chat: { type: 'open', messageType: 'O', role: 'guest' },
  });
  expect(await at.call('imbot.v2.Chat.User.add', auth)).toMatchObject({ error: 'ACCESS_DENIED' });
  expect(await at.call('imbot.v2.Chat.leave', auth)).toMatchObject({ error: 'ACCESS_DENIED' });
});

test('a user id as dialog id opens the private dialog, the same one each time', async () => {
  const first = (await at.ok<{ chat: Body }>('imbot.v2.Chat.get', mine({ dialogId: String(EMPLOYEE) }))).chat;
  expect(first).toMatchObject({ messageType: 'P', dialogId: '7' });
  expect(await v2('Chat.Message.send', { dialogId: '7', fields: { message: 'hi' } })).toMatchObject({ status: 200 });
  expect(await v2('Chat.get', { dialogId: '7' })).toMatchObject({
    result: { chat: { id: first.id, messageCount: 1 } },
  });
  expect(await v2('Chat.setOwner', { dialogId: '7', userId: EMPLOYEE })).toMatchObject({ error: 'ACCESS_DENIED' });
});
