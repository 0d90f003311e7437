import fc, { type Arbitrary } from 'fast-check';
import type { Operation, OpenApiDocument, Schema } from './contract.ts';

/** Requests made of the schemas of the OpenAPI document: some right, most of them wrong somewhere. */

export interface FuzzedRequest {
  /** With the query, percent-encoded. */
  url: string;
  headers: Record<string, string>;
  /** Undefined: none. */
  body: Buffer | undefined;
}

const HUGE = 'ы'.repeat(1_000);
const TEXTS = [
  '',
  ' ',
  '\0',
  'a\0b',
  '\ud800',
  '\udfffx',
  '\u202e',
  '👩‍👩‍👧‍👦',
  'İ',
  '%',
  '_',
  "'; drop table portal; --",
  HUGE,
];
const LIKE_NUMBERS = ['0', '-1', '1e3', '99999999999999999', '999999999999999999999999', '2147483648', '00', 'NaN'];
const NUMBERS = [0, -1, 1.5, 2 ** 31, 2 ** 53, -(2 ** 63), 1e308, Number.EPSILON];
const THINGS: readonly unknown[] = [null, true, false, [], {}, [[]], { $ne: 1 }, { toString: 1 }, { then: 'x' }];

export const oddText = (): Arbitrary<string> =>
  fc.oneof(fc.constantFrom(...TEXTS, ...LIKE_NUMBERS), fc.string({ unit: 'binary', maxLength: 40 }));
const number = fc.oneof(
  { weight: 9, arbitrary: fc.integer({ min: 1, max: 9 }) },
  { weight: 1, arbitrary: fc.maxSafeInteger() },
);
const odd = (): Arbitrary<unknown> =>
  fc.oneof(oddText(), fc.constantFrom<unknown>(...NUMBERS, ...THINGS), fc.jsonValue({ maxDepth: 2 }));

export interface Fuzz {
  of(operation: Operation): Arbitrary<FuzzedRequest>;
}

/**
 * `ids` of all that exists, by what comes before them in a path (`portals`) and by the members of bodies and queries
 * that hold them (`portalId`). Mostly they stand where they belong, and now and then where they do not.
 */
export function createFuzz(document: OpenApiDocument, ids: Readonly<Record<string, readonly string[]>>): Fuzz {
  const id = fc.constantFrom(...Object.values(ids).flat());
  const idOf = (place: string): Arbitrary<string> =>
    fc.oneof(
      { weight: ids[place] ? 5 : 0, arbitrary: fc.constantFrom(...(ids[place] ?? [''])) },
      { weight: 1, arbitrary: id },
    );

  /** Fits the schema, or nearly does. */
  function like(schema: Schema, depth = 0, name = ''): Arbitrary<unknown> {
    const {
      $ref,
      anyOf,
      oneOf,
      enum: words,
      const: only,
      examples,
      type,
      format,
      items,
    } = schema as {
      $ref?: string;
      anyOf?: Schema[];
      oneOf?: Schema[];
      enum?: unknown[];
      const?: unknown;
      examples?: unknown[];
      type?: string | string[];
      format?: string;
      items?: Schema;
    };
    if ($ref !== undefined) return like(document.components.schemas[$ref.split('/').at(-1)!]!, depth);
    if (ids[name]) return idOf(name);
    if (only !== undefined) return fc.constant(only);
    if (words) return fc.constantFrom(...words);
    if (examples?.length) return fc.constantFrom(...examples);
    if (anyOf ?? oneOf) return fc.oneof(...(anyOf ?? oneOf)!.map((one) => like(one, depth, name)));
    if (Array.isArray(type)) return fc.oneof(...type.map((one) => like({ ...schema, type: one }, depth, name)));
    if (format === 'uuid') return id;
    if (format === 'uri') return fc.constantFrom('https://chat.example.com/in', 'http://127.0.0.1:1/', 'https://x');
    if (format === 'date-time') return fc.constantFrom('2026-11-20T10:00:00Z', '0000-01-01T00:00:00Z');
    if (type === 'boolean') return fc.boolean();
    if (type === 'integer' || type === 'number') return number;
    if (type === 'array') return fc.array(mostly(items ?? {}, depth + 1), { maxLength: 3 });
    if (type === 'object') return depth > 4 ? fc.constant({}) : members(schema, depth);
    return fc.oneof(id, fc.string({ minLength: 1, maxLength: 20 }));
  }

  const mostly = (schema: Schema, depth: number, name = ''): Arbitrary<unknown> =>
    fc.oneof({ weight: 12, arbitrary: like(schema, depth, name) }, { weight: 1, arbitrary: odd() });

  function members(schema: Schema, depth: number): Arbitrary<unknown> {
    const { properties = {}, required = [] } = schema as { properties?: Record<string, Schema>; required?: string[] };
    const known = Object.entries(properties).map(([name, one]) => [name, mostly(one, depth + 1, name)] as const);
    const right = fc.record(Object.fromEntries(known), { requiredKeys: required });
    const short = fc.record(Object.fromEntries(known), { requiredKeys: [] });
    const more = fc.dictionary(fc.constantFrom('nobodyKnows', '__proto__', 'constructor', 'id', ''), odd(), {
      maxKeys: 1,
    });
    const wrong = fc.tuple(short, more).map(([one, other]) => ({ ...one, ...other }));
    return fc.oneof({ weight: 4, arbitrary: right }, { weight: 1, arbitrary: wrong });
  }

  function bodyOf({ body }: Operation): Arbitrary<Buffer | undefined> {
    const value = body ? fc.oneof({ weight: 8, arbitrary: like(body.schema) }, { weight: 1, arbitrary: odd() }) : odd();
    const text = value.map((one) => Buffer.from(JSON.stringify(one) ?? 'null'));
    const broken = fc.tuple(text, fc.nat(), fc.constantFrom(0x00, 0xff, 0xc0, 0x7b)).map(([whole, at, byte]) => {
      const bytes = Buffer.from(whole);
      bytes[at % bytes.length] = byte;
      return bytes;
    });
    const none = fc.constant(undefined);
    return body
      ? fc.oneof({ weight: 8, arbitrary: text }, { weight: 2, arbitrary: broken }, { weight: 1, arbitrary: none })
      : fc.oneof({ weight: 5, arbitrary: none }, { weight: 1, arbitrary: text });
  }

  /** A segment of its own: whatever it is, it must not become another path. */
  const segment = (place: string): Arbitrary<string> =>
    fc
      .oneof({ weight: 8, arbitrary: idOf(place) }, { weight: 1, arbitrary: oddText() })
      .map(encoded)
      .map((text) => (/^\.{0,2}$/.test(text) ? 'x' : text));

  function queryOf({ parameters }: Operation): Arbitrary<string> {
    const own = parameters.filter((one) => one.in === 'query');
    const known = own.map(({ name, schema }) =>
      fc
        .oneof({ weight: 2, arbitrary: like(schema, 0, name).map(String) }, { weight: 1, arbitrary: oddText() })
        .map((value) => `${name}=${encoded(value)}`),
    );
    const unknown = fc.constantFrom(
      '%00=1',
      '__proto__[x]=1',
      'limit[]=1',
      'a=%FF',
      'limit=1&limit=2',
      '%ED%A0%80=x',
      '&&=',
    );
    if (known.length === 0)
      return fc.oneof({ weight: 9, arbitrary: fc.constant('') }, { weight: 1, arbitrary: unknown });
    const some = fc.subarray(known, { maxLength: Math.min(3, known.length) }).chain((chosen) => fc.tuple(...chosen));
    return fc.oneof({ weight: 8, arbitrary: some.map((all) => all.join('&')) }, { weight: 1, arbitrary: unknown });
  }

  const headers = fc.record(
    {
      'content-type': fc.constantFrom(
        'application/json',
        'application/json; charset=utf-8',
        'application/json; charset=x',
      ),
      'idempotency-key': fc.constantFrom('k1', 'k2', ' ', 'x'.repeat(300)),
      'if-match': fc.constantFrom('*', '"x"', 'W/"x"', ',,', '"'),
      'if-none-match': fc.constantFrom('*', '"x"', 'W/', ''),
      'x-request-id': fc.constantFrom('r-1', 'a b', 'x'.repeat(500)),
    },
    { requiredKeys: ['content-type'] },
  );

  return {
    of(operation) {
      const holes = [...operation.path.matchAll(/(\w[\w-]*)\/(\{\w+\})/g)];
      const segments = fc.tuple(...holes.map(([, place]) => segment(place!)));
      return fc
        .tuple(segments, queryOf(operation), bodyOf(operation), fc.oneof(headers, fc.constant(JSON_ONLY)))
        .map(([filled, query, body, given]) => ({
          url:
            holes.reduce((path, [, , hole], n) => path.replace(hole!, () => filled[n]!), operation.path) +
            (query && `?${query}`),
          headers: body === undefined ? without(given, 'content-type') : given,
          body,
        }));
    },
  };
}

const JSON_ONLY: Record<string, string> = { 'content-type': 'application/json' };
const without = (headers: Record<string, string | undefined>, name: string): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).filter(([one]) => one !== name)) as Record<string, string>;

/** Half a character has no encoding: its bytes are sent as they would be. */
const encoded = (text: string): string =>
  [...text]
    .map((character) => (/\p{Surrogate}/u.test(character) ? '%ED%A0%80' : encodeURIComponent(character)))
    .join('');
