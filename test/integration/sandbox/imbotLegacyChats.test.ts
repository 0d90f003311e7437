import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import {
  ADMIN,
  DISMISSED,
  EMPLOYEE,
  EXTRANET,
  openImbotPortal,
  OTHER_EMPLOYEE,
  PNG,
  TOKEN,
  type Body,
  type ImbotPortal,
} from './imbotPortal.ts';

let at: ImbotPortal;
let botId: number;
beforeEach(async () => {
  at = await openImbotPortal({ profile: 'box-without-imbot-v2' });
  const bot = {
    CODE: 'gw',
    EVENT_HANDLER: 'https://gateway.example/bot',
    CLIENT_ID: TOKEN,
    PROPERTIES: { NAME: 'Companion' },
  };
  botId = await at.ok<number>('imbot.register', bot);
});
afterEach(() => at.close());

const mine = (params: Body = {}) => ({ BOT_ID: botId, CLIENT_ID: TOKEN, ...params });
const v1 = (method: string, params: Body = {}, userId = ADMIN) => at.call(`imbot.${method}`, mine(params), userId);
const addChat = async (params: Body = {}, userId = ADMIN) =>
  Number((await v1('chat.add', { TITLE: 'A chat', ...params }, userId)).result);
const seen = (chatId: number) => at.portal.state().companions.find((chat) => chat.chatId === chatId);

describe('making and finding chats', () => {
  test('chat.add posts MESSAGE, never deduplicates, and the bot owns the chat', async () => {
    const pair = { ENTITY_TYPE: 'CHAT', ENTITY_ID: 'gw1:9f2c', MESSAGE: 'hello', USERS: [EMPLOYEE] };
    const first = await addChat(pair);
    expect(await addChat(pair)).not.toBe(first);
    expect(seen(first)).toMatchObject({
      owner: botId,
      managers: [botId],
      members: [botId, EMPLOYEE],
      entityId: 'gw1:9f2c',
    });
    expect(seen(first)?.messages.at(-1)).toMatchObject({ text: 'hello', authorId: botId });
    expect(await v1('chat.add', { USERS: '7' })).toMatchObject({ status: 400, error: 'INVALID_FORMAT' });
  });

  test('chat.get by pair asks for no token, no bot and no membership; case is folded; nothing found is null', async () => {
    const chatId = await addChat({ ENTITY_TYPE: 'CHAT', ENTITY_ID: 'gw1:key' });
    const find = (pair: Body) => at.call('imbot.chat.get', pair, EMPLOYEE);
    expect(await find({ ENTITY_TYPE: 'CHAT', ENTITY_ID: 'gw1:key' })).toMatchObject({
      status: 200,
      result: { ID: chatId },
    });
    expect(await find({ ENTITY_TYPE: 'chat', ENTITY_ID: 'GW1:KEY' })).toMatchObject({ result: { ID: chatId } });
    expect(await find({ ENTITY_TYPE: 'CHAT', ENTITY_ID: 'other' })).toMatchObject({ status: 200, result: null });
  });

  test('chat.get by pair forgets a chat that was deleted', async () => {
    const chatId = await addChat({ ENTITY_TYPE: 'CHAT', ENTITY_ID: 'k' });
    await at.control('DELETE', `/companions/${chatId}`);
    expect((await at.call('imbot.chat.get', { ENTITY_TYPE: 'CHAT', ENTITY_ID: 'k' })).result).toBeNull();
  });

  test('for a guest of the extranet the entity pair is ignored', async () => {
    const chatId = await addChat({ ENTITY_TYPE: 'CHAT', ENTITY_ID: 'k' }, EXTRANET);
    expect(seen(chatId)).toMatchObject({ entityType: '', entityId: '' });
  });

  test('dialog.get looks with the eyes of the REST user and not of the bot', async () => {
    const chatId = await addChat({ ENTITY_TYPE: 'CHAT', ENTITY_ID: 'k', USERS: [EMPLOYEE] });
    const params = { DIALOG_ID: `chat${chatId}` };
    expect(await v1('dialog.get', params)).toMatchObject({ status: 403, error: 'ACCESS_ERROR' });
    expect((await v1('dialog.get', params, EMPLOYEE)).result).toMatchObject({
      id: chatId,
      dialog_id: `chat${chatId}`,
      entity_type: 'CHAT',
      entity_data_1: '',
      manager_list: [botId],
      text_field_enabled: true,
      permissions: { manage_users_add: 'member' },
      role: 'member',
    });
    expect((await v1('chat.get', params, EMPLOYEE)).result).toMatchObject({ id: chatId });
    expect(await v1('dialog.get')).toMatchObject({ status: 400, error: 'DIALOG_ID_EMPTY' });
  });
});

describe('renaming', () => {
  test('updateTitle answers true although nothing changed, unless the REST user is a member', async () => {
    const chatId = await addChat();
    const rename = (TITLE: string) => v1('chat.updateTitle', { CHAT_ID: chatId, TITLE });
    expect((await rename('New')).result).toBe(true);
    expect(seen(chatId)?.title).toBe('A chat');
    await v1('chat.user.add', { CHAT_ID: chatId, USERS: [ADMIN] });
    const before = seen(chatId)?.messages.length ?? 0;
    expect((await rename('New')).result).toBe(true);
    expect((await rename('New')).result).toBe(true);
    expect(seen(chatId)?.title).toBe('New');
    expect(seen(chatId)?.messages).toHaveLength(before + 1);
    expect(await rename('')).toMatchObject({ status: 400, error: 'TITLE_EMPTY' });
  });

  test('updateColor with the current color, a camelCase color or without the right is an error', async () => {
    const chatId = await addChat({ COLOR: 'RED', USERS: [ADMIN] });
    const paint = (COLOR: string, userId = ADMIN) => v1('chat.updateColor', { CHAT_ID: chatId, COLOR }, userId);
    expect(await paint('RED')).toMatchObject({ status: 400, error: 'WRONG_REQUEST' });
    expect(await paint('lightBlue')).toMatchObject({ error: 'WRONG_COLOR' });
    expect(await paint('LIGHT_BLUE', EMPLOYEE)).toMatchObject({ error: 'WRONG_REQUEST' });
    expect((await paint('LIGHT_BLUE')).result).toBe(true);
  });

  test('updateAvatar asks the REST user for the right before it looks for the bot', async () => {
    const chatId = await addChat({ USERS: [ADMIN] });
    const set = (params: Body, userId = ADMIN) => v1('chat.updateAvatar', { CHAT_ID: chatId, ...params }, userId);
    expect(await set({ AVATAR: PNG, BOT_ID: 4040 }, EMPLOYEE)).toMatchObject({ status: 400, error: 'ACCESS_DENIED' });
    expect(await set({ AVATAR: 'none', BOT_ID: 4040 })).toMatchObject({ error: 'AVATAR_ERROR' });
    expect(await set({ AVATAR: PNG, BOT_ID: 4040 })).toMatchObject({ error: 'BOT_ID_ERROR' });
    expect((await set({ AVATAR: PNG })).result).toBe(true);
  });

  test('faults of parameters come before those of the bot', async () => {
    expect(await v1('chat.updateTitle', { BOT_ID: 4040 })).toMatchObject({ error: 'CHAT_ID_EMPTY' });
    expect(await v1('chat.updateTitle', { BOT_ID: 4040, DIALOG_ID: '7' })).toMatchObject({ error: 'DIALOG_ID_EMPTY' });
    expect(await v1('chat.setOwner', { BOT_ID: 4040, CHAT_ID: 1 })).toMatchObject({ error: 'USER_ID_EMPTY' });
    expect(await v1('chat.setOwner', { BOT_ID: 4040, CHAT_ID: 1, USER_ID: 7 })).toMatchObject({
      error: 'BOT_ID_ERROR',
    });
  });
});

describe('members and owners', () => {
  test('setOwner is refused because the REST user is not the owner, although the bot is', async () => {
    const chatId = await addChat({ USERS: [ADMIN, EMPLOYEE] });
    const params = { CHAT_ID: chatId, USER_ID: EMPLOYEE };
    expect(await v1('chat.setOwner', params)).toMatchObject({ status: 400, error: 'WRONG_REQUEST' });
    expect((await v1('chat.setOwner', { CHAT_ID: chatId, USER_ID: botId })).result).toBe(true);
  });

  test('an older build does not ask the REST user: setOwner checks the membership and moves the flag', async () => {
    await at.control('PATCH', '/imbot-switches', { setOwnerAsksRestUser: false });
    const chatId = await addChat({ USERS: [EMPLOYEE] });
    const give = (USER_ID: number) => v1('chat.setOwner', { CHAT_ID: chatId, USER_ID });
    expect(await give(OTHER_EMPLOYEE)).toMatchObject({ error: 'WRONG_REQUEST' });
    expect((await give(EMPLOYEE)).result).toBe(true);
    expect(seen(chatId)).toMatchObject({ owner: EMPLOYEE, managers: [EMPLOYEE] });
    expect(await give(EMPLOYEE)).toMatchObject({ error: 'WRONG_REQUEST' });
  });

  test('setManager needs the author and a member, and does not ask the REST user', async () => {
    const chatId = await addChat({ USERS: [EMPLOYEE] });
    const manage = (params: Body) => v1('chat.setManager', { CHAT_ID: chatId, ...params });
    expect((await manage({ USER_ID: EMPLOYEE })).result).toBe(true);
    expect(seen(chatId)?.managers).toEqual([botId, EMPLOYEE]);
    await manage({ USER_ID: EMPLOYEE, IS_MANAGER: 'N' });
    expect(seen(chatId)?.managers).toEqual([botId]);
    expect(await manage({ USER_ID: 987654 })).toMatchObject({ status: 400, error: 'WRONG_REQUEST' });
  });

  test('user.add of members and of the dismissed is true; without the right it is ACCESS_DENIED_EXTEND', async () => {
    const chatId = await addChat({ USERS: [EMPLOYEE] });
    expect((await v1('chat.user.add', { CHAT_ID: chatId, USERS: [EMPLOYEE, DISMISSED] })).result).toBe(true);
    expect((await v1('chat.user.list', { CHAT_ID: chatId })).result).toEqual([botId, EMPLOYEE]);
    await at.control('DELETE', `/companions/${chatId}/members/${botId}`);
    expect(await v1('chat.user.add', { CHAT_ID: chatId, USERS: [27] })).toMatchObject({
      status: 400,
      error: 'ACCESS_DENIED_EXTEND',
      description: 'Insufficient permission to add chat members.',
    });
    expect((await v1('chat.user.list', { CHAT_ID: chatId })).result).toEqual([]);
  });

  test('user.delete of a stranger is USER_NOT_FOUND, and only the owner takes others out', async () => {
    const chatId = await addChat({ USERS: [EMPLOYEE, OTHER_EMPLOYEE] });
    const remove = (USER_ID: number) => v1('chat.user.delete', { CHAT_ID: chatId, USER_ID });
    expect((await remove(EMPLOYEE)).result).toBe(true);
    expect(await remove(EMPLOYEE)).toMatchObject({ status: 400, error: 'USER_NOT_FOUND' });
    await at.control('POST', `/companions/${chatId}/owner`, { ownerId: OTHER_EMPLOYEE });
    expect(await remove(OTHER_EMPLOYEE)).toMatchObject({ error: 'IM_ERROR_KICK' });
    await at.control('DELETE', `/companions/${chatId}/members/${botId}`);
    expect(await remove(OTHER_EMPLOYEE)).toMatchObject({ error: 'ACCESS_DENIED_KICK' });
  });

  test('leave answers true once; then it is USER_NOT_FOUND', async () => {
    const chatId = await addChat({ USERS: [EMPLOYEE] });
    expect((await v1('chat.leave', { CHAT_ID: chatId })).result).toBe(true);
    expect(seen(chatId)).toMatchObject({ owner: EMPLOYEE, members: [EMPLOYEE] });
    expect(await v1('chat.leave', { CHAT_ID: chatId })).toMatchObject({ status: 400, error: 'USER_NOT_FOUND' });
  });
});
