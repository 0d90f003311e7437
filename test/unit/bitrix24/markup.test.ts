import fc from 'fast-check';
import { plainToBb } from '../../../src/bitrix24/markup.ts';

const visible = (parts: readonly string[]): string => parts.join('').replaceAll('\u200b', '');

test.each(['[b]x[/b]', '[URL=https://x]y[/URL]', '[br]', '[user=1]A[/user]', '[send=/x]', '[ICON=https://x width=1]'])(
  'the tag in %j is shown, not obeyed',
  (text) => {
    const [part = ''] = plainToBb(text);
    expect(part).not.toMatch(/\[\/?[a-z]/i);
    expect(visible([part])).toBe(text);
  },
);

test.each(['plain', 'a[0] = b[1]', '[citation needed]', '[бред]', '1 < 2 & 3', '$100 [net]', 'a\nb', '[burger]'])(
  '%j needs nothing',
  (text) => {
    expect(plainToBb(text)).toEqual([text]);
  },
);

test.each(['$result[c0]', '$Error[x]', 'hi $result[c0]!'])('%j is nothing special outside of a batch', (text) => {
  expect(plainToBb(text)).toEqual([text]);
});

test('ratings are guarded only when asked', () => {
  for (const text of ['1', '0', '1 star', '0 of 10', ' 1 ']) {
    expect(plainToBb(text)).toEqual([text]);
    expect(plainToBb(text, { guardRating: true })).toEqual([`\u200b${text}`]);
  }
  for (const text of ['10', '1st', '2', 'no 1']) expect(plainToBb(text, { guardRating: true })).toEqual([text]);
});

test('no text has no parts', () => {
  expect(plainToBb('')).toEqual([]);
});

test.each([
  ['an emoji', '😀'],
  ['a family', '👨‍👩‍👧‍👦'],
  ['a letter with accents', 'e\u0301\u0323'],
  ['a flag', '🇩🇪'],
])('a part never ends inside %s', (_name, character) => {
  for (const filler of [19_499, 19_498, 19_496, 19_500]) {
    const text = 'x'.repeat(filler) + character.repeat(3) + 'y';
    const parts = plainToBb(text);
    expect(parts.join('')).toBe(text);
    expect(parts).toHaveLength(2);
    const [first = '', second = ''] = parts;
    expect(first.length).toBeLessThanOrEqual(19_500);
    expect(first.replace(/^x+/, '').length % character.length).toBe(0);
    expect(second.length).toBeGreaterThan(0);
  }
});

test('what claims to be one endless character is cut all the same', () => {
  const parts = plainToBb(`x${'\u0301'.repeat(50_000)}`);
  expect(parts.map((part) => part.length)).toEqual([19_500, 19_500, 11_001]);
});

test('whatever is written is what is shown, in parts the portal takes whole', () => {
  const text = fc.string({
    unit: fc.constantFrom('[', ']', '/', 'b', 'url', '=', '$', 'result', ' ', '😀', '1'),
    maxLength: 200,
  });
  fc.assert(
    fc.property(text, fc.boolean(), fc.nat(200), (tail, guardRating, times) => {
      const whole = tail.repeat(times);
      const parts = plainToBb(whole, { guardRating });
      expect(visible(parts)).toBe(whole);
      expect(parts.every((part) => part.length <= 19_500 && part !== '')).toBe(true);
    }),
  );
});
