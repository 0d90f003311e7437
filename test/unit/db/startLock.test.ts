import { spawnSync } from 'node:child_process';
import { mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { oneAtATime } from '../../../src/db/startLock.ts';

let home: string;
let file: string;
beforeEach(async () => {
  home = await mkdtemp(path.join(tmpdir(), 'gateway-lock-'));
  file = path.join(home, 'lock');
});
afterEach(() => rm(home, { recursive: true, force: true }));

test('work under one lock is done one after the other, also after some of it failed, and leaves nothing behind', async () => {
  const events: string[] = [];
  const work = (name: string) => async (): Promise<string> => {
    events.push(`${name} begins`);
    for (let n = 0; n < 20; n++) await turn();
    events.push(`${name} ends`);
    if (name === 'b') throw new Error('b failed');
    return name;
  };
  const all = await Promise.allSettled(['a', 'b', 'c'].map((name) => oneAtATime(file, work(name))));
  expect(all.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  expect(events).toEqual(['a', 'b', 'c'].flatMap((name) => [`${name} begins`, `${name} ends`]));
  expect(await readdir(home)).toEqual([]);
});

const dead = (): string => String(spawnSync(process.execPath, ['--version']).pid);

test.each([
  ['a process that is no more', dead],
  ['an earlier process of the same number', () => String(process.pid)],
])('a lock left by %s is taken over', async (_, holder) => {
  await writeFile(file, holder());
  await expect(oneAtATime(file, () => Promise.resolve('done'))).resolves.toBe('done');
  expect(await readdir(home)).toEqual([]);
});

test('one that was made and never written to is taken over after a moment', async () => {
  await writeFile(file, '');
  await utimes(file, new Date(0), new Date(0));
  await expect(oneAtATime(file, () => Promise.resolve('done'))).resolves.toBe('done');
});

test('one of a living process is waited for', async () => {
  await writeFile(file, String(process.ppid));
  let done = false;
  const work = oneAtATime(file, () => Promise.resolve((done = true)));
  for (let n = 0; n < 200; n++) await turn();
  expect(done).toBe(false);
  await rm(file);
  await work;
  expect(done).toBe(true);
});

test('what cannot be locked at all says why', async () => {
  const nowhere = path.join(home, 'no', 'such', 'folder');
  await expect(oneAtATime(nowhere, () => Promise.resolve())).rejects.toThrow('ENOENT');
});
