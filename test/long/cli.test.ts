import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { bindings } from '../../src/sandbox/events/bindings.ts';
import { ADMIN_KEY } from '../support/gatewayEnv.ts';
import { type Scene, startScene } from '../support/scene.ts';

/** The command line as a process of its own, against a running gateway. */

const bin = path.resolve('bin/gateway.mjs');

let scene: Scene;
let home: string;
beforeAll(async () => {
  scene = await startScene();
  home = await mkdtemp(path.join(tmpdir(), 'gateway-cli-'));
});
afterAll(async () => {
  await scene.close();
  await rm(home, { recursive: true, force: true });
});

interface Ended {
  code: number;
  out: string;
  err: string;
}

function cli(args: string[], env: Record<string, string> = {}): Promise<Ended> {
  const own = { PATH: process.env.PATH, GATEWAY_URL: scene.gateway.publicUrl, ADMIN_API_KEY: ADMIN_KEY, ...env };
  return new Promise((resolve) => {
    execFile(process.execPath, [bin, ...args], { env: own, cwd: home }, (error, out, err) =>
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, out, err }),
    );
  });
}
const json = <T>({ out }: Ended): T => JSON.parse(out) as T;

test('status shows health, portals and jobs, without colours where nobody looks on', async () => {
  const { code, out } = await cli(['status']);
  expect(code).toBe(0);
  expect(out).toContain(`Gateway  ${scene.gateway.publicUrl}  ok`);
  expect(out).toMatch(new RegExp(`${scene.portalId} +\\S+ +active`));
  expect(out).toMatch(/WAITING +RUNNING +PARKED +DEAD\n0 +0 +0 +0\n/);
  expect(out).not.toContain('\u001b');
});

test('import streams a file, waits for the run, lists errors by line, and ends with 1 where lines failed', async () => {
  await scene.say('known', 'm-1', 'Hello');
  await scene.idle();
  const file = path.join(home, 'mappings.csv');
  await writeFile(file, 'externalId,name,kind\nc-1,Anna,\nc-2,Berta,room\nknown,Cora,\n');
  const dry = await cli(['import', file, '--channel', scene.channelId, '--dry-run']);
  expect([dry.code, dry.out]).toEqual([1, expect.stringContaining('Dry run, nothing was changed')]);
  expect(await scene.find('c-1')).toBeUndefined();
  const { code, out } = await cli(['import', file, '--channel', scene.channelId]);
  expect(code).toBe(1);
  expect(out).toMatch(/LINES +CREATED +UPDATED +UNCHANGED +FAILED +DIALOGS ADOPTED\n3 +1 +1 +0 +1 +0\n/);
  expect(out).toMatch(/LINE +FIELD +FINDING +PROBLEM\n3 +kind +invalid +Invalid/);
  await writeFile(file, 'externalId,name\nc-1,Anna\n');
  const again = await cli(['--json', 'import', file, '--channel', scene.channelId]);
  expect([again.code, json<{ counts: object }>(again).counts]).toEqual([0, expect.objectContaining({ unchanged: 1 })]);
  await scene.conversation('known', ({ name }) => name.applied === 'Cora');
}, 60_000);

test('run begins a run and waits for it; runs lists it', async () => {
  scene.portal.renameDialog(scene.dialogs('known')[0]?.chatId ?? 0, 'By hand');
  const run = await cli(['run', 'reconcileNames']);
  expect([run.code, run.out]).toEqual([
    0,
    expect.stringMatching(/reconcileNames done: \d+ checked, 1 found, 1 on their way/),
  ]);
  await scene.conversation('known', () => scene.dialogs('known')[0]?.title === 'Cora');
  expect((await cli(['runs'])).out).toMatch(/reconcileNames +done/);
}, 60_000);

test('doctor names what is wrong with its remedy and ends with 1; --repair puts it right', async () => {
  const well = await cli(['doctor']);
  expect([well.code, well.out]).toEqual([0, expect.not.stringContaining('FAILED')]);
  const bound = bindings(scene.portal.inside);
  bound.delete(bound.values()[2]?.id ?? 0);
  const looked = await cli(['doctor', scene.portalId]);
  expect([looked.code, looked.out]).toEqual([
    1,
    expect.stringMatching(/FAILED +events: .*\n +→ .*[\s\S]*doctor --repair/),
  ]);
  const repaired = await cli(['doctor', '--repair']);
  expect([repaired.code, repaired.out]).toEqual([0, expect.stringMatching(/repaired +events: all 11 are bound/)]);
  const again = json<{ portal: { id: string }; items: { ok: boolean }[] }[]>(await cli(['doctor', '--json']));
  expect(again).toMatchObject([{ portal: { id: scene.portalId } }]);
  expect(again[0]?.items.every(({ ok }) => ok)).toBe(true);
  const { domain } = (await scene.api.get<{ domain: string }>(`/portals/${scene.portalId}`)).data;
  expect((await cli(['doctor', domain])).out).toContain(scene.portalId);
  const { code, err } = await cli(['doctor', 'nobody.bitrix24.com']);
  expect([code, err]).toEqual([2, expect.stringMatching(/nobody\.bitrix24\.com.*gateway status/)]);
}, 60_000);

test('whoever stops reading the output gets no trace of a fault', async () => {
  const env = { PATH: process.env.PATH, GATEWAY_URL: scene.gateway.publicUrl, ADMIN_API_KEY: ADMIN_KEY };
  const child = spawn(process.execPath, [bin, 'jobs', '--limit', '200'], { env, cwd: home });
  child.stdout.destroy();
  let err = '';
  child.stderr.on('data', (text: Buffer) => (err += text.toString()));
  await once(child, 'close');
  expect(err).toBe('');
}, 60_000);

test('a job that is no number is refused in words', async () => {
  const { code, err } = await cli(['retry', 'abc']);
  expect([code, err]).toEqual([2, expect.stringContaining('A job is a number')]);
});

test('jobs and retry: a dead job is listed with its code and tried again', async () => {
  scene.portal.faults.add({
    match: { method: 'imconnector.send.messages', times: 1 },
    effect: { status: 400, code: 'ERROR_ARGUMENT' },
  });
  await scene.say('stuck', 'm-1', 'Hello');
  await scene.idle();
  const listed = await cli(['jobs', '--state', 'dead']);
  expect(listed.out).toMatch(/deliverMessage +dead +1 +ERROR_ARGUMENT/);
  expect((await cli(['retry', '--state', 'dead'])).out).toBe('1 job is tried again.\n');
  await scene.conversation('stuck', ({ dialog }) => dialog.chatId !== null);
  const { code, err } = await cli(['retry']);
  expect([code, err]).toEqual([2, expect.stringContaining('--state dead')]);
}, 60_000);

test('keys are made, used, listed and revoked', async () => {
  const made = json<{ id: string; key: string }>(await cli(['keys', 'create', 'ci', '--json']));
  expect((await cli(['status'], { ADMIN_API_KEY: made.key })).code).toBe(0);
  const refused = await cli(['keys', 'list'], { ADMIN_API_KEY: made.key });
  expect([refused.code, refused.err]).toEqual([2, expect.stringContaining('scope admin')]);
  expect((await cli(['keys', 'list'])).out).toMatch(/ci +read/);
  expect((await cli(['keys', 'revoke', 'ci'])).out).toBe('The key ci no longer works.\n');
}, 60_000);

test.each<[string, string[], Record<string, string>, RegExp]>([
  ['no gateway', ['status', '--url', 'http://127.0.0.1:1'], {}, /No gateway answers at .*npm start/],
  ['a wrong key', ['jobs', '--key', 'nonsense'], {}, /does not know this key.*ADMIN_API_KEY/],
  ['no key', ['jobs'], { ADMIN_API_KEY: '' }, /There is no key/],
  ['a file that is not there', ['import', 'none.csv'], {}, /There is no file none\.csv/],
  ['a command there is none of', ['repair'], {}, /unknown command 'repair'/],
])('%s: says what to do, and ends with 2', async (_, args, env, says) => {
  const { code, out, err } = await cli(args, env);
  expect([code, out, err]).toEqual([2, '', expect.stringMatching(says)]);
});
