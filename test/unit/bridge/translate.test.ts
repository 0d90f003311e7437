import { expect, test } from '@jest/globals';
import {
  connectorUser,
  displayName,
  mergePerson,
  portalChatId,
  portalMessageId,
} from '../../../src/bridge/translate.ts';

test('ids the portal can hold stay the messenger’s own', () => {
  expect(portalChatId('c-1')).toBe('c-1');
  expect(portalMessageId('wamid.HBgL==')).toBe('wamid.HBgL==');
});

test.each([
  ['a bar would be taken for the end of the id', 'a|b'],
  ['a blank at the end would be trimmed', 'a '],
  ['"0" is nothing to PHP', '0'],
  ['a long id would be cut', 'x'.repeat(300)],
])('%s: such a chat id becomes a stable fingerprint', (_why, id) => {
  expect(portalChatId(id)).toMatch(/^h-[0-9a-f]{40}$/);
  expect(portalChatId(id)).toBe(portalChatId(id));
});

test('message ids over 100 characters stay distinct', () => {
  const [a, b] = ['a', 'b'].map((end) => portalMessageId('x'.repeat(100) + end));
  expect(a).not.toBe(b);
  expect(a?.length).toBeLessThanOrEqual(100);
});

test('a person who gives only an id still has a name: the portal would call them Guest', () => {
  expect(connectorUser({ id: 'u-7' })).toEqual({ id: 'u-7', name: 'u-7' });
  expect(connectorUser({ id: 'u-7', username: 'anna_b' })).toEqual({ id: 'u-7', name: 'anna b' });
  expect(connectorUser({ id: 'u-7', name: '🔥', username: '4711' })).toEqual({ id: 'u-7', name: '4711' });
});

test('the whole profile goes out, and a phone is not validated', () => {
  expect(
    connectorUser({
      id: 'u-7',
      name: 'Anna',
      lastName: 'Berg',
      phone: '+49 30 1',
      email: 'a@example.com',
      gender: 'female',
    }),
  ).toEqual({
    id: 'u-7',
    name: 'Anna',
    lastName: 'Berg',
    phone: '+49 30 1',
    email: 'a@example.com',
    gender: 'female',
    skipPhoneValidate: true,
  });
});

test('what a later profile leaves out stays known', () => {
  expect(mergePerson({ id: 'u-7', name: 'Anna', phone: '1' }, { id: 'u-7', name: 'Ann', phone: undefined })).toEqual({
    id: 'u-7',
    name: 'Ann',
    phone: '1',
  });
});

test('a person is called by name, else by username, else by id', () => {
  expect(displayName({ id: 'u-7', name: 'Anna', lastName: 'Berg' })).toBe('Anna Berg');
  expect(displayName({ id: 'u-7', username: 'anna_b' })).toBe('anna_b');
  expect(displayName({ id: 'u-7' })).toBe('u-7');
});
