import { once } from 'node:events';
import { connect } from 'node:net';
import { gzipSync } from 'node:zlib';
import type { AxiosResponse } from 'axios';
import fc from 'fast-check';
import { Webhook } from 'standardwebhooks';
import { createMessengerWebhook, type WebhookMessenger } from '../../../src/http/messengerWebhook.ts';
import { RequestError } from '../../../src/kit/errors.ts';
import type { ReceivedEvent } from '../../../src/messenger/payload.ts';
import { createSecret, sign } from '../../../src/messenger/signature.ts';
import { type ProblemDocument, serve, type Site } from './serve.ts';

const NOW = Date.UTC(2026, 10, 20, 10);
const SECONDS = NOW / 1000;
const MIB = 1024 * 1024;
const secret = createSecret();
const oldSecret = createSecret();
const demo: WebhookMessenger = {
  id: 'm-1',
  slug: 'demo',
  gateId: 'g-1',
  preset: 'standard',
  secrets: [secret, oldSecret],
};
const renamed = {
  type: 'conversation.renamed',
  timestamp: '2026-11-20T10:00:00.000Z',
  data: { conversation: { id: 'c-1', name: 'Заказ 1042 👩‍🚀' } },
};

let site: Site;
let stored: { messenger: WebhookMessenger; events: ReceivedEvent[]; requestId: string }[] = [];
let asked: string[] = [];
/** Thrown by the storage while set. */
let outage: { find?: unknown; accept?: unknown } = {};

beforeAll(async () => {
  site = await serve((log) => [
    createMessengerWebhook({
      // Both throw at once or later, as the code of others does.
      async findMessenger(slug) {
        asked.push(slug);
        await Promise.resolve();
        if (outage.find) throw outage.find as Error;
        return slug === demo.slug ? demo : undefined;
      },
      accept(messenger, events, { requestId }) {
        if (outage.accept) throw outage.accept as Error;
        stored.push({ messenger, events, requestId });
        return Promise.resolve({ accepted: events.length - 1, duplicates: 1 });
      },
      clock: { now: () => NOW },
      log,
    }),
  ]);
});
afterAll(() => site.close());
beforeEach(() => {
  stored = [];
  asked = [];
  outage = {};
  site.lines.length = 0;
});

/** What an integrator reads at the default level. */
const written = () => site.lines.filter(({ level }) => level !== 'debug');

type Answer = AxiosResponse<ProblemDocument & { accepted?: number; duplicates?: number }>;
type Headers = Record<string, string | string[] | undefined>;

const bytesOf = (body: unknown): Buffer => (Buffer.isBuffer(body) ? body : Buffer.from(JSON.stringify(body)));

function headersFor(body: Buffer, id = 'w-1', timestamp = SECONDS): Headers {
  return {
    'content-type': 'application/json',
    'webhook-id': id,
    'webhook-timestamp': String(timestamp),
    'webhook-signature': sign({ id, timestamp, body, secret }),
  };
}

/** Signs `body` rightly, then lets `change` spoil the headers. `sent`: other bytes than those that were signed. */
function post(body: unknown, change: Headers = {}, sent?: Buffer, slug = 'demo'): Promise<Answer> {
  const bytes = bytesOf(body);
  const headers = Object.entries({ ...headersFor(bytes), ...change }).filter(([, value]) => value !== undefined);
  return site.http.post(`/webhooks/${slug}`, sent ?? bytes, {
    headers: Object.fromEntries(headers) as Record<string, string>,
    maxBodyLength: Infinity,
  });
}

function expectRefused(answer: Answer, status: number, code: string): void {
  expect({ status: answer.status, code: answer.data.code }).toEqual({ status, code });
  expect(answer.headers['content-type']).toBe('application/problem+json');
  expect(answer.data.requestId).toBe(answer.headers['x-request-id']);
  expect(stored).toEqual([]);
}

describe('202', () => {
  it('answers one signed event once it is stored, with the bytes of any script', async () => {
    const answer = await post(renamed, { 'x-request-id': 'r-1' });
    expect(answer.status).toBe(202);
    expect(answer.data).toEqual({ accepted: 0, duplicates: 1 });
    expect(stored).toEqual([{ messenger: demo, events: [{ id: 'w-1', event: renamed }], requestId: 'r-1' }]);
    expect(written()).toEqual([]);
  });

  it('answers what the reference implementation signed', async () => {
    const body = JSON.stringify(renamed);
    const signature = new Webhook(secret).sign('w-1', new Date(NOW), body);
    expect((await post(Buffer.from(body), { 'webhook-signature': signature })).status).toBe(202);
  });

  it('answers an array of 100 events, each known by its own id', async () => {
    const events = Array.from({ length: 100 }, (_, n) => ({ id: `e-${n}`, ...renamed }));
    expect((await post(events)).data).toEqual({ accepted: 99, duplicates: 1 });
    expect(stored[0]!.events.map(({ id }) => id)).toEqual(events.map(({ id }) => id));
  });

  it('answers a signature of the secret that is being rotated out, among others', async () => {
    const body = bytesOf(renamed);
    const signatures = ['v2,abc', 'v1,AAAA', sign({ id: 'w-1', timestamp: SECONDS, body, secret: oldSecret })].join(
      ' ',
    );
    expect((await post(renamed, { 'webhook-signature': signatures })).status).toBe(202);
  });

  it.each(['application/json; charset=utf-8', 'Application/JSON;charset="UTF-8"', 'application/json; profile=x'])(
    'answers the content type %s',
    async (type) => {
      expect((await post(renamed, { 'content-type': type })).status).toBe(202);
    },
  );

  it('answers a compressed body; its signature covers what was compressed', async () => {
    const answer = await post(renamed, { 'content-encoding': 'gzip' }, gzipSync(bytesOf(renamed)));
    expect(answer.status).toBe(202);
  });

  it.each([-300, 300])('answers a clock that is %d seconds off', async (seconds) => {
    expect((await post(renamed, headersFor(bytesOf(renamed), 'w-1', SECONDS + seconds))).status).toBe(202);
  });

  it('answers exactly 1 MiB', async () => {
    const short = bytesOf({ ...renamed, padding: '' });
    const body = bytesOf({ ...renamed, padding: 'x'.repeat(MIB - short.length) });
    expect(body).toHaveLength(MIB);
    expect((await post(body)).status).toBe(202);
  });
});

describe('400', () => {
  it('answers what is not JSON', async () => {
    expectRefused(await post(Buffer.from('{"type":')), 400, 'invalid_json');
  });

  it('answers a signed request without body', async () => {
    expectRefused(await post(Buffer.alloc(0)), 400, 'invalid_json');
  });

  it('names the path, and stores nothing of the whole array', async () => {
    const broken = { id: 'c', ...renamed, data: { conversation: { id: 'c-1', name: 7 } } };
    const answer = await post([{ id: 'a', ...renamed }, { id: 'b', ...renamed }, broken]);
    expectRefused(answer, 400, 'invalid_request');
    expect(answer.data.errors).toEqual([{ path: '/2/data/conversation/name', message: expect.any(String) as string }]);
  });

  it('answers a webhook-id of more than 200 characters', async () => {
    const body = bytesOf(renamed);
    expectRefused(await post(body, headersFor(body, 'x'.repeat(201))), 400, 'invalid_request');
    expect((await post(body, headersFor(body, 'x'.repeat(200)))).status).toBe(202);
  });

  it('answers a body that is not what its encoding says', async () => {
    expectRefused(await post(renamed, { 'content-encoding': 'gzip' }), 400, 'invalid_request');
  });
});

describe('401', () => {
  it.each(['webhook-id', 'webhook-timestamp', 'webhook-signature'])('answers a request without %s', async (name) => {
    expectRefused(await post(renamed, { [name]: undefined }), 401, 'invalid_signature');
  });

  it.each(['webhook-id', 'webhook-timestamp', 'webhook-signature'])('answers a %s that comes twice', async (name) => {
    const value = headersFor(bytesOf(renamed))[name] as string;
    expectRefused(await post(renamed, { [name]: [value, value] }), 401, 'invalid_signature');
  });

  it.each([
    [
      'another secret',
      { 'webhook-signature': sign({ id: 'w-1', timestamp: SECONDS, body: bytesOf(renamed), secret: createSecret() }) },
    ],
    ['another id', { 'webhook-id': 'w-2' }],
    ['a fresh timestamp', { 'webhook-timestamp': String(SECONDS + 1) }],
    ['no version', { 'webhook-signature': 'AAAA' }],
  ])('answers a forgery: %s', async (_what, change) => {
    expectRefused(await post(renamed, change), 401, 'invalid_signature');
  });

  it('answers a body changed on its way, even by a space', async () => {
    expectRefused(await post(renamed, {}, Buffer.from(`${JSON.stringify(renamed)} `)), 401, 'invalid_signature');
  });

  it.each([-301, 301, -86_400])('answers a rightly signed request seen again %d seconds away', async (seconds) => {
    const headers = headersFor(bytesOf(renamed), 'w-1', SECONDS + seconds);
    expectRefused(await post(renamed, headers), 401, 'signature_expired');
  });

  it('comes before anything about the body', async () => {
    expectRefused(await post(Buffer.from('{'), { 'webhook-id': 'other' }), 401, 'invalid_signature');
  });
});

describe('404', () => {
  it('answers an unknown messenger', async () => {
    expectRefused(await post(renamed, {}, undefined, 'nobody'), 404, 'unknown_messenger');
    expect(asked).toEqual(['nobody']);
  });

  it.each(['a%00b', 'x'.repeat(201)])('answers a name that the database cannot be asked for', async (slug) => {
    expectRefused(await post(renamed, {}, undefined, slug), 404, 'unknown_messenger');
    expect(asked).toEqual([]);
  });
});

describe('405', () => {
  it.each(['get', 'put', 'patch', 'delete', 'options'])('answers %s', async (method) => {
    const answer = await site.http.request<ProblemDocument>({ method, url: '/webhooks/demo' });
    expect(answer.status).toBe(405);
    expect(answer.headers.allow).toBe('POST');
    expect(asked).toEqual([]);
  });
});

describe('413', () => {
  it('answers one byte over 1 MiB, before the messenger is looked up', async () => {
    expectRefused(await post(Buffer.alloc(MIB + 1, ' ')), 413, 'payload_too_large');
    expect(asked).toEqual([]);
  });

  it('answers 200 MiB packed into a small body', async () => {
    const bomb = gzipSync(Buffer.alloc(200 * MIB));
    expect(bomb.length).toBeLessThan(MIB);
    expectRefused(await post(bomb, { 'content-encoding': 'gzip' }), 413, 'payload_too_large');
  });

  it('answers a body of unknown length that grows over the limit', async () => {
    const socket = connect(site.port, '127.0.0.1');
    socket.write('POST /webhooks/demo HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n');
    socket.write('Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n');
    for (let sent = 0; sent <= MIB; sent += 65_536) socket.write(`10000\r\n${'x'.repeat(65_536)}\r\n`);
    socket.end('0\r\n\r\n');
    let answer = '';
    socket.on('data', (chunk: Buffer) => (answer += chunk.toString()));
    await once(socket, 'close');
    expect(answer).toMatch(/^HTTP\/1\.1 413 /);
  });
});

describe('415', () => {
  it.each([
    'text/plain',
    'application/x-www-form-urlencoded',
    'application/cloudevents+json',
    'application/jsonp',
    'application/json; charset=utf-16',
    'application/json; charset=',
  ])('answers the content type %s', async (type) => {
    expectRefused(await post(renamed, { 'content-type': type }), 415, 'unsupported_media_type');
    expect(asked).toEqual([]);
  });

  it('answers an encoding nobody knows', async () => {
    expectRefused(await post(renamed, { 'content-encoding': 'rot13' }), 415, 'unsupported_media_type');
  });
});

describe('503', () => {
  it.each(['find', 'accept'] as const)('answers, with the time to come back, when %s fails', async (step) => {
    const error = new Error('connection to 10.0.0.1 refused');
    outage = { [step]: error };
    const answer = await post(renamed);
    expectRefused(answer, 503, 'not_stored');
    expect(answer.headers['retry-after']).toBe('5');
    expect(JSON.stringify(answer.data)).not.toContain('10.0.0.1');
    expect(written()).toEqual([
      {
        level: 'error',
        event: 'event.not_stored',
        fields: { requestId: answer.data.requestId, messenger: 'demo', error },
      },
    ]);
  });

  it('is not the answer when the storage says what is wrong with the request', async () => {
    outage = { accept: new RequestError('conflict') };
    expectRefused(await post(renamed), 409, 'conflict');
  });
});

describe('the log', () => {
  it('tells the integrator why a sender is refused, in one line', async () => {
    const { data } = await post(renamed, { 'webhook-id': 'w-2' });
    const fields = { requestId: data.requestId, messenger: 'demo', code: 'invalid_signature' };
    expect(written()).toEqual([{ level: 'info', event: 'event.refused', fields }]);
  });

  it('repeats no slug that could break a line', async () => {
    await post(renamed, {}, undefined, 'a%0Aerror%20forged');
    expect(written().map(({ fields }) => fields.messenger)).toEqual(['?']);
  });
});

it('a sender that hangs up half way leaves nothing behind', async () => {
  const socket = connect(site.port, '127.0.0.1');
  const headers = Object.entries(headersFor(bytesOf(renamed))).map(([name, value]) => `${name}: ${String(value)}`);
  const head = ['POST /webhooks/demo HTTP/1.1', 'Host: x', 'Content-Length: 500', ...headers].join('\r\n');
  await new Promise((resolve) => socket.write(`${head}\r\n\r\n{"type":`, resolve));
  socket.destroy();
  await once(socket, 'close');
  expect((await post(renamed)).status).toBe(202);
  expect(stored).toHaveLength(1);
});

it('whatever bytes are sent and signed, the answer is 202 or 400 and never a bug', async () => {
  const body = fc.oneof(
    fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
    fc.json().map((json) => Buffer.from(json)),
    fc.constant(bytesOf(renamed)),
  );
  await fc.assert(
    fc.asyncProperty(body, async (bytes) => {
      expect([202, 400]).toContain((await post(bytes)).status);
    }),
    { numRuns: 60 },
  );
  expect(site.lines.filter(({ level }) => level === 'error')).toEqual([]);
});
