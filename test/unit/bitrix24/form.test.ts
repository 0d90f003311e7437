import fc from 'fast-check';
import { parseForm, type FormValue } from '../../../src/bitrix24/form.ts';
import type { RequestError } from '../../../src/kit/errors.ts';

/** How PHP writes a value as a form; empty lists and maps vanish. */
function encode(value: FormValue, name = ''): string[] {
  if (typeof value === 'string')
    return [`${encodeURIComponent(name)}=${encodeURIComponent(value).replaceAll('%20', '+')}`];
  return Object.entries(value).flatMap(([key, inner]) => encode(inner, name === '' ? key : `${name}[${key}]`));
}

const problem = (code: string): RequestError => expect.objectContaining({ code }) as RequestError;

test('names nest to any depth of events', () => {
  const raw = 'data[MESSAGES][0][message][files][0][name]=a.png&data[MESSAGES][0][message][files][0][size]=12';
  expect(parseForm(raw)).toEqual({ data: { MESSAGES: [{ message: { files: [{ name: 'a.png', size: '12' }] } }] } });
});

test('percent-encoding and pluses are decoded in names and values', () => {
  expect(parseForm('data%5Btext%5D=%5Bb%5DAnna%5B%2Fb%5D+1%2B1%26%3D2+%F0%9F%98%80')).toEqual({
    data: { text: '[b]Anna[/b] 1+1&=2 😀' },
  });
});

test('thirty items stay a list, in their order, whatever the order of the fields', () => {
  const fields = Array.from({ length: 30 }, (_, index) => `list[${index}]=${index}`).reverse();
  expect(parseForm(fields.join('&'))).toEqual({ list: Array.from({ length: 30 }, (_, index) => String(index)) });
});

test('a list with gaps is a map', () => {
  expect(parseForm('list[0]=a&list[2]=c')).toEqual({ list: { 0: 'a', 2: 'c' } });
  expect(parseForm('list[01]=a')).toEqual({ list: { '01': 'a' } });
});

test('scalars, appended items, empty values and repeated fields', () => {
  expect(parseForm('data=107&list[]=a&list[]=b&empty=&bare&twice=1&twice=2&&')).toEqual({
    data: '107',
    list: ['a', 'b'],
    empty: '',
    bare: '',
    twice: '2',
  });
  expect(parseForm('')).toEqual({});
});

test.each([
  ['half a name', 'a[b=1'],
  ['text behind a bracket', 'a[b]c=1'],
  ['no name', '=1'],
  ['a name of brackets only', '[a]=1'],
  ['broken encoding', 'a=%E0%A4'],
  ['text and map at once', 'a=1&a[b]=2'],
  ['map and text at once', 'a[b]=2&a=1'],
  ['thirteen levels', `a${'[b]'.repeat(12)}=1`],
  ['too many fields', Array.from({ length: 20_001 }, (_, index) => `f${index}=1`).join('&')],
  ['too long', `a=${'x'.repeat(2 * 1024 * 1024)}`],
  ['a way into prototypes', 'a[__proto__][polluted]=1'],
  ['a way into constructors', 'constructor[prototype][polluted]=1'],
])('malformed: %s', (_name, raw) => {
  expect(() => parseForm(raw)).toThrow(problem('invalid_request'));
  expect(({} as Record<string, unknown>).polluted).toBeUndefined();
});

test('twelve levels are read', () => {
  expect(JSON.stringify(parseForm(`a${'[b]'.repeat(11)}=1`))).toBe(`{"a":${'{"b":'.repeat(11)}"1"${'}'.repeat(12)}`);
});

test('whatever PHP encodes comes back', () => {
  const name = fc
    .stringMatching(/^[A-Za-z_][A-Za-z0-9_]{0,8}$/)
    .filter((text) => !['constructor', 'prototype', '__proto__'].includes(text));
  const { tree } = fc.letrec<{ tree: FormValue }>((tie) => ({
    tree: fc.oneof(
      { maxDepth: 5, depthIdentifier: 'form' },
      fc.string({ unit: 'grapheme' }),
      fc.array(tie('tree'), { minLength: 1, maxLength: 4, depthIdentifier: 'form' }),
      fc.dictionary(name, tie('tree'), { minKeys: 1, maxKeys: 4, noNullPrototype: true, depthIdentifier: 'form' }),
    ),
  }));
  const form = fc.dictionary(name, tree, { minKeys: 1, maxKeys: 4, noNullPrototype: true });
  fc.assert(fc.property(form, (value) => expect(parseForm(encode(value).join('&'))).toEqual(value)));
});

test('nothing but a RequestError leaves the parser', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom('a', '[', ']', '=', '&', '%', '0', '1', '+') }), (raw) => {
      try {
        parseForm(raw);
      } catch (error) {
        expect(error).toMatchObject({ code: 'invalid_request' });
      }
    }),
  );
});
