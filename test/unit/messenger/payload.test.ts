import fc from 'fast-check';
import { z } from 'zod';
import { createDocument } from 'zod-openapi';
import { RequestError } from '../../../src/kit/errors.ts';
import {
  conversationIdOf,
  eventSchema,
  type MessengerEvent,
  type MessengerEventType,
  parseWebhookBody,
  type ReceivedEvent,
  webhookBodySchema,
} from '../../../src/messenger/payload.ts';

const at = '2026-11-20T10:00:00.000Z';
const conversation = { id: 'c-1' };
const anna = { id: 'u-7', name: 'Anna' };
const renamed = { type: 'conversation.renamed', timestamp: at, data: { conversation: { id: 'c-1', name: 'Order 1' } } };

const parse = (body: unknown, webhookId = 'w-1'): ReceivedEvent[] =>
  parseWebhookBody(Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)), webhookId);

/** The only event of a body. */
const eventOf = (body: unknown): MessengerEvent => parse(body)[0]!.event;

function refusal(body: unknown, webhookId?: string): RequestError {
  try {
    parse(body, webhookId);
  } catch (error) {
    if (error instanceof RequestError) return error;
    throw error;
  }
  throw new Error('the body was accepted');
}

const pathsOf = (body: unknown): string[] => (refusal(body).extra.errors as { path: string }[]).map(({ path }) => path);

/** One full event of each type; the compiler knows when one is missing. */
const full: Record<MessengerEventType, object> = {
  'conversation.created': {
    conversation: {
      id: 'c-1',
      name: 'N',
      kind: 'group',
      url: 'https://m.example/c',
      avatarUrl: 'https://m.example/a.png',
      topic: 'T',
    },
    participants: [
      {
        ...anna,
        lastName: 'Berg',
        username: 'ab',
        avatarUrl: 'https://m.example/u.png',
        url: 'https://m.example/u',
        phone: '+49 1',
        email: 'a@b.c',
        gender: 'female',
      },
    ],
    lineId: 12,
  },
  'conversation.renamed': { conversation: { id: 'c-1', name: 'N' }, previousName: 'O' },
  'conversation.updated': {
    conversation: { id: 'c-1', url: 'http://m.example/c', avatarUrl: 'https://m.example/a', topic: '' },
  },
  'conversation.closed': { conversation },
  'conversation.migrated': { conversation, newId: 'c-2' },
  'participant.joined': { conversation, participant: anna },
  'participant.left': { conversation, participant: anna },
  'participant.updated': { conversation, participant: anna },
  'message.created': {
    conversation: { id: 'c-1', name: 'N', kind: 'direct' },
    sender: anna,
    message: {
      id: 'm-1',
      text: 'Hi',
      format: 'markdown',
      attachments: [{ url: 'https://m.example/f', name: 'f.pdf', mimeType: 'application/pdf', size: 0 }],
      replyToId: 'm-0',
    },
    fromOperator: true,
  },
  'message.edited': { conversation, sender: anna, message: { id: 'm-1', text: '', format: 'html' } },
  'message.deleted': { conversation, sender: anna, message: { id: 'm-1' } },
  'message.delivered': { message: { gatewayId: 'g-1', id: 'm-2', ids: ['m-2', 'm-3'] } },
  'message.read': { message: { gatewayId: 'g-1' } },
  'message.failed': { message: { gatewayId: 'g-1', error: 'blocked' } },
};
const types = Object.keys(full) as MessengerEventType[];

describe('an event', () => {
  it.each(types)('of type %s crosses with every member it may have', (type) => {
    const event = { type, timestamp: at, data: { ...full[type], sequence: 7 } };
    expect(parse(event)).toEqual([{ id: 'w-1', event }]);
  });

  it('is known by the webhook-id, not by an id in its body', () => {
    expect(parse({ ...renamed, id: 'other' })).toEqual([{ id: 'w-1', event: renamed }]);
  });

  it('loses the members we do not know', () => {
    const surplus = {
      ...renamed,
      extra: 1,
      data: { ...renamed.data, extra: [], conversation: { ...renamed.data.conversation, extra: {} } },
    };
    expect(eventOf(surplus)).toEqual(renamed);
  });

  it('of an unknown type is refused with the types there are', () => {
    const error = refusal({ ...renamed, type: 'conversation.exploded' });
    expect(error.code).toBe('invalid_request');
    const [fault] = error.extra.errors as { path: string; message: string }[];
    expect(fault!.path).toBe('/type');
    for (const type of types) expect(fault!.message).toContain(type);
    expect(JSON.stringify(error.extra) + error.message).not.toContain('exploded');
  });

  it.each([
    ['no type', { ...renamed, type: undefined }, '/type'],
    ['no timestamp', { ...renamed, timestamp: undefined }, '/timestamp'],
    ['no data', { ...renamed, data: undefined }, '/data'],
    ['no conversation', { ...renamed, data: {} }, '/data/conversation'],
    ['no name', { ...renamed, data: { conversation } }, '/data/conversation/name'],
    ['a number as a name', { ...renamed, data: { conversation: { id: 'c', name: 7 } } }, '/data/conversation/name'],
    ['a blank name', { ...renamed, data: { conversation: { id: 'c', name: ' \n' } } }, '/data/conversation/name'],
    [
      'a name of nothing that can be stored',
      { ...renamed, data: { conversation: { id: 'c', name: '\0' } } },
      '/data/conversation/name',
    ],
    ['a number as an id', { ...renamed, data: { conversation: { id: 7, name: 'N' } } }, '/data/conversation/id'],
    ['an empty id', { ...renamed, data: { conversation: { id: '', name: 'N' } } }, '/data/conversation/id'],
    [
      'an id of 256 characters',
      { ...renamed, data: { conversation: { id: 'x'.repeat(256), name: 'N' } } },
      '/data/conversation/id',
    ],
    ['an id with NUL', { ...renamed, data: { conversation: { id: 'c\0', name: 'N' } } }, '/data/conversation/id'],
    [
      'an id with half a character',
      { ...renamed, data: { conversation: { id: 'c\ud83d', name: 'N' } } },
      '/data/conversation/id',
    ],
    ['a null', { ...renamed, data: { conversation: null } }, '/data/conversation'],
    ['a sequence with a fraction', { ...renamed, data: { ...renamed.data, sequence: 1.5 } }, '/data/sequence'],
    [
      'an unknown kind',
      { type: 'conversation.created', timestamp: at, data: { conversation: { id: 'c', kind: 'channel' } } },
      '/data/conversation/kind',
    ],
    [
      'a script as an address',
      { type: 'conversation.updated', timestamp: at, data: { conversation: { id: 'c', url: 'javascript:alert(1)' } } },
      '/data/conversation/url',
    ],
    ['a line of 0', { type: 'conversation.created', timestamp: at, data: { conversation, lineId: 0 } }, '/data/lineId'],
    [
      'a line that is no number',
      { type: 'conversation.created', timestamp: at, data: { conversation, lineId: 'main' } },
      '/data/lineId',
    ],
    [
      'a line beyond the database',
      { type: 'conversation.created', timestamp: at, data: { conversation, lineId: 2 ** 31 } },
      '/data/lineId',
    ],
    [
      'a participant without id',
      { type: 'conversation.created', timestamp: at, data: { conversation, participants: [anna, {}] } },
      '/data/participants/1/id',
    ],
  ])('with %s is refused at its path', (_what, body, path) => {
    expect(refusal(body).code).toBe('invalid_request');
    expect(pathsOf(body)).toEqual([path]);
  });

  it('with several faults names them all', () => {
    expect(
      pathsOf({ type: 'conversation.renamed', timestamp: 'now', data: { conversation: {}, sequence: '1' } }),
    ).toEqual(['/timestamp', '/data/conversation/id', '/data/conversation/name', '/data/sequence']);
  });

  it('with thousands of faults is refused with the first ones', () => {
    const participants = Array.from({ length: 5000 }, () => 0);
    expect(pathsOf({ type: 'conversation.created', timestamp: at, data: { conversation, participants } })).toHaveLength(
      50,
    );
  });
});

describe('a timestamp', () => {
  it.each([
    ['2026-11-20T10:00:00Z', '2026-11-20T10:00:00.000Z'],
    ['2026-11-20T10:00:00+05:30', '2026-11-20T04:30:00.000Z'],
    ['2026-11-20T10:00:00.123456Z', '2026-11-20T10:00:00.123Z'],
    ['1970-01-01T00:00:00Z', '1970-01-01T00:00:00.000Z'],
    ['2024-02-29T00:00:00Z', '2024-02-29T00:00:00.000Z'],
  ])('%s is kept as %s', (timestamp, kept) => {
    expect(eventOf({ ...renamed, timestamp }).timestamp).toBe(kept);
  });

  it.each([
    '2026-11-20T10:00:00', // no offset
    '2026-11-20',
    '2026-02-30T10:00:00Z',
    '2023-02-29T00:00:00Z',
    '9999-12-31T23:59:59-23:59', // year 10000 in UTC
    '0000-01-01T00:00:00Z',
    '1795168800',
    '',
    1_795_168_800_000,
    null,
  ])('%j is refused', (timestamp) => {
    expect(pathsOf({ ...renamed, timestamp })).toEqual(['/timestamp']);
  });
});

describe('texts', () => {
  const nameOf = (name: string): unknown => eventOf({ ...renamed, data: { conversation: { id: 'c', name } } }).data;

  it('cross as they are, in any script', () => {
    const name = '  Заказ №1 · 注文 · طلب · 👩‍👩‍👧 ';
    expect(nameOf(name)).toEqual({ conversation: { id: 'c', name } });
  });

  it('lose what PostgreSQL cannot store', () => {
    expect(nameOf('a\0b\ud83dc\udc00')).toEqual({ conversation: { id: 'c', name: 'ab\uFFFDc\uFFFD' } });
  });

  it('in addresses lose it too', () => {
    const url = 'https://m.example/a\0b';
    const event = eventOf({ type: 'conversation.updated', timestamp: at, data: { conversation: { id: 'c', url } } });
    expect(event.data).toEqual({ conversation: { id: 'c', url: 'https://m.example/ab' } });
  });

  it('that are blank parts of a person are absent', () => {
    const event = eventOf({
      type: 'message.deleted',
      timestamp: at,
      data: { conversation, sender: { id: 'u', name: 'Anna', lastName: '', username: ' ' }, message: { id: 'm' } },
    });
    expect(event.data).toEqual({ conversation, sender: { id: 'u', name: 'Anna' }, message: { id: 'm' } });
  });
});

it('a line number written as text becomes a number', () => {
  const event = eventOf({ type: 'conversation.created', timestamp: at, data: { conversation, lineId: '107' } });
  expect(event.data).toEqual({ conversation, lineId: 107 });
});

describe('an array', () => {
  it('carries up to 100 events, each known by its own id', () => {
    const body = Array.from({ length: 100 }, (_, n) => ({ id: `e-${n}`, ...renamed }));
    const events = parse(body);
    expect(events).toHaveLength(100);
    expect(events[99]).toEqual({ id: 'e-99', event: renamed });
  });

  it.each([
    ['nothing', [], ['']],
    ['101 events', Array.from({ length: 101 }, (_, n) => ({ id: `e-${n}`, ...renamed })), ['']],
    ['half a million', Array.from({ length: 500_000 }, () => 0), ['']],
    ['an event without id', [{ id: 'a', ...renamed }, renamed], ['/1/id']],
    ['an event with an empty id', [{ ...renamed, id: '' }], ['/0/id']],
    ['an event with an id of 201 characters', [{ ...renamed, id: 'x'.repeat(201) }], ['/0/id']],
    ['an event with a NUL in its id', [{ ...renamed, id: 'x\0' }], ['/0/id']],
    ['something else', [{ id: 'a', ...renamed }, 1], ['/1', '/1']],
    ['an array', [[]], ['/0', '/0']],
    [
      'a fault deep inside',
      [
        { id: 'a', ...renamed },
        { id: 'b', ...renamed },
        { id: 'c', ...renamed, data: { conversation } },
      ],
      ['/2/data/conversation/name'],
    ],
  ])('of %s is refused', (_what, body, paths) => {
    expect(pathsOf(body)).toEqual(paths);
  });
});

describe('a body', () => {
  it.each(['', ' ', '{', '{"a":1}}', 'undefined', "{'a':1}", '[1,]', '\u{1F600}'])('%j is not JSON', (body) => {
    expect(refusal(body)).toMatchObject({ code: 'invalid_json', extra: {} });
  });

  it.each(['null', '1', '"text"', 'true'])('%s is no event', (body) => {
    expect(pathsOf(body)).toEqual(['']);
  });

  it('that is not UTF-8 is refused, so that two ids never become one', () => {
    const bytes = Buffer.from(JSON.stringify(renamed).replace('c-1', 'c-é'), 'latin1');
    expect(() => parseWebhookBody(bytes, 'w-1')).toThrow(expect.objectContaining({ code: 'invalid_json' }) as Error);
  });

  it('may begin with a byte order mark', () => {
    expect(eventOf(`\uFEFF${JSON.stringify(renamed)}`)).toEqual(renamed);
  });

  it('with __proto__ changes no prototype', () => {
    const event = eventOf(
      JSON.stringify(renamed)
        .replace('{', '{"__proto__":{"polluted":1},')
        .replace('"id"', '"__proto__":{"polluted":1},"id"'),
    );
    expect(event).toEqual(renamed);
    expect(Object.getPrototypeOf(event)).toBe(Object.prototype);
    expect(({} as { polluted?: number }).polluted).toBeUndefined();
  });

  it.each(['', 'x'.repeat(201)])('under an unusable webhook-id is refused', (webhookId) => {
    expect(refusal(renamed, webhookId)).toMatchObject({ code: 'invalid_request' });
  });

  it('under a webhook-id of 200 characters is accepted', () => {
    expect(parse(renamed, 'x'.repeat(200))[0]!.id).toHaveLength(200);
  });
});

describe('whatever is sent', () => {
  const outcome = (raw: Buffer): string => {
    try {
      return `accepted ${parseWebhookBody(raw, 'w').length}`;
    } catch (error) {
      if (error instanceof RequestError) return error.code;
      throw error;
    }
  };

  it('as bytes is refused, and nothing but a RequestError is thrown', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect(['invalid_json', 'invalid_request']).toContain(outcome(Buffer.from(bytes)));
      }),
    );
  });

  it('as JSON is refused, and nothing but a RequestError is thrown', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 6 }), (value) => {
        expect(outcome(Buffer.from(JSON.stringify(value)))).toBe('invalid_request');
      }),
    );
  });

  it('as an event with a member replaced is accepted or refused, never echoed', () => {
    const marker = 'offending-value';
    fc.assert(
      fc.property(fc.constantFrom(...types), fc.anything(), fc.nat(30), (type, value, position) => {
        const event = { type, timestamp: at, data: { ...full[type], sequence: 7 } };
        let seen = 0;
        const broken = JSON.stringify(event, (_key, inner: unknown) => {
          seen += 1;
          return seen === position + 2 ? [marker, typeof value] : inner;
        });
        try {
          parse(broken);
        } catch (error) {
          expect(error).toBeInstanceOf(RequestError);
          const { message, extra } = error as RequestError;
          expect(message + JSON.stringify(extra)).not.toContain(marker);
        }
      }),
    );
  });

  it('as texts of any code units crosses as texts that can be stored', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary', minLength: 1 }),
        fc.constantFrom('', '\0', '\ud800', '\udfff'),
        (some, odd) => {
          const text = `x${some}${odd}`;
          const event = eventOf({
            type: 'message.edited',
            timestamp: at,
            data: { conversation, sender: { id: 'u' }, message: { id: 'm', text } },
          });
          const kept = event.type === 'message.edited' ? event.data.message.text : '';
          expect(kept).not.toMatch(/\0|\p{Surrogate}/u);
          expect(kept.startsWith('x')).toBe(true);
          expect(eventOf(event)).toEqual(event);
        },
      ),
    );
  });
});

describe('conversationIdOf', () => {
  it.each(types)('of %s', (type) => {
    const event = eventOf({ type, timestamp: at, data: full[type] });
    const none = ['message.delivered', 'message.read', 'message.failed'].includes(type);
    expect(conversationIdOf(event)).toBe(none ? undefined : 'c-1');
  });
});

describe('the OpenAPI document made of the schemas', () => {
  const document = createDocument({
    openapi: '3.1.0',
    info: { title: 'test', version: '1' },
    paths: {
      '/webhooks/{messenger}': {
        post: { requestBody: { content: { 'application/json': { schema: webhookBodySchema } } }, responses: {} },
      },
    },
  });
  const schemas = (document.components?.schemas ?? {}) as Record<
    string,
    { description?: string; examples?: unknown[] }
  >;

  it('names one component per type, with the type as discriminator', () => {
    const { discriminator } = schemas.MessengerEvent as { discriminator?: { mapping: Record<string, string> } };
    expect(Object.keys(discriminator?.mapping ?? {}).sort()).toEqual([...types].sort());
    for (const ref of Object.values(discriminator?.mapping ?? {})) {
      expect(schemas[ref.split('/').pop()!]).toMatchObject({ description: expect.any(String) as string });
    }
  });

  it('has examples that are accepted', () => {
    const examples = Object.entries(schemas)
      .filter(([component]) => component.endsWith('Event') && component !== 'MessengerEvent')
      .map(([, schema]) => schema.examples?.[0]);
    expect(examples).toHaveLength(types.length);
    for (const example of examples) expect(parse(example)).toEqual([{ id: 'w-1', event: example }]);
  });

  it('agrees with the parser on the plain schema', () => {
    expect(z.safeParse(eventSchema, renamed)).toMatchObject({ success: true });
    expect(z.safeParse(webhookBodySchema, [{ id: 'a', ...renamed }])).toMatchObject({ success: true });
  });
});
