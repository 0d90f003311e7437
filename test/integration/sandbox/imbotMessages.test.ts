import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { EMPLOYEE, openImbotPortal, TOKEN, type Body, type ImbotPortal } from './imbotPortal.ts';

const UUID = '5f3a0c1e-8b7d-4c2a-9e1f-0a1b2c3d4e5f';

let at: ImbotPortal;
let botId: number;
let chatId: number;
beforeEach(async () => {
  at = await openImbotPortal();
  botId = await at.registerBot();
  chatId = await at.addChat(botId, { entityType: 'CHAT', entityId: 'k', userIds: [EMPLOYEE] });
});
afterEach(() => at.close());

const v2 = (method: string, params: Body = {}) => at.call(`imbot.v2.${method}`, { botId, botToken: TOKEN, ...params });
const send = (fields: Body, to = chatId) => v2('Chat.Message.send', { chatId: to, fields });
const sentId = async (fields: Body, to = chatId) => ((await send(fields, to)).result as { id: number }).id;
const messages = () => at.portal.state().companions.find((chat) => chat.chatId === chatId)?.messages ?? [];
const say = async (text: string) =>
  (await at.control('POST', `/companions/${chatId}/messages`, { userId: EMPLOYEE, text })) as { id: number };

interface Events {
  readonly events: { eventId: number; type: string; data: Record<string, Body> }[];
  readonly nextOffset: number;
  readonly hasMore: boolean;
}
const events = (params: Body = {}, bot = { botId, botToken: TOKEN }) =>
  at.ok<Events>('imbot.v2.Event.get', { ...bot, ...params });

describe('Message.send', () => {
  test('the answer has the id and an empty PHP map as a list', async () => {
    expect((await send({ message: 'hi' })).result).toEqual({ id: expect.any(Number) as unknown, uuidMap: [] });
    expect(await send({ message: '' })).toMatchObject({ status: 400, error: 'EMPTY_MESSAGE' });
    expect(await v2('Chat.Message.send', { chatId })).toMatchObject({ error: 'EMPTY_MESSAGE' });
  });

  test('a text beyond 20,000 characters is cut, not refused', async () => {
    await send({ message: 'x'.repeat(20_001) });
    expect(messages().at(-1)?.text).toBe(`${'x'.repeat(20_000)} (...)`);
  });

  test('templateId posts once on the whole portal: another chat gets the first id and nothing is posted', async () => {
    const other = await at.addChat(botId, { entityType: 'CHAT', entityId: 'other' });
    const first = await sentId({ message: 'once', templateId: UUID });
    expect(await sentId({ message: 'again', templateId: UUID })).toBe(first);
    expect(await sentId({ message: 'elsewhere', templateId: UUID }, other)).toBe(first);
    expect(at.portal.state().companions.find((chat) => chat.chatId === other)?.messages).toEqual([]);
    expect(messages().filter(({ authorId }) => authorId === botId)).toHaveLength(1);
  });

  test('templateId is no key in upper case, in another version, or for a system message', async () => {
    for (const templateId of [UUID.toUpperCase(), UUID.replace('-4', '-1'), 'free text']) {
      expect(await sentId({ message: 'x', templateId })).not.toBe(await sentId({ message: 'x', templateId }));
    }
    const system = { message: 'x', system: true, templateId: UUID };
    expect(await sentId(system)).not.toBe(await sentId(system));
    expect(messages().at(-1)).toMatchObject({ authorId: 0 });
  });

  test('templateId is forgotten after 31 days', async () => {
    const first = await sentId({ message: 'x', templateId: UUID });
    at.sandbox.advance(31 * 24 * 3600 * 1000);
    expect(await sentId({ message: 'x', templateId: UUID })).not.toBe(first);
  });

  test('a reply must be in the same chat, a forward gets an id under its own key', async () => {
    const other = await at.addChat(botId);
    const far = await sentId({ message: 'far' }, other);
    expect(await send({ message: 'x', replyId: far })).toMatchObject({ error: 'REPLY_ERROR' });
    const { result } = await send({ forwardIds: { [UUID]: far } });
    expect(result).toMatchObject({ id: null, uuidMap: { [UUID]: expect.any(Number) as unknown } });
  });
});

describe('Message.update and Message.delete', () => {
  test('only own messages are changed; an empty text deletes', async () => {
    const id = await sentId({ message: 'one' });
    expect(await v2('Chat.Message.update', { messageId: id, fields: { message: 'two' } })).toMatchObject({
      result: { result: true },
    });
    expect(messages().at(-1)?.text).toBe('two');
    const foreign = (await say('mine')).id;
    const change = { messageId: foreign, fields: { message: 'yours' } };
    expect(await v2('Chat.Message.update', change)).toMatchObject({ error: 'MESSAGE_ACCESS_DENIED' });
    await v2('Chat.Message.update', { messageId: id, fields: { message: '' } });
    expect(messages().find((message) => message.id === id)).toMatchObject({ deleted: true });
  });

  test('the owner deletes anybody`s message without a trace; then it is MESSAGE_NOT_FOUND', async () => {
    const foreign = (await say('mine')).id;
    expect(await v2('Chat.Message.delete', { messageId: foreign })).toMatchObject({ result: { result: true } });
    expect(messages().some((message) => message.id === foreign)).toBe(false);
    expect(await v2('Chat.Message.delete', { messageId: foreign })).toMatchObject({ error: 'MESSAGE_NOT_FOUND' });
    expect(await v2('Chat.Message.delete')).toMatchObject({ status: 400, error: '100' });
  });
});

describe('Event.get', () => {
  test('a bot hears that it joined the chat it created itself, with the entity id in it', async () => {
    const { events: found } = await events();
    expect(found).toEqual([expect.objectContaining({ type: 'ONIMBOTV2JOINCHAT' })]);
    expect(found[0]?.data).toMatchObject({
      bot: { id: botId, eventMode: 'fetch' },
      dialogId: `chat${chatId}`,
      chat: { id: chatId, owner: botId, entityType: 'CHAT', entityId: 'k' },
      user: { id: botId, bot: true },
    });
    expect(found[0]?.data.chat).not.toHaveProperty('role');
  });

  test('without offset nothing is acknowledged; an offset deletes what lies before it', async () => {
    await at.addChat(botId);
    const first = await events();
    expect(await events()).toEqual(first);
    const second = first.events[1]?.eventId ?? 0;
    expect((await events({ offset: second })).events.map(({ eventId }) => eventId)).toEqual([second]);
    expect((await events()).events).toHaveLength(1);
    expect(await events({ offset: first.nextOffset })).toEqual({
      events: [],
      nextOffset: first.nextOffset,
      hasMore: false,
    });
    expect(await events()).toEqual({ events: [], nextOffset: 0, hasMore: false });
  });

  test('hasMore means that the page is full', async () => {
    await at.addChat(botId);
    expect(await events({ limit: 1 })).toMatchObject({ hasMore: true, events: [{ type: 'ONIMBOTV2JOINCHAT' }] });
    expect(await events({ limit: 5000 })).toMatchObject({ hasMore: false });
  });

  test('events are gone after 24 hours', async () => {
    at.sandbox.advance(24 * 3600 * 1000);
    expect((await events()).events).toEqual([]);
  });

  test('an ordinary bot hears only what mentions it, in a private dialog everything', async () => {
    await say('to nobody');
    await say(`[USER=${botId}]Companion[/USER] rename it`);
    const heard = (await events()).events.filter(({ type }) => type === 'ONIMBOTV2MESSAGEADD');
    expect(heard).toHaveLength(1);
    expect(heard[0]?.data).toMatchObject({ message: { authorId: EMPLOYEE, params: [] }, user: { id: EMPLOYEE } });
  });

  test('a supervisor hears everything including system messages, and no bot hears a bot', async () => {
    const supervisor = { botId: await at.registerBot({ code: 'sup', type: 'supervisor' }), botToken: TOKEN };
    await v2('Chat.User.add', { chatId, userIds: [supervisor.botId] });
    await say('hello');
    await send({ message: `[USER=${supervisor.botId}]hi[/USER]` });
    await at.control('POST', `/companions/${chatId}/rename`, { userId: EMPLOYEE, title: 'Renamed' });
    const heard = (await events({}, supervisor)).events;
    expect(heard.map(({ type, data }) => [type, data.message?.isSystem])).toEqual([
      ['ONIMBOTV2MESSAGEADD', true],
      ['ONIMBOTV2JOINCHAT', undefined],
      ['ONIMBOTV2MESSAGEADD', false],
      ['ONIMBOTV2MESSAGEADD', true],
    ]);
  });

  test('removal from a chat raises no event', async () => {
    const { nextOffset } = await events();
    await at.control('DELETE', `/companions/${chatId}/members/${botId}`, { userId: EMPLOYEE });
    expect((await events({ offset: nextOffset })).events).toEqual([]);
  });

  test('people edit and delete their messages, and the bot they mention hears of it', async () => {
    const { id } = await say(`[USER=${botId}]x[/USER]`);
    const { nextOffset } = await events();
    await at.control('POST', `/companion-messages/${id}/edit`, { userId: EMPLOYEE, text: `[USER=${botId}]y[/USER]` });
    await at.control('POST', `/companion-messages/${id}/delete`, { userId: EMPLOYEE });
    const { events: found } = await events({ offset: nextOffset });
    expect(found.map(({ type }) => type)).toEqual(['ONIMBOTV2MESSAGEUPDATE', 'ONIMBOTV2MESSAGEDELETE']);
    expect(found[1]?.data).toMatchObject({ messageId: id });
  });

  test('user events are refused: nobody subscribed', async () => {
    expect(await v2('Event.get', { withUserEvents: true })).toMatchObject({
      status: 400,
      error: 'USER_NOT_SUBSCRIBED',
    });
  });
});

test('a lost answer leaves the chat and its join event behind', async () => {
  at.portal.faults.add({ match: { method: 'imbot.v2.Chat.add' }, effect: { happensButNoAnswer: true } });
  await expect(at.addChat(botId, { entityType: 'CHAT', entityId: 'lost' })).rejects.toThrow();
  const joined = (await events()).events.map(({ data }) => data.chat?.entityId);
  expect(joined).toEqual(['k', 'lost']);
});

test('bots, chats, keys of messages and events survive a restart of the sandbox', async () => {
  const home = await mkdtemp(path.join(tmpdir(), 'sandbox-imbot-'));
  const options = { stateFile: path.join(home, 'state.jsonl') };
  await at.close();
  at = await openImbotPortal({ memberId: 'one' }, options);
  botId = await at.registerBot();
  chatId = await at.addChat(botId, { entityType: 'CHAT', entityId: 'k' });
  const sent = await sentId({ message: 'x', templateId: UUID });
  const before = { chat: (await v2('Chat.get', { chatId })).result, events: await events() };
  await at.close();
  at = await openImbotPortal({ memberId: 'one' }, options);
  expect({ chat: (await v2('Chat.get', { chatId })).result, events: await events() }).toEqual(before);
  expect(await sentId({ message: 'x', templateId: UUID })).toBe(sent);
  await rm(home, { recursive: true });
});
