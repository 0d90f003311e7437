// Bitrix24 is written in PHP, and its idea of "empty" and "equal" shows in the answers (contract imconnector §1.5).

export type Params = Record<string, unknown>;

/** `empty()`: missing, null, "", "0", 0, false, []. A blank is not empty. */
export function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null || value === '' || value === '0' || value === 0 || value === false) {
    return true;
  }
  return typeof value === 'object' && Object.keys(value).length === 0;
}

/** `isset()`: there and not null. */
export function isSet(value: unknown): boolean {
  return value !== undefined && value !== null;
}

/** A PHP array: a JSON list or map. */
export function isArray(value: unknown): value is Params {
  return typeof value === 'object' && value !== null;
}

/** `(int)$value`. */
export function toInt(value: unknown): number {
  if (typeof value === 'boolean') return value ? 1 : 0;
  if (typeof value === 'number') return Math.trunc(value);
  if (typeof value !== 'string') return isEmpty(value) ? 0 : 1;
  const number = Number.parseInt(value, 10);
  return Number.isNaN(number) ? 0 : number;
}

/** `(string)$value`; an array becomes the word "Array", as it does there. */
export function toText(value: unknown): string {
  if (value === undefined || value === null || value === false) return '';
  if (value === true) return '1';
  if (typeof value === 'string') return value;
  return typeof value === 'number' || typeof value === 'bigint' ? String(value) : 'Array';
}

const NUMERIC = /^[ \t\n\r\v\f]*[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?[ \t\n\r\v\f]*$/;

/** `==` of two strings: two numeric strings are compared as numbers. */
export function looseEquals(left: string, right: string): boolean {
  if (NUMERIC.test(left) && NUMERIC.test(right)) return Number(left) === Number(right);
  return left === right;
}

/** A PHP array on its way to JSON: gap-free keys from 0 make a list, anything else an object, nothing a list. */
export function phpArray(entries: readonly (readonly [string, unknown])[]): unknown {
  if (entries.every(([key], index) => key === String(index))) return entries.map(([, value]) => value);
  return Object.fromEntries(entries);
}

/** The parameters but for some. */
export function without(params: Params, names: readonly string[]): Params {
  return Object.fromEntries(Object.entries(params).filter(([name]) => !names.includes(name)));
}

/** First level of keys in upper case; the later of two spellings wins. */
export function upperKeys(params: Params): Params {
  return Object.fromEntries(Object.entries(params).map(([key, value]) => [key.toUpperCase(), value]));
}

/** All keys at every depth, as `fold` writes them. */
export function foldKeysDeep(value: unknown, fold: (key: string) => string): unknown {
  if (Array.isArray(value)) return value.map((item) => foldKeysDeep(item, fold));
  if (!isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [fold(key), foldKeysDeep(item, fold)]));
}

/** First `length` characters, never half a character. */
export function cutText(text: string, length: number): string {
  return text.length <= length ? text : [...text].slice(0, length).join('');
}

/** `trim()`: a non-breaking space stays. */
export function phpTrim(text: string): string {
  return text.replace(/^[ \t\n\r\0\v]+|[ \t\n\r\0\v]+$/g, '');
}
