import { expect, test } from '@jest/globals';
import { readCommand } from '../../../src/bridge/companionCommands.ts';
import { keyOf } from '../../../src/bridge/companionNotices.ts';

const said = (words: string): ReturnType<typeof readCommand> =>
  readCommand(`[USER=512]Companion[/USER]${words}`, '512');

test.each([
  [' rename Order 7', { kind: 'rename', name: 'Order 7' }],
  [', Rename  Order\n7 ', { kind: 'rename', name: 'Order 7' }],
  [': /rename Anna [USER=7]Max[/USER]', { kind: 'rename', name: 'Anna [USER=7]Max[/USER]' }],
  [' unlock', { kind: 'unlock' }],
  [' STATUS', { kind: 'status' }],
  [' resync please', { kind: 'resync' }],
  ['', { kind: 'help' }],
  [' rename', { kind: 'unknown' }],
  [' what is this', { kind: 'unknown' }],
])('%j is understood', (words, command) => {
  expect(said(words)).toEqual(command);
});

test('whoever does not mention the bot does not speak to it', () => {
  expect(readCommand('rename Order 7', '512')).toBeUndefined();
  expect(readCommand('[USER=51]Max[/USER] rename Order 7', '512')).toBeUndefined();
  expect(readCommand('[USER=51]Max[/USER] [USER=512 REPLACE]Bot[/USER] unlock', '512')).toEqual({ kind: 'unknown' });
});

test('the mention may stand at the end', () => {
  expect(readCommand('status [USER=512]Companion[/USER]', '512')).toEqual({ kind: 'status' });
});

test('the key of a notice has the only shape the portal takes as one, and is always the same', () => {
  expect(keyOf('a')).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  expect(keyOf('a')).toBe(keyOf('a'));
  expect(keyOf('a')).not.toBe(keyOf('b'));
});
