import http from 'node:http';
import { Readable } from 'node:stream';
import type { AxiosResponse } from 'axios';
import { createDialogAdoption } from '../../../src/bridge/importAdoption.ts';
import { createImportStoring } from '../../../src/bridge/importStoring.ts';
import { createRetention } from '../../../src/bridge/retention.ts';
import { silentLogger } from '../../../src/kit/logger.ts';
import { until } from '../../support/until.ts';
import { type AdminSite, createAdminSite, NOWHERE, problem } from './site.ts';

/** Storing alone: of conversations of a direct connector a portal need not be asked. */

interface RunView {
  id: string;
  state: string;
  lastError: string | null;
  progress: { total: number; checked: number; found: number };
  counts: Record<string, number>;
  findings: { finding: string; detail: { line: number; field: string | null; problem: string } }[];
}

let site: AdminSite;
let way: Awaited<ReturnType<AdminSite['addChannel']>>;
beforeAll(async () => {
  site = await createAdminSite();
  way = await site.addChannel({ kind: 'direct' });
  const clock = { now: () => site.time.now };
  const call = () => Promise.reject(new Error('no portal is asked'));
  const portals = { of: () => call, packed: () => call, live: () => Promise.resolve(call), forget() {} };
  const deps = { db: site.db, portals, clock, log: silentLogger };
  site.startWorker({ importConversations: createImportStoring(deps), adoptDialogs: createDialogAdoption(deps) });
});
afterAll(() => site.close());

const CSV = 'text/csv';
const NDJSON = 'application/x-ndjson';
const ndjson = (...rows: unknown[]): string => rows.map((row) => JSON.stringify(row)).join('\n');
/** Every test maps ids of its own. */
let serial = 0;
const fresh = (): string => `c-${++serial}`;

function send(
  body: string | Buffer | Readable,
  { type = CSV, params = {}, headers = {} }: { type?: string; params?: object; headers?: object } = {},
): Promise<AxiosResponse<RunView>> {
  const query = { channelId: way.channelId, ...params };
  return site.as.write.post('/conversations/import', body, {
    params: query,
    headers: { 'content-type': type, ...headers },
  });
}

async function finished({ status, data }: AxiosResponse<RunView>): Promise<RunView> {
  expect([status, data]).toEqual([202, expect.objectContaining({ kind: 'importConversations', portalId: null })]);
  const read = async (): Promise<RunView> => (await site.as.read.get<RunView>(`/runs/${data.id}`)).data;
  return until(read, ({ state }) => state === 'done' || state === 'failed');
}

const stored = (externalId: string) => site.db.prisma.conversation.findFirst({ where: { externalId } });
const waiting = () => site.db.prisma.importLine.count();

describe('what is read', () => {
  it.each([
    ['CSV with a comma', (a: string, b: string) => `externalId,name\n${a},Anna\n${b},Berta\n`],
    [
      'CSV with a semicolon, as spreadsheets write it',
      (a: string, b: string) => `externalId;name\n${a};Anna\n${b};Berta`,
    ],
    ['CSV with a tab', (a: string, b: string) => `externalId\tname\n${a}\tAnna\n${b}\tBerta`],
    ['CSV with other line ends', (a: string, b: string) => `externalId,name\r\n${a},Anna\r\n\r\n${b},Berta\r\n`],
    ['CSV with a mark of the byte order', (a: string, b: string) => `\uFEFFexternalId,name\n${a},Anna\n${b},Berta\n`],
    [
      'CSV with its columns in another order',
      (a: string, b: string) => `name,kind,externalId\nAnna,,${a}\nBerta,,${b}`,
    ],
  ])('%s', async (_, text) => {
    const [a, b] = [fresh(), fresh()];
    const run = await finished(await send(text(a, b)));
    expect(run).toMatchObject({ progress: { total: 2, checked: 2, found: 0 }, counts: { created: 2, failed: 0 } });
    expect([(await stored(a))?.wantedName, (await stored(b))?.wantedName]).toEqual(['Anna', 'Berta']);
  });

  it('CSV with quotes: commas, quotes and line ends inside a field', async () => {
    const id = fresh();
    await finished(await send(`externalId,name\n${id},"Order 1042, ""urgent""\nAnna"\n`));
    expect((await stored(id))?.wantedName).toBe('Order 1042, "urgent" Anna');
  });

  it('NDJSON, with a mark, blank lines, other line ends, nulls, and pieces cut anywhere', async () => {
    const ids = [fresh(), fresh(), fresh()];
    const rows = ids.map((externalId) => JSON.stringify({ externalId, name: 'Ольга 👩‍🚀', kind: null }));
    const bytes = Buffer.from(`\uFEFF${rows.join('\r\n\r\n')}`);
    const pieces = Array.from({ length: Math.ceil(bytes.length / 7) }, (_, n) => bytes.subarray(n * 7, n * 7 + 7));
    const run = await finished(await send(Readable.from(pieces), { type: NDJSON }));
    expect(run.counts).toMatchObject({ created: 3, failed: 0 });
    for (const id of ids) expect((await stored(id))?.wantedName).toBe('Ольга 👩‍🚀');
  });
});

describe('a line that cannot be stored is a finding, and spoils no other', () => {
  const long = 'x'.repeat(1_001);
  it.each<[string, (id: string) => [string, string], object]>([
    ['not JSON', (id) => [NDJSON, `{"externalId":\n${ndjson({ externalId: id })}`], { line: 1, field: null }],
    ['no object', (id) => [NDJSON, `[1]\n${ndjson({ externalId: id })}`], { line: 1, field: null }],
    ['an unknown member', (id) => [NDJSON, ndjson({ externalId: 'x', nmae: 'A' }, { externalId: id })], { line: 1 }],
    [
      'a name of the wrong type',
      (id) => [NDJSON, ndjson({ externalId: id }, { externalId: 'x', name: 7 })],
      { line: 2, field: 'name' },
    ],
    ['a name that is too long', (id) => [CSV, `externalId,name\nx,${long}\n${id},`], { line: 2, field: 'name' }],
    [
      'no id',
      (id) => [CSV, `externalId,name\n,Anna\n${id},`],
      { line: 2, field: 'externalId', problem: 'Invalid input: is missing' },
    ],
    [
      'an id that is too long',
      (id) => [CSV, `externalId\n${'x'.repeat(256)}\n${id}`],
      { line: 2, field: 'externalId' },
    ],
    ['a kind there is none of', (id) => [CSV, `externalId,kind\n${id},\nx,channel`], { line: 3, field: 'kind' }],
    [
      'a chat that is no number',
      (id) => [CSV, `externalId,chatId\n${id},\nx,chat7`],
      { line: 3, field: 'chatId', problem: 'Invalid input: expected the number of a chat' },
    ],
    ['more fields than the header', (id) => [CSV, `externalId,name\nx,Berg, Anna\n${id},`], { line: 2, field: null }],
    [
      'a line without an end',
      (id) => [NDJSON, `${'x'.repeat(70_000)}\n${ndjson({ externalId: id })}`],
      { line: 1, field: null },
    ],
    ['a channel that is no id', (id) => [CSV, `externalId,channelId\nx,main\n${id},`], { line: 2, field: 'channelId' }],
  ])('%s', async (_, body, detail) => {
    const id = fresh();
    const [type, text] = body(id);
    const run = await finished(await send(text, { type }));
    expect(run).toMatchObject({ progress: { total: 2, checked: 2, found: 1 }, counts: { created: 1, failed: 1 } });
    expect(run.findings).toMatchObject([{ finding: 'invalid', conversationId: null, detail }]);
    expect(await stored(id)).not.toBeNull();
  });

  it('no channel, neither in the line nor in the request', async () => {
    const run = await finished(
      await send(ndjson({ externalId: fresh() }), { type: NDJSON, params: { channelId: undefined } }),
    );
    expect(run.findings).toMatchObject([{ finding: 'invalid', detail: { line: 1, field: 'channelId' } }]);
  });

  it('channels that are not there, ids that come twice, and what other channels have', async () => {
    const other = await site.addChannel({ kind: 'direct' });
    const [taken, twice, migrated] = [fresh(), fresh(), fresh()];
    const sameMessenger = await site.db.prisma.channel.create({
      data: { portalId: other.portalId, messengerId: way.messengerId, connectorId: other.connectorId, lineId: 9 },
    });
    const make = (externalId: string, more: object = {}) =>
      site.db.prisma.conversation.create({
        data: {
          channelId: way.channelId,
          messengerId: way.messengerId,
          externalId,
          dialogKey: externalId,
          kind: 'direct',
          ...more,
        },
      });
    await make(taken);
    await make(fresh(), { previousIds: [migrated] });
    const gone = await site.addChannel({ kind: 'direct' });
    await site.db.prisma.portal.update({ where: { id: gone.portalId }, data: { uninstalledAt: new Date() } });
    const rows = [
      { externalId: 'nowhere', channelId: NOWHERE },
      { externalId: twice },
      { externalId: twice, name: 'Again' },
      { externalId: twice, channelId: other.channelId },
      { externalId: taken, channelId: sameMessenger.id },
      { externalId: migrated },
      { externalId: 'late', channelId: gone.channelId },
    ];
    const run = await finished(await send(ndjson(...rows), { type: NDJSON }));
    expect(run.findings.map(({ finding, detail: { line, field } }) => [line, finding, field])).toEqual([
      [1, 'unknown_channel', 'channelId'],
      [3, 'duplicate', 'externalId'],
      [5, 'mapped_elsewhere', 'channelId'],
      [6, 'migrated', 'externalId'],
      [7, 'portal_uninstalled', 'channelId'],
    ]);
    // The same id in another messenger is another conversation.
    expect(run.counts).toMatchObject({ created: 2, failed: 5 });
    expect((await stored(twice))?.wantedName).toBeNull();
  });
});

describe('a file that cannot be read is refused as a whole, and leaves nothing', () => {
  const many = Array.from({ length: 5_000 }, (_, n) => `refused-${n},Name\n`).join('');
  it.each<[string, Buffer | string, string, { line?: number; says?: RegExp }]>([
    ['empty', '', CSV, {}],
    ['blank lines only', '\n\r\n  \n', NDJSON, {}],
    ['a header only', 'externalId,name\n', CSV, {}],
    ['no header', 'c-1,Anna\n', CSV, { line: 1, says: /header/ }],
    ['a header without the id', 'name,kind\nAnna,\n', CSV, { line: 1, says: /externalId/ }],
    ['an unknown column', 'externalId,title\nc-1,Anna\n', CSV, { line: 1, says: /column 2 .* not known/ }],
    ['a column twice', 'externalId,name,name\nc-1,A,B\n', CSV, { line: 1, says: /twice/ }],
    ['a quote that is never closed', `externalId,name\nc-1,"Anna\nc-2,Berta\n`, CSV, { says: /never closed/ }],
    ['a quote inside a field', `externalId,name\nc-1,Anna "B"\n`, CSV, { line: 2, says: /quote/ }],
    ['a quote left open in a large file', `externalId,name\n"${many}`, CSV, { says: /quote/ }],
    [
      'another encoding',
      Buffer.from([...Buffer.from('externalId,name\nc-1,'), 0xce, 0x20, 0xe3]),
      CSV,
      { line: 2, says: /UTF-8/ },
    ],
    ['UTF-16', Buffer.from('\uFEFFexternalId\nc-1', 'utf16le'), CSV, { line: 1, says: /UTF-8/ }],
    [
      'a character cut off at the end',
      Buffer.from('{"externalId":"Ä"}').subarray(0, 16),
      NDJSON,
      { line: 1, says: /UTF-8/ },
    ],
    [
      'another encoding behind thousands of good lines',
      Buffer.concat([Buffer.from(`externalId,name\n${many}x,`), Buffer.from([0xff])]),
      CSV,
      { line: 5_002, says: /UTF-8/ },
    ],
  ])('%s', async (_, body, type, { line, says = /./ }) => {
    const runs = await site.db.prisma.run.count();
    const answer = await send(body, { type });
    const { code, detail, errors } = problem(answer);
    expect([answer.status, code]).toEqual([400, 'invalid_request']);
    expect(detail).toMatch(says);
    if (line !== undefined) expect(errors?.[0]?.path).toBe(`/line/${line}`);
    expect([await site.db.prisma.run.count(), await waiting()]).toEqual([runs, 0]);
    expect(await stored('refused-0')).toBeNull();
  });

  it.each([
    ['another type', { type: 'application/json' }],
    ['another charset', { type: 'text/csv; charset=windows-1251' }],
    ['compressed', { headers: { 'content-encoding': 'gzip' } }],
  ])('%s', async (_, options) => {
    const answer = await send('externalId\nc-1', options);
    expect([answer.status, problem(answer).code]).toEqual([415, 'unsupported_media_type']);
  });

  it('more bytes than an import may have', async () => {
    const piece = Buffer.alloc(1024 * 1024, 'x');
    const endless = Readable.from(
      (function* () {
        for (let n = 0; n < 300; n++) yield piece;
      })(),
    );
    const answer = await send(endless, { type: NDJSON });
    expect([answer.status, problem(answer).code]).toEqual([413, 'payload_too_large']);
  });

  it('without the right to write', async () => {
    const answer = await site.as.read.post('/conversations/import', 'externalId\nc', {
      headers: { 'content-type': CSV },
    });
    expect(answer.status).toBe(403);
  });
});

describe('an upload that breaks in the middle', () => {
  const lines = (from: number, count: number): string =>
    Array.from({ length: count }, (_, n) => `{"externalId":"broken-${from + n}"}\n`).join('');

  async function breakOff(): Promise<void> {
    const url = `${site.as.write.defaults.baseURL}/conversations/import?channelId=${way.channelId}`;
    const headers = { authorization: 'Bearer key-write', 'content-type': NDJSON };
    const request = http.request(url, { method: 'POST', headers });
    const closed = new Promise((resolve) => request.on('error', () => undefined).on('close', resolve));
    request.write(lines(0, 3_000));
    await until(waiting, (count) => count > 0);
    request.destroy();
    await closed;
  }

  it('imports nothing, and shows as a run that failed', async () => {
    await breakOff();
    const list = async () =>
      (await site.as.read.get<{ items: RunView[] }>('/runs', { params: { state: 'failed' } })).data;
    const { items } = await until(list, (answer) => answer.items.length > 0);
    expect(items[0]).toMatchObject({ lastError: 'upload_broken' });
    await until(waiting, (count) => count === 0);
    expect(await stored('broken-0')).toBeNull();
  });

  it('is closed by the daily round where the process died with it', async () => {
    const createdAt = new Date(site.time.now - 2 * 3_600_000);
    const run = await site.db.prisma.run.create({
      data: { kind: 'importConversations', state: 'uploading', total: 1, createdAt },
    });
    const line = { runId: run.id, line: 1, externalId: 'x', dialogKey: 'x', conversationId: NOWHERE };
    await site.db.prisma.importLine.create({ data: line });
    const clock = { now: () => site.time.now };
    const forgotten = await createRetention({ db: site.db, clock, log: silentLogger }).prune();
    expect(forgotten).toMatchObject({ brokenUploads: 1 });
    expect(await waiting()).toBe(0);
    const { data } = await site.as.read.get<RunView>(`/runs/${run.id}`);
    expect(data).toMatchObject({ state: 'failed', lastError: 'upload_broken' });
  });
});

describe('what is there already', () => {
  it('the same file again changes nothing; another name is taken over, unless it is locked or newer', async () => {
    const [plain, locked, newer] = [fresh(), fresh(), fresh()];
    const file = (name: string): string =>
      `externalId,name,externalUserId\n${plain},${name},u-1\n${locked},${name},\n${newer},${name},\n`;
    expect((await finished(await send(file('Anna')))).counts).toMatchObject({ created: 3 });
    expect((await finished(await send(file('Anna')))).counts).toMatchObject({ created: 0, unchanged: 3, updated: 0 });
    const where = (externalId: string) => ({ messengerId_externalId: { messengerId: way.messengerId, externalId } });
    await site.db.prisma.conversation.update({ where: where(locked), data: { nameLocked: true } });
    const wantedNameAt = new Date(site.time.now + 60_000);
    await site.db.prisma.conversation.update({ where: where(newer), data: { wantedNameAt } });
    const foreseen = await finished(await send(file('Berta'), { params: { dryRun: true } }));
    expect((await stored(plain))?.wantedName).toBe('Anna');
    const real = await finished(await send(file('Berta')));
    expect(real.counts).toMatchObject({ created: 0, updated: 1, unchanged: 2 });
    expect(foreseen.counts).toEqual(real.counts);
    expect(await stored(plain)).toMatchObject({ wantedName: 'Berta', externalUserId: 'u-1' });
    expect([(await stored(locked))?.wantedName, (await stored(newer))?.wantedName]).toEqual(['Anna', 'Anna']);
  });

  it('a dry run counts and lists the same, and changes nothing', async () => {
    const ids = [fresh(), fresh()];
    const body = `externalId,kind\n${ids.join(',\n')},\nx,channel\n`;
    const dry = await finished(await send(body, { params: { dryRun: true } }));
    expect(dry).toMatchObject({ dryRun: true, counts: { created: 2, failed: 1 } });
    expect(await stored(ids[0]!)).toBeNull();
    const real = await finished(await send(body));
    expect([real.counts, real.findings]).toEqual([dry.counts, dry.findings]);
  });

  it('the same upload under one Idempotency-Key is one run', async () => {
    const headers = { 'idempotency-key': fresh() };
    const body = `externalId\n${fresh()}\n`;
    const [first, again] = [await send(body, { headers }), await send(body, { headers })];
    expect([again.data.id, again.headers['idempotency-replayed']]).toEqual([first.data.id, 'true']);
    expect((await send(`${body}${fresh()}`, { headers })).status).toBe(422);
    await finished(first);
  });
});

it('thousands of findings are counted all, and read in pages', async () => {
  const body = Array.from({ length: 12_000 }, () => '{}\n').join('');
  const run = await finished(await send(body, { type: NDJSON }));
  expect(run.progress).toMatchObject({ total: 12_000, checked: 12_000, found: 12_000 });
  expect(run.findings).toHaveLength(1_000);
  interface Page {
    items: { detail: { line: number } }[];
    nextCursor: string | null;
  }
  const seen: number[] = [];
  for (let cursor: string | undefined; ;) {
    const { data } = await site.as.read.get<Page>(`/runs/${run.id}/findings`, { params: { limit: 200, cursor } });
    seen.push(...data.items.map(({ detail }) => detail.line));
    if (data.nextCursor === null) break;
    cursor = data.nextCursor;
  }
  expect(seen).toEqual(Array.from({ length: 10_000 }, (_, n) => n + 1));
  expect((await site.as.read.get(`/runs/${NOWHERE}/findings`)).status).toBe(404);
  expect(await waiting()).toBe(0);
});
