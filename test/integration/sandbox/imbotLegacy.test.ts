import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { addDialog } from '../../../src/sandbox/openlines/dialogs.ts';
import { issueAccess } from '../../../src/sandbox/oauth/tokens.ts';
import { ADMIN, EMPLOYEE, openImbotPortal, TOKEN, type Body, type ImbotPortal } from './imbotPortal.ts';

let at: ImbotPortal;
let botId: number;
beforeEach(async () => {
  at = await openImbotPortal({ profile: 'box-without-imbot-v2' });
  botId = Number((await register()).result);
});
afterEach(() => at.close());

const HANDLER = 'https://gateway.example/bot';
const PROPERTIES = { NAME: 'Companion' };

const mine = (params: Body = {}) => ({ BOT_ID: botId, CLIENT_ID: TOKEN, ...params });
const v1 = (method: string, params: Body = {}, userId = ADMIN) => at.call(`imbot.${method}`, mine(params), userId);
const register = (params: Body = {}) =>
  at.call('imbot.register', { CODE: 'gw', EVENT_HANDLER: HANDLER, CLIENT_ID: TOKEN, PROPERTIES, ...params });
const addChat = async (params: Body = {}, userId = ADMIN) =>
  Number((await v1('chat.add', { TITLE: 'A chat', ...params }, userId)).result);
const seen = (chatId: number) => at.portal.state().companions.find((chat) => chat.chatId === chatId);

async function moveToCloud(): Promise<void> {
  await at.close();
  at = await openImbotPortal();
  botId = Number((await register()).result);
}

describe('bots', () => {
  test('register finds faults in the order client id, handlers, code, name', async () => {
    expect(await register({ CLIENT_ID: '', CODE: '' })).toMatchObject({ status: 403, error: 'ACCESS_DENIED' });
    const none = { EVENT_HANDLER: '', CODE: '', PROPERTIES: {} };
    expect(await register(none)).toMatchObject({ status: 400, error: 'EVENT_MESSAGE_ADD_ERROR' });
    const first = { ...none, EVENT_MESSAGE_ADD: HANDLER };
    expect(await register(first)).toMatchObject({ error: 'EVENT_WELCOME_MESSAGE_ERROR' });
    const second = { ...first, EVENT_WELCOME_MESSAGE: HANDLER };
    expect(await register(second)).toMatchObject({ error: 'EVENT_BOT_DELETE_ERROR' });
    const third = { ...second, EVENT_BOT_DELETE: HANDLER };
    expect(await register(third)).toMatchObject({ error: 'CODE_ERROR' });
    expect(await register({ ...third, CODE: 'x' })).toMatchObject({ error: 'NAME_ERROR' });
    expect((await register({ ...third, CODE: 'x', PROPERTIES })).result).toEqual(expect.any(Number));
  });

  test('a code of another application answers its id and looks like success', async () => {
    expect(await register({ CLIENT_ID: 'another' })).toMatchObject({ status: 200, result: botId });
    expect(await v1('unregister', { CLIENT_ID: 'another' })).toMatchObject({ status: 400, error: 'APP_ID_ERROR' });
  });

  test('update patches the properties, and an empty update is an error', async () => {
    await v1('update', { FIELDS: { PROPERTIES: { LAST_NAME: 'Bot' } } });
    const named = at.portal.state().bots[0]?.user;
    expect(named).toMatchObject({ name: 'Companion', lastName: 'Bot', workPosition: 'Chat bot' });
    expect(await v1('update')).toMatchObject({ status: 400, error: 'WRONG_REQUEST' });
    expect(await v1('update', { FIELDS: { PROPERTIES: { NAME: '', LAST_NAME: '' } } })).toMatchObject({
      error: 'NAME_ERROR',
    });
    expect(await v1('update', { BOT_ID: 4040, FIELDS: { CODE: 'x' } })).toMatchObject({ error: 'BOT_ID_ERROR' });
  });

  test('bot.list shows the bots of everybody in an object keyed by id, and none as []', async () => {
    const other = Number((await register({ CODE: 'other', CLIENT_ID: 'another' })).result);
    expect((await v1('bot.list')).result).toEqual({
      [botId]: { ID: botId, NAME: 'Companion', CODE: 'gw', OPENLINE: 'N' },
      [other]: { ID: other, NAME: 'Companion', CODE: 'other', OPENLINE: 'N' },
    });
    expect((await v1('unregister')).result).toBe(true);
    await v1('unregister', { BOT_ID: other, CLIENT_ID: 'another' });
    expect((await v1('bot.list')).result).toEqual([]);
  });

  test('without BOT_ID the first bot of the caller acts', async () => {
    const { result } = await at.call('imbot.chat.add', { client_id: TOKEN, title: 'Lower case names' });
    expect(seen(Number(result))).toMatchObject({ owner: botId, title: 'Lower case names' });
    expect(await at.call('imbot.chat.add', { CLIENT_ID: 'nobody' })).toMatchObject({
      status: 400,
      error: 'BOT_ID_ERROR',
    });
    expect(await at.call('imbot.chat.add', {})).toMatchObject({ status: 403, error: 'ACCESS_DENIED' });
  });
});

describe('messages', () => {
  test('message.add has no key: a repeat posts again', async () => {
    const chatId = await addChat();
    const send = (params: Body) => v1('message.add', { DIALOG_ID: `chat${chatId}`, ...params });
    const first = (await send({ MESSAGE: 'hi', templateId: 'x' })).result;
    expect((await send({ MESSAGE: 'hi', templateId: 'x' })).result).not.toBe(first);
    expect(await send({})).toMatchObject({ status: 400, error: 'MESSAGE_EMPTY' });
    expect(await send({ MESSAGE: 'x', DIALOG_ID: '' })).toMatchObject({ error: 'DIALOG_ID_EMPTY' });
    expect(await send({ MESSAGE: 'x', ATTACH: 'not json' })).toMatchObject({ error: 'ATTACH_ERROR' });
    expect(await send({ MESSAGE: 'x', KEYBOARD: ['x'.repeat(30_001)] })).toMatchObject({ error: 'KEYBOARD_OVERSIZE' });
    expect(await send({ MESSAGE: 'x', DIALOG_ID: 'chat999999' })).toMatchObject({ error: 'WRONG_REQUEST' });
  });

  test('own messages are changed and deleted for three days', async () => {
    const chatId = await addChat();
    const id = (await v1('message.add', { DIALOG_ID: `chat${chatId}`, MESSAGE: 'one' })).result;
    expect((await v1('message.update', { MESSAGE_ID: id, MESSAGE: 'two' })).result).toBe(true);
    expect(seen(chatId)?.messages.at(-1)?.text).toBe('two');
    expect(await v1('message.update', { MESSAGE: 'x' })).toMatchObject({ error: 'MESSAGE_ID_ERROR' });
    at.sandbox.advance(4 * 24 * 3600 * 1000);
    expect(await v1('message.update', { MESSAGE_ID: id, MESSAGE: 'three' })).toMatchObject({
      error: 'CANT_EDIT_MESSAGE',
    });
    expect((await v1('message.delete', { MESSAGE_ID: id, COMPLETE: 'Y' })).result).toBe(true);
    expect(await v1('message.delete', { MESSAGE_ID: id })).toMatchObject({ error: 'CANT_EDIT_MESSAGE' });
  });
});

describe('both generations on one portal', () => {
  beforeEach(moveToCloud);

  test('CLIENT_ID and botToken are one identity, bots and chats are the same', async () => {
    const chatId = await at.addChat(botId, { entityType: 'CHAT', entityId: 'gw1:v2' });
    expect((await at.call('imbot.chat.get', { ENTITY_TYPE: 'CHAT', ENTITY_ID: 'gw1:v2' })).result).toEqual({
      ID: chatId,
    });
    const legacyChat = await addChat();
    const auth = { botId, botToken: TOKEN };
    expect(await at.call('imbot.v2.Chat.get', { ...auth, chatId: legacyChat })).toMatchObject({ status: 200 });
  });

  test('events of a legacy bot are not stored until its mode is switched to fetch', async () => {
    const auth = { botId, botToken: TOKEN };
    await addChat();
    expect(await at.ok('imbot.v2.Event.get', auth)).toMatchObject({ events: [] });
    await at.ok('imbot.v2.Bot.update', { ...auth, fields: { eventMode: 'fetch' } });
    await addChat();
    expect(await at.ok('imbot.v2.Event.get', auth)).toMatchObject({ events: [{ type: 'ONIMBOTV2JOINCHAT' }] });
  });

  test('an Open Channel chat is found by its pair, and its number is ACCESS_DENIED to a bot outside', async () => {
    const { chatId } = addDialog(at.portal.inside, 'acme|1|c|5', 'A client', EMPLOYEE);
    const pair = { ENTITY_TYPE: 'LINES', ENTITY_ID: 'acme|1|c|5' };
    expect((await at.call('imbot.chat.get', pair)).result).toEqual({ ID: chatId });
    const look = { botId, botToken: TOKEN, chatId };
    expect(await at.call('imbot.v2.Chat.get', look)).toMatchObject({ error: 'ACCESS_DENIED' });
  });
});

describe('events over HTTP', () => {
  beforeEach(moveToCloud);

  const application = { kind: 'headless', eventsUrl: 'http://127.0.0.1:9/events' } as const;

  function asApplication() {
    const card = at.sandbox.addApplication(application);
    at.portal.install(card);
    const grant = { clientId: card.clientId, memberId: at.portal.memberId, userId: ADMIN };
    const { token } = issueAccess(at.portal.inside, grant);
    return async (method: string, params: Body) => (await at.callAs(token, method, params)).result;
  }

  async function sent(): Promise<{ event: string; url: string; data: unknown }[]> {
    await at.portal.events.idle();
    return at.portal.events.sent().filter(({ event }) => event.startsWith('ONIMBOT'));
  }

  test('a legacy bot of an application gets the legacy form at the handlers it named', async () => {
    const call = asApplication();
    const EVENT_HANDLER = 'http://127.0.0.1:9/bot';
    const id = await call('imbot.register', { CODE: 'app', EVENT_HANDLER, PROPERTIES });
    const chatId = await call('imbot.chat.add', { BOT_ID: id, ENTITY_TYPE: 'CHAT', ENTITY_ID: 'k' });
    expect(await sent()).toEqual([expect.objectContaining({ event: 'ONIMBOTJOINCHAT', url: EVENT_HANDLER })]);
    expect((await sent())[0]?.data).toMatchObject({
      BOT: { [Number(id)]: { BOT_ID: id, BOT_CODE: 'app' } },
      PARAMS: { CHAT_ID: chatId, CHAT_ENTITY_TYPE: 'CHAT', CHAT_ENTITY_ID: 'k', DIALOG_ID: `chat${Number(chatId)}` },
      USER: { ID: id },
    });
  });

  test('a v2 bot of an application in webhook mode gets the v2 form at its address', async () => {
    const call = asApplication();
    const webhookUrl = 'http://127.0.0.1:9/v2';
    const fields = { code: 'app', eventMode: 'webhook', webhookUrl, properties: { name: 'App' } };
    const { bot } = (await call('imbot.v2.Bot.register', { fields })) as { bot: { id: number } };
    await call('imbot.v2.Chat.add', { botId: bot.id });
    expect(await sent()).toEqual([expect.objectContaining({ event: 'ONIMBOTV2JOINCHAT', url: webhookUrl })]);
    expect((await sent())[0]?.data).toMatchObject({ bot: { id: bot.id, code: 'app' }, user: { id: bot.id } });
  });

  test('a bot of an inbound webhook gets nothing in webhook mode', async () => {
    await addChat();
    expect(await sent()).toEqual([]);
  });
});
