import { afterEach, describe, expect, test } from '@jest/globals';
import { issueAccess } from '../../../src/sandbox/oauth/tokens.ts';
import { openImbotPortal, PNG, TOKEN, type Body, type ImbotPortal } from './imbotPortal.ts';

let at: ImbotPortal;
afterEach(() => at.close());

async function open(...row: Parameters<typeof openImbotPortal>): Promise<void> {
  at = await openImbotPortal(...row);
}

const register = (fields: Body = {}, botToken: unknown = TOKEN) =>
  at.call('imbot.v2.Bot.register', { botToken, fields: { code: 'gw', properties: { name: 'Gw' }, ...fields } });
const get = (botId: number, botToken = TOKEN) =>
  at.ok<{ bot: Body; users: Body[] }>('imbot.v2.Bot.get', { botId, botToken });
const update = (botId: number, fields: Body, botToken = TOKEN) =>
  at.call('imbot.v2.Bot.update', { botId, botToken, fields });

describe('registering', () => {
  test('the answer holds the full bot and the user with the same id', async () => {
    await open();
    const { result } = await register({ isHidden: 'Y', type: 'supervisor' });
    const { bot, users } = result as { bot: Body; users: Body[] };
    expect(bot).toMatchObject({ code: 'gw', type: 'supervisor', isHidden: true, eventMode: 'fetch', moduleId: 'rest' });
    expect(bot).not.toHaveProperty('appId');
    expect(users).toEqual([expect.objectContaining({ id: bot.id, name: 'Gw', bot: true, externalAuthId: 'bot' })]);
    expect(users[0]).toMatchObject({ workPosition: 'Chat bot' });
  });

  test('registering twice returns the same bot and updates nothing', async () => {
    await open();
    const first = (await register()).result as { bot: Body };
    const again = await register({
      properties: { name: 'Renamed' },
      eventMode: 'webhook',
      webhookUrl: 'https://a.b/c',
    });
    expect(again.result).toEqual(expect.objectContaining({ bot: first.bot }));
    expect((await get(Number(first.bot.id))).users[0]).toMatchObject({ name: 'Gw' });
  });

  test('a code is unique on the whole portal: another token gets BOT_CODE_ALREADY_TAKEN', async () => {
    await open();
    await register();
    expect(await register({}, 'another')).toMatchObject({ status: 400, error: 'BOT_CODE_ALREADY_TAKEN' });
  });

  test('faults are found in the order token, code, properties, event mode, webhook address, type, avatar', async () => {
    await open();
    const bad = { type: 'x', eventMode: 'webhook' };
    expect(await register({ code: '' }, '')).toMatchObject({ status: 400, error: 'BOT_TOKEN_NOT_SPECIFIED' });
    expect(await register({ ...bad, code: '', properties: {} })).toMatchObject({ error: 'BOT_CODE_REQUIRED' });
    expect(await register({ ...bad, properties: {} })).toMatchObject({ error: 'BOT_PROPERTIES_REQUIRED' });
    expect(await register({ eventMode: 'pigeon' })).toMatchObject({ error: 'BOT_INVALID_EVENT_MODE' });
    expect(await register(bad)).toMatchObject({ error: 'BOT_WEBHOOK_URL_REQUIRED' });
    expect(await register({ ...bad, webhookUrl: 'ftp://x' })).toMatchObject({ error: 'BOT_INVALID_CALLBACK' });
    expect(await register({ ...bad, webhookUrl: 'https://a.b' })).toMatchObject({ error: 'BOT_INVALID_TYPE' });
    const avatar = Buffer.from('no image').toString('base64');
    expect(await register({ properties: { name: 'x', avatar } })).toMatchObject({ error: 'BOT_AVATAR_INCORRECT_TYPE' });
  });

  test('a token of 41 characters is refused with BOT_TOKEN_INVALID_LENGTH', async () => {
    await open();
    expect(await register({}, 'x'.repeat(41))).toMatchObject({ status: 400, error: 'BOT_TOKEN_INVALID_LENGTH' });
    expect(await register({}, 'x'.repeat(40))).toMatchObject({ status: 200 });
  });

  test('the token may stand in the fields of register, and CLIENT_ID is the same identity as botToken', async () => {
    await open();
    const fields = { code: 'gw', botToken: 'T', properties: { name: 'Gw' } };
    const { bot } = await at.ok<{ bot: { id: number } }>('imbot.v2.Bot.register', { fields });
    expect(await at.call('imbot.v2.Chat.add', { BOT_ID: bot.id, CLIENT_ID: 'T' })).toMatchObject({ status: 200 });
  });

  test('register reads UPPER_SNAKE fields, update does not', async () => {
    await open();
    const fields = { CODE: 'gw', PROPERTIES: { NAME: 'Gw', LAST_NAME: 'Bot' }, IS_HIDDEN: true };
    const { bot } = await at.ok<{ bot: { id: number } }>('imbot.v2.Bot.register', { botToken: TOKEN, fields });
    await update(bot.id, { IS_HIDDEN: false });
    expect(await get(bot.id)).toMatchObject({ bot: { isHidden: true }, users: [{ name: 'Gw Bot' }] });
  });
});

describe('updating', () => {
  test('properties replace the profile: what is left out is wiped, the name and the avatar stay', async () => {
    await open();
    const properties = { name: 'Gw', lastName: 'Bot', workPosition: 'Relay', gender: 'F', avatar: PNG };
    const id = await at.registerBot({ properties });
    const before = (await get(id)).users[0];
    expect(await update(id, { properties: { gender: 'M' } })).toMatchObject({ status: 200 });
    const after = (await get(id)).users[0];
    expect(after).toMatchObject({ firstName: 'Gw', lastName: '', workPosition: 'Chat bot', avatar: before?.avatar });
  });

  test('no fields at all is success and changes nothing', async () => {
    await open();
    const id = await at.registerBot();
    expect(await at.call('imbot.v2.Bot.update', { botId: id, botToken: TOKEN })).toMatchObject({ status: 200 });
  });

  test('a background of null changes nothing, an empty one resets it', async () => {
    await open();
    const id = await at.registerBot({ backgroundId: 'mint' });
    await update(id, { backgroundId: null });
    expect((await get(id)).bot).toMatchObject({ backgroundId: 'mint' });
    await update(id, { backgroundId: '' });
    expect((await get(id)).bot).toMatchObject({ backgroundId: null });
  });

  test('a rotated token works at once and the old one is BOT_OWNERSHIP_ERROR', async () => {
    await open();
    const id = await at.registerBot();
    expect(await update(id, { botToken: 'x'.repeat(41) })).toMatchObject({ error: 'BOT_TOKEN_INVALID_LENGTH' });
    expect(await update(id, { botToken: 'fresh' })).toMatchObject({ status: 200 });
    expect(await update(id, {})).toMatchObject({ status: 400, error: 'BOT_OWNERSHIP_ERROR' });
    expect(await update(id, {}, 'fresh')).toMatchObject({ status: 200 });
  });

  test('a token of another identity is refused without a reason', async () => {
    await open();
    await at.registerBot({ code: 'other' }, 'taken');
    expect(await update(await at.registerBot(), { botToken: 'taken' })).toMatchObject({
      error: 'BOT_TOKEN_ROTATION_FAILED',
    });
  });

  test('switching from fetch to webhook drops what was not fetched', async () => {
    await open();
    const id = await at.registerBot();
    await at.addChat(id);
    await update(id, { eventMode: 'webhook', webhookUrl: 'https://a.b/c' });
    await update(id, { eventMode: 'fetch' });
    expect(await at.ok('imbot.v2.Event.get', { botId: id, botToken: TOKEN })).toMatchObject({ events: [] });
  });
});

describe('looking', () => {
  test('a stranger may look at a bot and gets the short form', async () => {
    await open();
    const id = await at.registerBot();
    expect((await get(id, 'stranger')).bot).not.toHaveProperty('eventMode');
    expect((await get(id)).bot).toHaveProperty('eventMode', 'fetch');
    expect(await at.call('imbot.v2.Bot.get', { botId: id })).toMatchObject({ error: 'BOT_TOKEN_NOT_SPECIFIED' });
    expect(await at.call('imbot.v2.Bot.get', { botToken: TOKEN })).toMatchObject({ error: 'PARAMS_REQUIRED' });
    expect(await at.call('imbot.v2.Bot.get', { botToken: TOKEN, code: 'none' })).toMatchObject({
      error: 'BOT_NOT_FOUND',
    });
  });

  test('the list has only bots of the caller, and a full page claims a next one', async () => {
    await open();
    await at.registerBot();
    await at.registerBot({ code: 'other' }, 'another');
    expect(await at.ok('imbot.v2.Bot.list', { botToken: TOKEN, limit: 1 })).toMatchObject({
      bots: [{ code: 'gw_companion' }],
      hasNextPage: true,
    });
  });
});

test('unregister removes the bot, leaves its chats without it, and a repeat is BOT_NOT_FOUND', async () => {
  await open();
  const botId = await at.registerBot();
  const chatId = await at.addChat(botId, { userIds: [7] });
  expect(await at.ok('imbot.v2.Bot.unregister', { botId, botToken: TOKEN })).toEqual({ result: true });
  expect(at.portal.state().companions).toEqual([expect.objectContaining({ chatId, members: [7], owner: botId })]);
  expect(await at.call('imbot.v2.Bot.unregister', { botId, botToken: TOKEN })).toMatchObject({
    status: 400,
    error: 'BOT_NOT_FOUND',
  });
  expect(await at.registerBot()).not.toBe(botId);
});

describe('identity of an application', () => {
  test('an OAuth call is its client id and botToken is ignored', async () => {
    await open();
    const application = at.sandbox.addApplication();
    at.portal.install(application);
    const grant = { clientId: application.clientId, memberId: at.portal.memberId, userId: 1 };
    const { token } = issueAccess(at.portal.inside, grant);
    const fields = { code: 'gw', properties: { name: 'Gw' } };
    const { result } = await at.callAs(token, 'imbot.v2.Bot.register', { fields, botToken: 'x'.repeat(60) });
    const botId = (result as { bot: { id: number } }).bot.id;
    expect(await at.callAs(token, 'imbot.v2.Chat.add', { botId })).toMatchObject({ status: 200 });
    expect(await at.call('imbot.v2.Chat.add', { botId, botToken: TOKEN })).toMatchObject({
      error: 'BOT_OWNERSHIP_ERROR',
    });
    at.portal.uninstall(application.clientId);
    expect(at.portal.state().bots).toEqual([]);
  });
});

describe('generations of the product', () => {
  test('a box without imbot.v2 answers 404 before it looks at the credentials', async () => {
    await open({ profile: 'box-without-imbot-v2' });
    for (const method of ['imbot.v2.Bot.register', 'imbot.v2.Revision.get', 'imbot.v2.Chat.nonsense']) {
      const answer = await at.callAs('wrong', method);
      expect(answer).toMatchObject({ status: 404, error: 'ERROR_METHOD_NOT_FOUND' });
    }
  });

  test('revision 32 speaks v2 but has no Revision.get, takes only "Y" and does not know camelCase colors', async () => {
    await open({ profile: 'box-rev-32' });
    expect(await at.callAs('wrong', 'imbot.v2.Revision.get')).toMatchObject({
      status: 404,
      error: 'ERROR_METHOD_NOT_FOUND',
    });
    const botId = await at.registerBot({ isHidden: true }, 'x'.repeat(60));
    const auth = { botId, botToken: 'x'.repeat(60) };
    expect((await at.ok<{ bot: Body }>('imbot.v2.Bot.get', auth)).bot).toMatchObject({ isHidden: false });
    const { chat } = await at.ok<{ chat: Body }>('imbot.v2.Chat.add', { ...auth, fields: { color: 'mint' } });
    expect(chat).toMatchObject({ color: '#4ba984' });
    await at.ok('imbot.v2.Chat.update', { ...auth, dialogId: chat.dialogId, fields: { color: 'lightBlue' } });
    expect(await at.ok('imbot.v2.Chat.get', { ...auth, dialogId: chat.dialogId })).toMatchObject({
      chat: { color: '#4ba984' },
    });
    expect(await register({}, '')).toMatchObject({ error: 'CLIENT_ID_NOT_SPECIFIED' });
  });

  test('the cloud reports revision 36 to anybody with the scope', async () => {
    await open();
    expect(await at.ok('imbot.v2.Revision.get')).toMatchObject({ rest: 36 });
  });

  test('method names match in any case, and an unknown action of a known controller is "22002"', async () => {
    await open();
    const botId = await at.registerBot();
    expect(await at.call('IMBOT.V2.chat.ADD', { botId, botToken: TOKEN })).toMatchObject({ status: 200 });
    const unknown = await at.call('imbot.v2.Chat.archive');
    expect(unknown).toMatchObject({ status: 400, error: '22002' });
    expect(unknown.description).toContain('Controller\\Chat');
    expect(await at.call('imbot.v2.Nothing.get')).toMatchObject({ status: 404, error: 'ERROR_METHOD_NOT_FOUND' });
  });
});
