import { createLegacyBots } from '../../../../src/bitrix24/bots/legacy.ts';
import { refused, scriptedCall } from '../scriptedCall.ts';

const bot = { botId: '512', token: 'bot-token' };
const chat = { ...bot, chatId: '901' };
const auth = { BOT_ID: '512', CLIENT_ID: 'bot-token' };
const unsupported = { verdict: 'refused', code: 'unsupported_by_portal' };

test('a bot needs a webhook, and one identity for both generations', async () => {
  const { call, calls } = scriptedCall({ 'imbot.register': 512, 'imbot.update': true });
  const bots = createLegacyBots(call);
  const profile = { name: 'Gateway', color: 'lightBlue' };
  const registered = await bots.register({
    code: 'gw_1',
    token: 'bot-token',
    profile,
    webhook: 'https://gw.example/b',
  });
  expect(registered).toEqual({ botId: '512', code: 'gw_1', ours: true });
  await bots.update({ ...bot, profile });
  const PROPERTIES = { NAME: 'Gateway', LAST_NAME: '', WORK_POSITION: '', COLOR: 'LIGHT_BLUE' };
  expect(calls.map(({ params }) => params)).toEqual([
    { CODE: 'gw_1', TYPE: 'S', EVENT_HANDLER: 'https://gw.example/b', CLIENT_ID: 'bot-token', PROPERTIES },
    { ...auth, FIELDS: { PROPERTIES } },
  ]);
  await expect(bots.register({ code: 'c', token: 't', profile })).rejects.toMatchObject(unsupported);
});

test('a bot is one of the list of all bots, or gone', async () => {
  const { call } = scriptedCall({
    'imbot.bot.list': { '512': { ID: 512, NAME: 'G', CODE: 'gw_1', OPENLINE: 'N' } },
    'imbot.unregister': refused('BOT_ID_ERROR'),
  });
  const bots = createLegacyBots(call);
  expect(await bots.get(bot)).toEqual({ botId: '512', code: 'gw_1', ours: true });
  expect(await bots.get({ ...bot, botId: '513' })).toBeUndefined();
  await bots.unregister(bot);
  const empty = scriptedCall({ 'imbot.bot.list': [] });
  expect(await createLegacyBots(empty.call).get(bot)).toBeUndefined();
});

test('a chat is added once, with its key', async () => {
  const { call, calls } = scriptedCall({ 'imbot.chat.add': 901 });
  const added = await createLegacyBots(call).addChat({ ...bot, key: 'gw1:k', title: 'T', userIds: ['7'] });
  expect(added).toEqual({ chatId: '901', keyEchoed: true });
  expect(calls[0]).toMatchObject({
    repeatable: false,
    params: { ...auth, TYPE: 'CHAT', TITLE: 'T', USERS: [7], ENTITY_TYPE: 'CHAT', ENTITY_ID: 'gw1:k' },
  });
});

test('a chat is read as the user of the grant sees it', async () => {
  const dialog = { id: 901, name: 'T', owner: 512, manager_list: [512], entity_id: 'gw1:k', color: '#4ba984' };
  const seen = scriptedCall({ 'imbot.dialog.get': dialog });
  expect(await createLegacyBots(seen.call).getChat(chat)).toMatchObject({
    chatId: '901',
    title: 'T',
    owner: '512',
    managers: ['512'],
    key: 'gw1:k',
    textFieldEnabled: true,
  });
  const out = scriptedCall({ 'imbot.dialog.get': refused('ACCESS_ERROR'), 'imbot.chat.user.list': [] });
  expect(await createLegacyBots(out.call).getChat(chat)).toBe('notMember');
});

test('an empty list of members means removed or gone: the key tells which', async () => {
  const nothing = { 'imbot.dialog.get': refused('ACCESS_ERROR'), 'imbot.chat.user.list': [] };
  const there = scriptedCall({ ...nothing, 'imbot.chat.get': { ID: 901 } });
  expect(await createLegacyBots(there.call).getChat({ ...chat, key: 'gw1:k' })).toBe('notMember');
  const gone = scriptedCall({ ...nothing, 'imbot.chat.get': null });
  expect(await createLegacyBots(gone.call).getChat({ ...chat, key: 'gw1:k' })).toBe('gone');
});

test('a chat the user of the grant is not in is read after that user was added', async () => {
  let inside = false;
  const { call } = scriptedCall({
    'imbot.dialog.get': () => (inside ? { id: 901, name: 'T' } : refused('ACCESS_ERROR')),
    'imbot.chat.user.list': [512, 7],
    profile: { ID: '1', ADMIN: true },
    'imbot.chat.user.add': ({ USERS }: { USERS: number[] }) => (inside = USERS.includes(1)),
  });
  expect(await createLegacyBots(call).getChat(chat)).toMatchObject({ chatId: '901', title: 'T' });
});

test('changes go one by one; the current colour is no failure; a description cannot be changed', async () => {
  const { call, calls } = scriptedCall({
    'imbot.dialog.get': { id: 901, name: 'New' },
    'imbot.chat.updateTitle': true,
    'imbot.chat.updateColor': refused('WRONG_REQUEST'),
    'imbot.chat.updateAvatar': true,
  });
  const bots = createLegacyBots(call);
  await bots.updateChat({ ...chat, title: 'New', color: 'mint', avatar: 'aW1n' });
  expect(calls.filter(({ method }) => method !== 'imbot.dialog.get').map(({ params }) => params)).toEqual([
    { ...auth, CHAT_ID: '901', TITLE: 'New' },
    { ...auth, CHAT_ID: '901', COLOR: 'MINT' },
    { ...auth, CHAT_ID: '901', AVATAR: 'aW1n' },
  ]);
  const before = calls.length;
  await expect(bots.updateChat({ ...chat, title: 'x', description: 'd' })).rejects.toMatchObject(unsupported);
  expect(calls).toHaveLength(before);
});

test('a rename that the portal says yes to and does not do is found out', async () => {
  const { call } = scriptedCall({ 'imbot.dialog.get': { id: 901, name: 'Old' }, 'imbot.chat.updateTitle': true });
  const renamed = createLegacyBots(call).updateChat({ ...chat, title: 'New' });
  await expect(renamed).rejects.toMatchObject({ verdict: 'refused', code: 'not_applied' });
});

test('members, managers and owner', async () => {
  const { call, calls } = scriptedCall({
    'imbot.chat.get': { ID: 901 },
    'imbot.chat.user.list': [512, 7],
    'imbot.chat.user.add': true,
    'imbot.chat.user.delete': refused('USER_NOT_FOUND'),
    'imbot.chat.setManager': true,
    'imbot.chat.setOwner': refused('WRONG_REQUEST'),
    'imbot.chat.leave': refused('USER_NOT_FOUND'),
    'imbot.chat.updateTextFieldEnabled': refused('ERROR_METHOD_NOT_FOUND'),
  });
  const bots = createLegacyBots(call);
  expect(await bots.findChat({ key: 'gw1:k' })).toBe('901');
  expect(await bots.listMembers(chat)).toEqual(['512', '7']);
  await bots.addMembers({ ...chat, userIds: ['7', '8'] });
  await bots.addMembers({ ...chat, userIds: [] });
  await bots.removeMember({ ...chat, userId: '9' });
  await bots.addManagers({ ...chat, userIds: ['7', '8'] });
  await bots.removeManagers({ ...chat, userIds: ['7'] });
  await bots.leave(chat);
  await expect(bots.setOwner({ ...chat, userId: '7' })).rejects.toMatchObject(unsupported);
  await expect(bots.setTextField({ ...chat, enabled: false })).rejects.toMatchObject(unsupported);
  expect(calls.filter(({ method }) => method === 'imbot.chat.setManager').map(({ params }) => params)).toEqual([
    { ...auth, CHAT_ID: '901', USER_ID: '7', IS_MANAGER: 'Y' },
    { ...auth, CHAT_ID: '901', USER_ID: '8', IS_MANAGER: 'Y' },
    { ...auth, CHAT_ID: '901', USER_ID: '7', IS_MANAGER: 'N' },
  ]);
  expect(calls.filter(({ method }) => method === 'imbot.chat.user.add')).toHaveLength(1);
});

test('a message has no key, so it is never repeatable', async () => {
  const { call, calls } = scriptedCall({ 'imbot.message.add': 7710 });
  const sent = await createLegacyBots(call).sendMessage({ ...chat, text: 'Hi', templateId: 'ignored' });
  expect(sent).toEqual({ messageId: '7710' });
  expect(calls[0]).toMatchObject({ repeatable: false, params: { ...auth, DIALOG_ID: 'chat901', MESSAGE: 'Hi' } });
});
