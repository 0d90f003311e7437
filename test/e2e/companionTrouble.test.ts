import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import axios from 'axios';
import { addChat, announceChat, type NewChat } from '../../src/sandbox/methods/imbot/chats.ts';
import { setImbotSwitches } from '../../src/sandbox/methods/imbot/tables.ts';
import { type ConversationView, type Scene, startScene } from '../support/scene.ts';
import { until } from '../support/until.ts';

/** What people, portals and wishes do to companions, and what becomes visible and repairable of it. */
let scene: Scene;
beforeAll(async () => {
  scene = await startScene({ companion: { mode: 'onFirstMessage', memberUserIds: [7] } });
});
afterEach(() => scene.portal.faults.clear());
afterAll(() => scene.close());

const companions = (): ReturnType<Scene['portal']['state']>['companions'] => scene.portal.state().companions;
const chat = (chatId: number | null) => companions().find((one) => one.chatId === chatId);
const botId = (): number => scene.portal.state().bots[0]?.id ?? 0;
const asPerson = (path: string): string => `${scene.portal.controlUrl}/companions/${path}`;
const put = (id: string, wish: object) =>
  scene.api.put<{ lastError: string | null }>(`/conversations/${id}/companion`, wish);

async function companion(id: string, name = id): Promise<{ id: string; chatId: number | null }> {
  await scene.say(id, 'm-1', 'Hello', { name });
  const view = await scene.conversation(id, (one) => one.companion.state === 'ready');
  await scene.idle();
  return { id: view.id, chatId: view.companion.chatId };
}

/** Time passes until the companion is as `isReached` says. */
async function later(
  id: string,
  isReached: (view: ConversationView['companion']) => boolean,
): Promise<ConversationView> {
  const view = await scene.passUntil(
    () => scene.find(id),
    (one) => one !== undefined && isReached(one.companion),
  );
  if (!view) throw new Error('unreachable');
  return view;
}

test('the bot put out of a chat by a person is said so, and back in it everything is repaired by itself', async () => {
  const { chatId } = await companion('out');
  await axios.delete(asPerson(`${chatId}/members/${botId()}`));
  await scene.rename('out', 'Out, renamed');
  const { companion: shown } = await later('out', ({ state }) => state === 'failed');
  expect(shown).toMatchObject({ lastError: 'bot_removed', chatId });
  expect(shown.lastErrorDetail).toContain('add it there again');
  expect(companions().filter(({ title }) => title === 'out')).toHaveLength(1);
  // Whoever left it owns it no more: it is handed back to the bot with the invitation.
  await axios.post(asPerson(`${chatId}/members`), { userIds: [botId()] });
  await axios.post(asPerson(`${chatId}/owner`), { ownerId: botId() });
  const { companion: back } = await later('out', ({ state }) => state === 'ready');
  expect(back).toMatchObject({ lastError: null, chatId });
  expect(chat(chatId)?.title).toBe('Out, renamed');
});

test('a second chat of one conversation is found out: the lowest stays, people are moved, the other is renamed and left', async () => {
  const { chatId } = await companion('twice');
  const key = chat(chatId)?.entityId ?? '';
  const second = addedBy(botId(), { title: 'twice', entityType: 'CHAT', entityId: key, userIds: [27] });
  await scene.passUntil(() => chat(second)?.members.length === 0);
  expect(chat(second)).toMatchObject({ title: '[duplicate] twice', textFieldEnabled: false, members: [] });
  expect(chat(chatId)).toMatchObject({
    title: 'twice',
    owner: botId(),
    members: expect.arrayContaining([7, 27]) as unknown,
  });
  expect((await scene.find('twice'))?.companion).toMatchObject({ chatId, state: 'ready', lastError: null });
});

test('a portal that does not keep the key: a lost answer still makes no second chat, events tell of the first', async () => {
  setImbotSwitches(scene.portal.inside, { keepsEntityPair: false });
  scene.portal.faults.add({ match: { method: 'imbot.v2.Chat.add', times: 1 }, effect: { reset: 'after' } });
  await scene.say('unkeyed', 'm-1', 'Hello', { name: 'Unkeyed' });
  const view = await later('unkeyed', ({ state }) => state === 'ready');
  setImbotSwitches(scene.portal.inside, { keepsEntityPair: true });
  expect(companions().filter(({ title }) => title === 'Unkeyed')).toMatchObject([{ chatId: view.companion.chatId }]);
});

test('an avatar that is no image or too large is never sent, and everything else is', async () => {
  const { id, chatId } = await companion('avatar');
  const text = Buffer.from('no image at all').toString('base64');
  expect((await put(id, { avatar: text, title: 'Avatar 1' })).data).toMatchObject({ lastError: 'avatar_not_an_image' });
  expect(chat(chatId)).toMatchObject({ title: 'Avatar 1', avatar: '' });
  expect((await put(id, { avatar: png(5001, 10), title: 'Avatar 2' })).data).toMatchObject({
    lastError: 'avatar_too_large',
  });
  expect(chat(chatId)).toMatchObject({ title: 'Avatar 2', avatar: '' });
  expect((await put(id, { avatar: png(64, 64), title: 'Avatar 3' })).data).toMatchObject({ lastError: null });
  const { avatar } = chat(chatId) ?? {};
  expect(avatar).not.toBe('');
  await put(id, { avatar: png(64, 64), title: 'Avatar 4' });
  expect(chat(chatId)).toMatchObject({ title: 'Avatar 4', avatar });
});

test('titles of emoji are cut between characters and then stay; one of spaces follows the conversation', async () => {
  const { id, chatId } = await companion('emoji');
  expect((await put(id, { title: '👍🏽'.repeat(200) })).status).toBe(400);
  await put(id, { title: '🙂'.repeat(127) });
  const updates = (): number => scene.calls('imbot.v2.Chat.update').length;
  const before = updates();
  await scene.rename('emoji', '👍🏽'.repeat(200));
  await put(id, {});
  expect([...(chat(chatId)?.title ?? '')]).toHaveLength(254);
  await scene.idle();
  const after = updates();
  expect(after).toBeGreaterThan(before);
  await scene.api.post(`/conversations/${id}/resync`);
  await scene.idle();
  expect(updates()).toBe(after);
});

test('three hundred members come in, and are not asked for again', async () => {
  const { id, chatId } = await companion('many');
  const ids = Array.from({ length: 300 }, (_, n) => scene.portal.addUser({ name: `Member ${n}` }).id);
  expect((await put(id, { memberUserIds: ids })).data).toMatchObject({ lastError: null, unusableUserIds: [] });
  expect(chat(chatId)?.members).toHaveLength(301);
  const before = scene.calls('imbot.v2.Chat.User.add').length;
  await put(id, { memberUserIds: ids, title: 'Many, renamed' });
  expect(scene.calls('imbot.v2.Chat.User.add')).toHaveLength(before);
});

test('two wishes at the same moment: one is first, the last one counts, and there is one chat', async () => {
  await scene.api.patch(`/channels/${scene.channelId}`, { companion: { mode: 'onDemand' } });
  await scene.say('both', 'm-1', 'Hello', { name: 'both' });
  const { id } = await scene.conversation('both');
  const answers = await Promise.all([put(id, { title: 'Both' }), put(id, { title: 'Both' })]);
  expect(answers.map(({ status }) => status).sort()).toEqual([200, 201]);
  await scene.conversation('both', (one) => one.companion.state === 'ready' && one.companion.title === 'Both');
  expect(companions().filter(({ title }) => title === 'Both')).toHaveLength(1);
  await scene.api.patch(`/channels/${scene.channelId}`, { companion: { mode: 'onFirstMessage', memberUserIds: [7] } });
});

test.each([
  ['a colour nobody knows', { color: 'beige' }],
  ['an owner who is no number', { ownerUserId: 'anna' }],
  ['an empty title', { title: '  ' }],
])('%s is refused before anything is stored', async (_what, wish) => {
  const { id } = await companion('refused');
  expect((await put(id, wish)).status).toBe(400);
});

test('guests and dismissed people are recorded, and tried again when they are wished again', async () => {
  const { id, chatId } = await companion('guests');
  const guest = scene.portal.addUser({ name: 'Guest', kind: 'extranet' }).id;
  const gone = scene.portal.addUser({ name: 'Gone' }).id;
  scene.portal.dismissUser(gone);
  expect((await put(id, { memberUserIds: [7, guest, gone] })).data).toMatchObject({ unusableUserIds: [guest, gone] });
  const back = scene.portal.addUser({ name: 'Gone', id: gone }).id;
  expect((await put(id, { memberUserIds: [7, back] })).data).toMatchObject({ unusableUserIds: [] });
  expect(chat(chatId)?.members).toContain(back);
});

test('with the owner policy `bot` the owner is a manager, and everything stays in step', async () => {
  const policy = { mode: 'onFirstMessage', memberUserIds: [7], ownerUserId: 27, ownerPolicy: 'bot' };
  await scene.api.patch(`/channels/${scene.channelId}`, { companion: policy });
  const { chatId } = await companion('owned');
  expect(chat(chatId)).toMatchObject({ owner: botId(), managers: expect.arrayContaining([27]) as unknown });
  await scene.rename('owned', 'Owned, renamed');
  await until(() => chat(chatId)?.title === 'Owned, renamed');
  await scene.api.patch(`/channels/${scene.channelId}`, { companion: { mode: 'onFirstMessage', memberUserIds: [7] } });
});

test('handed over and back: wanted back is shown with what to do, and done once the owner gave it back', async () => {
  const { id, chatId } = await companion('back');
  await put(id, { ownerUserId: 27 });
  expect(chat(chatId)?.owner).toBe(27);
  expect((await put(id, { ownerUserId: null, title: 'Back' })).data).toMatchObject({
    lastError: 'not_owner',
    lastErrorDetail: expect.stringContaining('make the bot the owner again') as unknown,
  });
  await axios.post(asPerson(`${chatId}/owner`), { ownerId: botId(), userId: 27 });
  await scene.api.post(`/conversations/${id}/resync`);
  const { companion: shown } = await later('back', ({ state, lastError }) => state === 'ready' && lastError === null);
  expect(shown.title).toBe('Back');
  expect(chat(chatId)).toMatchObject({ owner: botId(), title: 'Back' });
});

test('after the handing over a title follows by the rights of a member, where the user of the grant is one', async () => {
  const { id, chatId } = await companion('member');
  await put(id, { memberUserIds: [1, 7], ownerUserId: 27 });
  expect(chat(chatId)?.owner).toBe(27);
  await scene.rename('member', 'Member, renamed');
  await until(() => chat(chatId)?.title === 'Member, renamed');
  expect((await scene.find('member'))?.companion.lastError).toBeNull();
});

test('archived with an heir: the employee gets the chat, with everybody in it', async () => {
  const { id, chatId } = await companion('heir');
  await scene.api.delete(`/conversations/${id}/companion`, { params: { handOverTo: 27 } });
  await until(() => chat(chatId)?.owner === 27);
  await scene.idle();
  expect(chat(chatId)).toMatchObject({
    members: expect.arrayContaining([7, 27, botId()]) as unknown,
    textFieldEnabled: true,
  });
  expect(chat(chatId)?.messages.map(({ text }) => text)).toContain('This chat was handed over.');
});

test('archived by a person: a message of the customer does not bring it back, a wish does', async () => {
  const { id, chatId } = await companion('archived');
  await scene.api.delete(`/conversations/${id}/companion`);
  await until(() => chat(chatId)?.members.length === 1);
  await scene.say('archived', 'm-2', 'Still here');
  await scene.idle();
  expect((await scene.find('archived'))?.companion.state).toBe('archived');
  await put(id, {});
  expect(chat(chatId)).toMatchObject({ members: expect.arrayContaining([7]) as unknown, textFieldEnabled: true });
});

test('a forgotten mapping says farewell in its companion', async () => {
  const { id, chatId } = await companion('forgotten');
  await scene.api.delete(`/conversations/${id}`);
  await until(() => chat(chatId)?.members.length === 1);
  expect(chat(chatId)).toMatchObject({ owner: botId(), textFieldEnabled: false });
});

/** A chat the bot made in another process, say. Returns its id. */
function addedBy(creatorId: number, fields: Pick<NewChat, 'title' | 'entityType' | 'entityId' | 'userIds'>): number {
  const rest = { type: 'C', description: '', color: undefined, avatar: '', ownerId: creatorId } as const;
  return scene.portal.act(creatorId, (hit) => {
    const made = addChat(hit, creatorId, { ...rest, ...fields });
    announceChat(hit, made, creatorId);
    return made.id;
  });
}

function png(width: number, height: number): string {
  const head = Buffer.alloc(24);
  Buffer.from('89504e470d0a1a0a', 'hex').copy(head);
  head.writeUInt32BE(width, 16);
  head.writeUInt32BE(height, 20);
  return head.toString('base64');
}
