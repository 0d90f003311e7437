import { spawn, spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { chmod, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/db/embedded.ts';
import { applyMigrations } from '../../src/db/migrate.ts';
import { listenIn, type MessengerStandIn } from '../support/messengerStandIn.ts';
import { type Scene, startScene } from '../support/scene.ts';
import { until } from '../support/until.ts';

let home: string;
let server: EmbeddedPostgres;
let scene: Scene;
let messenger: MessengerStandIn;

beforeAll(async () => {
  home = await mkdtemp(path.join(tmpdir(), 'gateway-database-test-'));
  await chmod(home, 0o755);
  server = await startEmbeddedPostgres({ home, fast: true });
  const databaseUrl = await server.database('gateway');
  await applyMigrations(databaseUrl, path.resolve('prisma/migrations'));
  scene = await startScene({ databaseUrl });
  messenger = await listenIn(scene);
});
afterAll(async () => {
  await scene.close();
  await messenger.close();
  await server.stop();
  await rm(home, { recursive: true, force: true });
});

const texts = (id: string): string[] =>
  scene
    .dialogs(id)[0]
    ?.messages.filter(({ authorId }) => authorId !== 0)
    .map(({ text }) => text) ?? [];

test('while the database is gone webhooks are answered 503, and afterwards nothing is missing and nothing is doubled', async () => {
  await scene.say('c-1', 'm-0', 'Before', { name: 'Order 1' });
  await scene.conversation('c-1', ({ name }) => name.applied === 'Order 1');
  // Work that is under way when the database goes: the portal takes its time.
  scene.portal.faults.add({ match: { method: 'imconnector.send.messages', times: 1 }, effect: { delayMs: 1_500 } });
  await scene.say('c-1', 'm-1', 'Under way');
  await until(() => (scene.portal.faults.list()[0]?.struck ?? 1) === 1);
  const { port } = new URL(server.url('gateway'));
  await server.stop();

  const event = { conversation: { id: 'c-1' }, sender: { id: 'u-7' }, message: { id: 'm-2', text: 'Refused' } };
  const id = `evt_${randomUUID()}`;
  const refused = await scene.send('message.created', event, { id });
  expect(refused.status).toBe(503);
  expect(refused.headers['retry-after']).toBeDefined();
  expect(refused.data).toMatchObject({ code: 'not_stored' });
  await until(() => texts('c-1').length === 2);

  server = await startEmbeddedPostgres({ home, port: Number(port), fast: true });
  const accepted = await until(
    () => scene.send('message.created', event, { id }),
    ({ status }) => status === 202,
  );
  expect(accepted.data).toEqual({ accepted: 1, duplicates: 0 });
  await until(() => texts('c-1').length === 3, Boolean, { withinMs: 40_000 });
  await scene.idle();
  expect(texts('c-1')).toEqual(['Before', 'Under way', 'Refused']);
});

test('what an operator writes while the database is gone is delivered when it is back, without a restart', async () => {
  const { chatId = 0 } = scene.dialogs('c-1')[0] ?? {};
  const { port } = new URL(server.url('gateway'));
  await server.stop();
  scene.portal.operatorMessage(chatId, 27, { text: 'Nobody stored it' });
  await scene.portal.events.idle();
  server = await startEmbeddedPostgres({ home, port: Number(port), fast: true });
  const replies = (): string[] => messenger.of('operator.message.created').map(({ data }) => data.message.text);
  await until(
    () => scene.api.get<{ items: unknown[] }>('/runs'),
    ({ data }) => data.items?.length > 0,
  );
  await scene.passUntil(() => replies().includes('Nobody stored it'));
  expect(replies()).toEqual(['Nobody stored it']);
});

describe('two that begin at the same moment with a new home', () => {
  let begun: string;

  beforeAll(async () => {
    begun = await mkdtemp(path.join(tmpdir(), 'gateway-database-test-'));
    await chmod(begun, 0o755);
  });
  afterAll(() => rm(begun, { recursive: true, force: true }));

  test('share one server, also when a third one was killed while it started', async () => {
    const died = spawnSync(process.execPath, ['--version']).pid;
    await writeFile(path.join(begun, 'starting'), String(died));
    const servers = await Promise.all([1, 2].map(() => startEmbeddedPostgres({ home: begun, fast: true })));
    expect(servers[1]?.url('gateway')).toBe(servers[0]?.url('gateway'));
    await expect(servers[1]?.database('gateway')).resolves.toBe(servers[0]?.url('gateway'));
    await servers[0]?.stop();
    await expect(servers[1]?.database('other')).resolves.toBe(servers[0]?.url('other'));
    await servers[1]?.stop();
    await expect(servers[1]?.database('gone')).rejects.toThrow('ECONNREFUSED');
    expect(await readdir(begun)).not.toContain('starting');
  });

  test('a server that its file names and that does not answer is none', async () => {
    // As after a power cut: the number now belongs to somebody else of the same account.
    const { uid, gid } = await stat(path.join(begun, 'data'));
    const other = spawn('/bin/sleep', ['60'], { stdio: 'ignore', ...(process.getuid?.() === 0 ? { uid, gid } : {}) });
    try {
      const lines = [other.pid, path.join(begun, 'data'), 1_000, 1, '', '127.0.0.1', '', 'ready', ''];
      await writeFile(path.join(begun, 'data', 'postmaster.pid'), lines.join('\n'));
      const server = await startEmbeddedPostgres({ home: begun, fast: true });
      expect(new URL(server.url('gateway')).port).not.toBe('1');
      await server.stop();
    } finally {
      other.kill();
    }
  });

  test('a server that cannot start says why, and where more is to be read', async () => {
    const { port } = new URL(server.url('gateway'));
    const start = startEmbeddedPostgres({ home: begun, port: Number(port), fast: true });
    await expect(start).rejects.toThrow(/could not create any TCP\/IP sockets; its log is .*postgres\.log$/);
  });
});
