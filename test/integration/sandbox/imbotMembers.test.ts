import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import {
  DISMISSED,
  EMPLOYEE,
  EXTRANET,
  openImbotPortal,
  OTHER_EMPLOYEE,
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

describe('Chat.setOwner', () => {
  test('the target is not checked: nobody and strangers become owners without being added', async () => {
    const chatId = await at.addChat(botId);
    expect(await v2('Chat.setOwner', { chatId, userId: 987654 })).toMatchObject({
      status: 200,
      result: { result: true },
    });
    expect(seen(chatId)).toMatchObject({ owner: 987654, members: [botId], managers: [botId] });
  });

  test('a repeat after success is ACCESS_DENIED', async () => {
    const chatId = await at.addChat(botId, { userIds: [EMPLOYEE] });
    await v2('Chat.setOwner', { chatId, userId: EMPLOYEE });
    expect(await v2('Chat.setOwner', { chatId, userId: EMPLOYEE })).toMatchObject({
      status: 400,
      error: 'ACCESS_DENIED',
    });
    expect(await v2('Chat.Manager.add', { chatId, userIds: [7] })).toMatchObject({ error: 'ACCESS_DENIED' });
    expect(await v2('Chat.User.add', { chatId, userIds: [OTHER_EMPLOYEE] })).toMatchObject({ status: 200 });
  });
});

test('the bot counts its groups and its dialogs', async () => {
  const chatId = await at.addChat(botId);
  await at.addChat(botId);
  await v2('Chat.get', { dialogId: String(EMPLOYEE) });
  await v2('Chat.leave', { chatId });
  expect(await at.ok('imbot.v2.Bot.get', mine())).toMatchObject({ bot: { countChat: 1, countUser: 1 } });
});

describe('Chat.leave', () => {
  test('a leaving owner hands the chat to some human, who becomes manager; a repeat is ACCESS_DENIED', async () => {
    const chatId = await at.addChat(botId, { userIds: [EMPLOYEE, OTHER_EMPLOYEE] });
    expect(await v2('Chat.leave', { chatId })).toMatchObject({ result: { result: true } });
    const after = seen(chatId);
    expect([EMPLOYEE, OTHER_EMPLOYEE]).toContain(after?.owner);
    expect(after).toMatchObject({ members: [EMPLOYEE, OTHER_EMPLOYEE], managers: [after?.owner] });
    expect(await v2('Chat.leave', { chatId })).toMatchObject({ status: 400, error: 'ACCESS_DENIED' });
  });

  test('alone, it stays the owner although it left', async () => {
    const chatId = await at.addChat(botId);
    await v2('Chat.leave', { chatId });
    expect(seen(chatId)).toMatchObject({ owner: botId, members: [] });
  });
});

describe('members and managers', () => {
  test('User.add answers true although nobody was added', async () => {
    const chatId = await at.addChat(botId);
    const added = await v2('Chat.User.add', { chatId, userIds: [DISMISSED, EXTRANET, 987654, botId] });
    expect(added).toMatchObject({ status: 200, result: { result: true } });
    expect(await v2('Chat.User.add', { chatId })).toMatchObject({ status: 200 });
    expect(seen(chatId)?.members).toEqual([botId]);
  });

  test('User.list is a bare list; a limit out of range becomes 50', async () => {
    const userIds = Array.from({ length: 60 }, (_, n) => at.portal.addUser({ name: `U${n}` }).id);
    const chatId = await at.addChat(botId, { userIds });
    const list = async (params: Body) => (await v2('Chat.User.list', { chatId, ...params })).result as Body[];
    expect(await list({})).toHaveLength(50);
    expect(await list({ limit: 201 })).toHaveLength(50);
    expect(await list({ limit: 200 })).toHaveLength(61);
    expect((await list({}))[0]).toMatchObject({ id: botId, type: 'bot' });
    expect((await list({ order: { id: 'DESC' }, limit: 1 }))[0]).toMatchObject({ id: userIds.at(-1) });
    expect((await list({ order: { userId: 'ASC' }, limit: 1 }))[0]).toMatchObject({ id: Math.min(botId, ...userIds) });
  });

  test('User.delete of a stranger is success, and deleting the owner passes the chat on', async () => {
    const chatId = await at.addChat(botId, { ownerId: EMPLOYEE, userIds: [OTHER_EMPLOYEE] });
    expect(await v2('Chat.User.delete', { chatId, userId: EMPLOYEE })).toMatchObject({ error: 'ACCESS_DENIED' });
    const own = await at.addChat(botId, { userIds: [EMPLOYEE] });
    expect(await v2('Chat.User.delete', { chatId: own, userId: 987654 })).toMatchObject({ result: { result: true } });
    expect(await v2('Chat.User.delete', { chatId: own })).toMatchObject({ error: '100' });
    await v2('Chat.setOwner', { chatId: own, userId: EMPLOYEE });
    await v2('Chat.User.add', { chatId: own, userIds: [OTHER_EMPLOYEE] });
    await v2('Chat.User.delete', { chatId: own, userId: EMPLOYEE });
    expect(seen(own)).toMatchObject({ owner: OTHER_EMPLOYEE, members: [botId, OTHER_EMPLOYEE] });
  });

  test('the bot may take itself out without the right to take others out', async () => {
    const chatId = await at.addChat(botId, { ownerId: EMPLOYEE });
    expect(await v2('Chat.User.delete', { chatId, userId: botId })).toMatchObject({ status: 200 });
    expect(seen(chatId)?.members).toEqual([EMPLOYEE]);
  });

  test('Manager.add passes strangers over, and an empty list is EMPTY_USER_IDS', async () => {
    const chatId = await at.addChat(botId, { userIds: [EMPLOYEE] });
    expect(await v2('Chat.Manager.add', { chatId, userIds: [EMPLOYEE, 987654] })).toMatchObject({
      result: { result: true },
    });
    expect(seen(chatId)?.managers).toEqual([botId, EMPLOYEE]);
    expect(await v2('Chat.Manager.add', { chatId, userId: EMPLOYEE })).toMatchObject({ error: 'EMPTY_USER_IDS' });
    expect(await v2('Chat.Manager.delete', { chatId, userIds: [EMPLOYEE] })).toMatchObject({ status: 200 });
    expect(seen(chatId)?.managers).toEqual([botId]);
  });
});

test('the text field is switched by any participant, read as a boolean, and stops people only', async () => {
  const chatId = await at.addChat(botId, { userIds: [EMPLOYEE] });
  expect(await v2('Chat.TextField.enabled', { chatId, enabled: 'N' })).toMatchObject({ result: { result: true } });
  expect(await chatOf(chatId)).toMatchObject({ textFieldEnabled: false });
  const written = await at.control('POST', `/companions/${chatId}/messages`, { userId: EMPLOYEE, text: 'hi' });
  expect(written).toMatchObject({ error: 'TEXT_FIELD_DISABLED' });
  expect(await v2('Chat.Message.send', { chatId, fields: { message: 'still here' } })).toMatchObject({ status: 200 });
  await v2('Chat.TextField.enabled', { chatId });
  expect(await chatOf(chatId)).toMatchObject({ textFieldEnabled: true });
});
