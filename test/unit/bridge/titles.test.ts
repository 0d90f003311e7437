import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { cutTitle, oneLine, renderTitle, supersedes } from '../../../src/bridge/titles.ts';

const facts = { name: 'Order 1042', id: 'c-1', messenger: 'Demo', topic: null };

test('a title is the name, where no template says otherwise', () => {
  expect(renderTitle(null, facts)).toBe('Order 1042');
});

test('a template puts name, id, messenger and topic in their places, and leaves what it does not know', () => {
  expect(renderTitle('{messenger}: {name} ({id}) {topic} {else}', { ...facts, topic: 'Delivery' })).toBe(
    'Demo: Order 1042 (c-1) Delivery {else}',
  );
});

test('a name that looks like a placeholder is not one', () => {
  expect(renderTitle('{name}', { ...facts, name: '{id} $& {name}' })).toBe('{id} $& {name}');
});

test('a conversation without a name has no title', () => {
  expect(renderTitle('{messenger} {name}', { ...facts, name: null })).toBeUndefined();
});

test('a name that PHP takes for none looks the same and counts', () => {
  expect(renderTitle(null, { ...facts, name: ' 0 ' })).toBe('0\u200b');
});

test('line breaks and control characters become one blank', () => {
  expect(oneLine('  Order\r\n\t1042\u0007\u0000 ')).toBe('Order 1042');
});

test('a title has at most 255 characters', () => {
  expect(cutTitle('x'.repeat(300))).toBe('x'.repeat(255));
  expect(cutTitle('ä'.repeat(255))).toBe('ä'.repeat(255));
});

test('a title is never cut inside a character', () => {
  const family = '👨‍👩‍👧‍👦';
  const title = cutTitle(`${'x'.repeat(252)}${family}`);
  expect(title).toBe('x'.repeat(252));
  expect(cutTitle('👍🏽'.repeat(200))).toBe('👍🏽'.repeat(127));
});

test('cutting keeps a prefix of at most 255 code points, whatever the text', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', maxLength: 400 }), (text) => {
      const title = cutTitle(text);
      expect([...title].length).toBeLessThanOrEqual(255);
      expect(text.startsWith(title)).toBe(true);
    }),
  );
});

const at = (seconds: number, sequence: bigint | null = null): { at: Date; sequence: bigint | null } => ({
  at: new Date(seconds * 1000),
  sequence,
});

test.each([
  ['later wins', at(2), at(1), true],
  ['earlier loses', at(1), at(2), false],
  ['of the same moment, what arrives later wins', at(1), at(1), true],
  ['the sequence decides before the time', at(1, 7n), at(2, 6n), true],
  ['an older sequence loses, however late its time', at(9, 5n), at(2, 6n), false],
  ['without a sequence on both sides, the time decides', at(1, 7n), at(2), false],
])('%s', (_rule, next, current, expected) => {
  expect(supersedes(next, current)).toBe(expected);
});

test('the first name always counts', () => {
  expect(supersedes(at(0), undefined)).toBe(true);
});
