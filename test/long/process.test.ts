import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeAll, afterAll, expect, test } from '@jest/globals';
import axios from 'axios';
import { type Demo, demoFile } from '../../src/sandboxMode.ts';
import { until } from '../support/until.ts';

const run = promisify(execFile);

/** One real process of the gateway, as `npm start` starts it. */
interface Started {
  child: ChildProcess;
  /** Everything it printed so far. */
  output(): string;
  ready(): Promise<void>;
}

let dataDir: string;
const children: ChildProcess[] = [];

beforeAll(async () => {
  dataDir = await mkdtemp(path.join(tmpdir(), 'gateway-process-test-'));
  // The account PostgreSQL runs as has to enter it where the tests run as root.
  await chmod(dataDir, 0o755);
});
afterEach(async () => {
  for (const child of children.splice(0)) await stop(child, 'SIGTERM');
});
afterAll(() => rm(dataDir, { recursive: true, force: true }));

function start(env: Record<string, string> = {}): Started {
  const child = spawn(process.execPath, ['--import', 'tsx', 'src/main.ts'], {
    env: { PATH: process.env.PATH, HOME: process.env.HOME, DATA_DIR: dataDir, PORT: '0', LOG_FORMAT: 'json', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  children.push(child);
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
  return {
    child,
    output: () => output,
    async ready() {
      await until(() => /is ready[\s\S]*npm run demo/.test(output) || child.exitCode !== null, Boolean, {
        withinMs: 30_000,
      });
      if (child.exitCode !== null) throw new Error(output);
    },
  };
}

async function stop(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
  child.kill(signal);
  await once(child, 'exit');
  return child.exitCode;
}

const demo = async (): Promise<Demo> => JSON.parse(await readFile(demoFile(dataDir), 'utf8')) as Demo;

/** The command a person is shown, run as they would. */
async function pasteCurl(output: string): Promise<string> {
  const [command = ''] = /^curl -X POST[\s\S]*?\}'$/m.exec(output) ?? [];
  return (await run('sh', ['-c', command])).stdout;
}

interface State {
  dialogs: { title: string; messages: { authorId: number }[] }[];
  companions: { title: string }[];
}

const state = async (): Promise<State> => (await axios.get<State>(`${(await demo()).controlUrl}/state`)).data;

test('the first start shows an admin key and a command; pasted, it makes a named dialog and a companion', async () => {
  const gateway = start();
  await gateway.ready();
  const [, key = ''] = /(ocg_[\w-]+)\n/.exec(gateway.output()) ?? [];
  const { gatewayUrl } = await demo();
  const headers = { authorization: `Bearer ${key}` };
  expect((await axios.get(`${gatewayUrl}/admin/v1/portals`, { headers })).status).toBe(200);
  expect(JSON.parse(await pasteCurl(gateway.output()))).toEqual({ accepted: 1, duplicates: 0 });
  const shown = await until(
    state,
    ({ dialogs, companions }) => dialogs[0]?.title === 'Order 1042, Anna' && companions.length === 1,
  );
  expect(shown.companions).toMatchObject([{ title: 'Order 1042, Anna' }]);
  expect(await stop(gateway.child, 'SIGINT')).toBe(0);
  expect(gateway.output()).toContain('gateway.stopped');
  expect(gateway.output()).not.toMatch(/Warning|UnhandledPromise/);
});

test('a second start keeps the data, shows no key again, and goes on with the same portal', async () => {
  const gateway = start();
  await gateway.ready();
  expect(gateway.output()).not.toContain('administration key');
  expect((await state()).dialogs).toMatchObject([{ title: 'Order 1042, Anna' }]);
  await pasteCurl(gateway.output());
  await until(state, ({ dialogs }) => dialogs[0]?.messages.filter(({ authorId }) => authorId !== 0).length === 2);
  expect((await state()).dialogs).toHaveLength(1);
});

test('a second process on the same data does not start, and leaves the portal to the first one', async () => {
  const first = start();
  await first.ready();
  const { portalUrl } = await demo();
  const second = start();
  await once(second.child, 'exit');
  expect(second.child.exitCode).toBe(1);
  expect(second.output()).toMatch(/did not start\. Another gateway .*DATA_DIR/);
  expect((await demo()).portalUrl).toBe(portalUrl);
  await pasteCurl(first.output());
  await until(state, ({ dialogs }) => dialogs[0]?.messages.filter(({ authorId }) => authorId !== 0).length === 3);
});

test('after kill -9 it starts again and goes on', async () => {
  const killed = start();
  await killed.ready();
  await pasteCurl(killed.output());
  await stop(killed.child, 'SIGKILL');
  const gateway = start();
  await gateway.ready();
  await until(state, ({ dialogs }) => dialogs[0]?.messages.filter(({ authorId }) => authorId !== 0).length === 4, {
    withinMs: 40_000,
  });
  expect(await stop(gateway.child, 'SIGTERM')).toBe(0);
});

test('a database that does not answer is named with its setting, and without its password', async () => {
  const gateway = start({ DATABASE_URL: 'postgresql://gateway:secret@127.0.0.1:1/gateway' });
  await once(gateway.child, 'exit');
  expect(gateway.child.exitCode).toBe(1);
  expect(gateway.output()).toMatch(/did not start\. The database does not answer .*DATABASE_URL/);
  expect(gateway.output()).not.toContain('secret');
});

test('wrong settings stop the start with one message that names every one of them, and no value', async () => {
  const gateway = start({ PORT: 'http', LOG_LEVEL: 'loud', BITRIX24_CLIENT_ID: 'local.secret' });
  await once(gateway.child, 'exit');
  expect(gateway.child.exitCode).toBe(1);
  for (const key of ['PORT', 'LOG_LEVEL', 'BITRIX24_CLIENT_SECRET', 'ENCRYPTION_KEY']) {
    expect(gateway.output()).toContain(key);
  }
  expect(gateway.output()).not.toMatch(/loud|local\.secret/);
});
