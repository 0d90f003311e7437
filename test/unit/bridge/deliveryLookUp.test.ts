import { expect, test } from '@jest/globals';
import { judge } from '../../../src/bridge/deliveryLookUp.ts';

const chatId = '1767';
const history = (...messages: Line[]) => [{ sessionId: '323', messages }];
const ours = { externalId: 'm-1', text: 'Hello' };
type Line = Parameters<typeof judge>[0][number]['messages'][number];
const line = (change: Partial<Line>): Line => ({
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
  expect(judge(history(line({ connectorIds: ['m-1'] })), ours, chatId)).toEqual({
    kind: 'delivered',
    chatId,
    sessionId: '323',
  });
});

test('a history that carries ids of others, and not ours, proves that it did not happen', () => {
  expect(judge(history(line({ connectorIds: ['m-0'] })), ours, chatId)).toEqual({ kind: 'absent' });
});

test('a history without ids proves it only when nobody wrote the same text', () => {
  expect(judge(history(line({ text: 'Something else' })), ours, chatId)).toEqual({ kind: 'absent' });
  expect(judge(history(line({})), ours, chatId)).toMatchObject({ kind: 'unknown' });
});

test('a system text that reads the same is nobody’s message', () => {
  expect(judge(history(line({ senderId: '0' })), ours, chatId)).toEqual({ kind: 'absent' });
});

test('it is found in the session in which it arrived, though a later one has begun', () => {
  const later = { sessionId: '400', messages: [line({ connectorIds: ['m-9'] })] };
  expect(judge([...history(line({ connectorIds: ['m-1'] })), later], ours, chatId)).toMatchObject({ sessionId: '323' });
});
