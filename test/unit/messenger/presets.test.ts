import { createHmac } from 'node:crypto';
import { expect, test } from '@jest/globals';
import { RequestError } from '../../../src/kit/errors.ts';
import { PRESETS, presetOf } from '../../../src/messenger/presets/all.ts';
import type { PresetRequest } from '../../../src/messenger/presets/preset.ts';
import { slack } from '../../../src/messenger/presets/slack.ts';
import { telegram } from '../../../src/messenger/presets/telegram.ts';

const NOW = Date.parse('2026-11-20T10:00:00Z');
const SECONDS = NOW / 1000;

function requestOf(body: object | string, headers: Record<string, string> = {}, secrets: string[] = []): PresetRequest {
  const raw = Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
  return { header: (name) => headers[name] ?? '', body: raw, secrets, now: NOW };
}

const codeOf = (work: () => unknown): string | undefined => {
  try {
    work();
    return undefined;
  } catch (error) {
    return error instanceof RequestError ? error.code : String(error);
  }
};

test.each(Object.entries(PRESETS))('the secrets %s makes have the shape it takes', (_name, preset) => {
  const made = preset.createSecret();
  expect(made).toMatch(preset.secret);
  expect(preset.createSecret()).not.toBe(made);
});

test('a preset nobody knows is none', () => {
  expect(presetOf('toString')).toBeUndefined();
});

const group = { id: -100_200, type: 'supergroup', title: 'Order 1042' };
const ivo = { id: 77, is_bot: false, first_name: 'Ivo', last_name: 'Lang', username: 'ivo' };
const update = (part: object, kind = 'message'): PresetRequest =>
  requestOf({ update_id: 501, [kind]: { message_id: 9, date: SECONDS, chat: group, from: ivo, ...part } });
const person = { id: '77', name: 'Ivo', lastName: 'Lang', username: 'ivo' };
const conversation = { id: '-100200' };

test.each([
  [
    'a text',
    { text: 'Hello', reply_to_message: { message_id: 8 } },
    'message.created',
    {
      conversation: { ...conversation, kind: 'group', name: 'Order 1042' },
      sender: person,
      message: { id: '9', text: 'Hello', replyToId: '8' },
    },
  ],
  [
    'a photo with words',
    { photo: [{ file_id: 'x' }], caption: 'Look' },
    'message.created',
    { message: { id: '9', text: '[Photo]\nLook' } },
  ],
  [
    'a new title',
    { new_chat_title: 'Order 1042, paid' },
    'conversation.renamed',
    { conversation: { ...conversation, name: 'Order 1042, paid' } },
  ],
  ['a group that became a supergroup', { migrate_to_chat_id: -7 }, 'conversation.migrated', { newId: '-7' }],
  ['somebody new', { new_chat_members: [ivo] }, 'participant.joined', { conversation, participant: person }],
  ['somebody who left', { left_chat_member: ivo }, 'participant.left', { conversation, participant: person }],
])('telegram: %s is understood', (_what, part, type, data) => {
  const events = telegram.translate(update(part));
  expect(events).toMatchObject([{ id: `tg-501-${SECONDS}-0`, event: { type, data } }]);
  expect(events[0]?.event.timestamp).toBe('2026-11-20T10:00:00.000Z');
});

test('telegram: an edit names its message, and another update is another event', () => {
  const [edit] = telegram.translate(update({ text: 'Hallo', edit_date: SECONDS + 5 }, 'edited_message'));
  expect(edit).toMatchObject({
    id: `tg-501-${SECONDS + 5}-0`,
    event: { type: 'message.edited', data: { conversation, message: { id: '9', text: 'Hallo' } } },
  });
});

test('telegram: a private talk is a direct conversation under the name of the person; a channel speaks for itself', () => {
  const [direct] = telegram.translate(update({ text: 'Hi', chat: { ...ivo, type: 'private' } }));
  expect(direct?.event.data).toMatchObject({ conversation: { id: '77', kind: 'direct', name: 'Ivo Lang' } });
  const [post] = telegram.translate(update({ text: 'News', from: undefined }, 'channel_post'));
  expect(post?.event.data).toMatchObject({ sender: { id: '-100200', name: 'Order 1042' } });
});

test('telegram: what we do not carry is nothing, and what is no update is refused', () => {
  expect(telegram.translate(requestOf({ update_id: 1, poll: { id: '1' } }))).toEqual([]);
  expect(telegram.translate(update({ pinned_message: {} }))).toEqual([]);
  expect(telegram.translate(update({ location: {} }, 'edited_message'))).toEqual([]);
  expect(codeOf(() => telegram.translate(requestOf('{')))).toBe('invalid_json');
  expect(codeOf(() => telegram.translate(requestOf({ message: 1 })))).toBe('invalid_request');
});

test('telegram: only the secret token opens the door, old or new', () => {
  const token = (value: string) => ({ 'x-telegram-bot-api-secret-token': value });
  const knocks = (value: string) => codeOf(() => telegram.verify(requestOf({}, token(value), ['old-one', 'new-one'])));
  expect([knocks('old-one'), knocks('new-one')]).toEqual([undefined, undefined]);
  expect([knocks(''), knocks('old-on'), knocks('other!!')]).toEqual(Array(3).fill('invalid_signature'));
});

const signed = (body: object, at = SECONDS, secret = 'slack-secret'): PresetRequest => {
  const text = JSON.stringify(body);
  const signature = `v0=${createHmac('sha256', secret).update(`v0:${at}:${text}`).digest('hex')}`;
  const headers = { 'x-slack-request-timestamp': String(at), 'x-slack-signature': signature };
  return requestOf(text, headers, ['other-secret', 'slack-secret']);
};
const callback = (event: object): PresetRequest =>
  signed({ type: 'event_callback', event_id: 'Ev1', event_time: SECONDS, event });

test('slack: the signature is over version, time and the very bytes, within five minutes', () => {
  expect(codeOf(() => slack.verify(callback({})))).toBeUndefined();
  expect(codeOf(() => slack.verify(signed({}, SECONDS - 301)))).toBe('signature_expired');
  expect(codeOf(() => slack.verify(signed({}, SECONDS, 'wrong')))).toBe('invalid_signature');
  expect(codeOf(() => slack.verify({ ...callback({}), body: Buffer.from('{}') }))).toBe('invalid_signature');
  expect(codeOf(() => slack.verify(requestOf({})))).toBe('invalid_signature');
});

test('slack: the challenge is answered, and nothing else is one', () => {
  expect(slack.handshake?.(signed({ type: 'url_verification', challenge: 'abc' }))).toEqual({ challenge: 'abc' });
  expect(slack.handshake?.(callback({ type: 'message', channel: 'C1' }))).toBeUndefined();
});

const C1 = { id: 'C1' };
test.each([
  [
    'a message',
    {
      type: 'message',
      channel: 'C1',
      user: 'U1',
      ts: '1.2',
      thread_ts: '1.1',
      text: 'See <https://a.example|this> &amp; <@U2>',
    },
    'message.created',
    {
      conversation: { ...C1, kind: 'group' },
      sender: { id: 'U1' },
      message: { id: '1.2', text: 'See this (https://a.example) & @U2', replyToId: '1.1' },
    },
  ],
  [
    'a file',
    {
      ...{ type: 'message', subtype: 'file_share', channel: 'C1', user: 'U1', ts: '1.2', text: '' },
      files: [{ name: 'a.pdf', permalink: 'https://x.slack.example/a' }],
    },
    'message.created',
    { message: { id: '1.2', text: '[File a.pdf] https://x.slack.example/a' } },
  ],
  [
    'an edit',
    { type: 'message', subtype: 'message_changed', channel: 'C1', message: { user: 'U1', ts: '1.2', text: 'New' } },
    'message.edited',
    { conversation: C1, sender: { id: 'U1' }, message: { id: '1.2', text: 'New' } },
  ],
  [
    'a deletion',
    {
      ...{ type: 'message', subtype: 'message_deleted', channel: 'C1', deleted_ts: '1.2' },
      previous_message: { user: 'U1' },
    },
    'message.deleted',
    { conversation: C1, sender: { id: 'U1' }, message: { id: '1.2' } },
  ],
  [
    'a rename',
    { type: 'channel_rename', channel: { id: 'C1', name: 'sales', created: 1 } },
    'conversation.renamed',
    { conversation: { ...C1, name: 'sales' } },
  ],
  [
    'a rename that tells the old name',
    { type: 'message', subtype: 'channel_name', channel: 'C1', user: 'U1', name: 'sales', old_name: 'shop' },
    'conversation.renamed',
    { conversation: { ...C1, name: 'sales' }, previousName: 'shop' },
  ],
  [
    'somebody new',
    { type: 'member_joined_channel', user: 'U1', channel: 'C1' },
    'participant.joined',
    { participant: { id: 'U1' } },
  ],
  [
    'an archived channel',
    { type: 'channel_archive', channel: 'C1', user: 'U1' },
    'conversation.closed',
    { conversation: C1 },
  ],
])('slack: %s is understood', (_what, event, type, data) => {
  expect(slack.translate(callback(event))).toMatchObject([
    { id: 'Ev1', event: { type, timestamp: '2026-11-20T10:00:00.000Z', data } },
  ]);
});

test.each([
  ['of an application', { type: 'message', channel: 'C1', user: 'U1', bot_id: 'B1', ts: '1.2', text: 'Echo' }],
  ['of the workspace', { type: 'message', subtype: 'channel_topic', channel: 'C1', user: 'U1', ts: '1.2', text: 'x' }],
  ['of another kind', { type: 'reaction_added', user: 'U1' }],
  ['of a person', { type: 'user_change', user: { id: 'U1', name: 'ivo' } }],
  ['without words', { type: 'message', channel: 'C1', user: 'U1', ts: '1.2', text: '', blocks: [{}] }],
  [
    'changed and without words',
    { type: 'message', subtype: 'message_changed', channel: 'C1', message: { user: 'U1', ts: '1.2', text: '' } },
  ],
])('slack: what is %s is not carried', (_what, event) => {
  expect(slack.translate(callback(event))).toEqual([]);
});
