import { expect, test } from '@jest/globals';
import { judge } from '../../../src/bridge/deliveryLookUp.ts';

const found = { chatId: '1767', sessionId: '323' };
const ours = { externalId: 'm-1', text: 'Hello' };
const line = (change: Partial<Parameters<typeof judge>[0][number]>): Parameters<typeof judge>[0][number] => ({
  id: '1',
  senderId: '585',
  text: 'Hello',
  connectorIds: [],
  sending: false,
  date: '',
  files: 0,
  ...change,
});

test('a history that carries our id proves the delivery', () => {
  expect(judge([line({ connectorIds: ['m-1'] })], ours, found)).toEqual({ kind: 'delivered', ...found });
});

test('a history that carries ids of others, and not ours, proves that it did not happen', () => {
  expect(judge([line({ connectorIds: ['m-0'] })], ours, found)).toEqual({ kind: 'absent' });
});

test('a history without ids proves it only when nobody wrote the same text', () => {
  expect(judge([line({ text: 'Something else' })], ours, found)).toEqual({ kind: 'absent' });
  expect(judge([line({})], ours, found)).toMatchObject({ kind: 'unknown' });
});

test('a system text that reads the same is nobody’s message', () => {
  expect(judge([line({ senderId: '0' })], ours, found)).toEqual({ kind: 'absent' });
});
