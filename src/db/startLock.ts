import * as fs from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

/** Longer than a first start takes: who holds a lock for longer is another process that got the number of a dead one. */
const GIVEN_UP_MS = 2 * 60_000;
const LOOK_EVERY_MS = 100;

/** Locks of this process. A file that names it and is not among them was left by a dead one of the same number. */
const held = new Set<string>();

export function isAlive(pid: number): boolean {
  try {
    return pid > 0 && process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/**
 * Does `work` while no other process does it under the same `file`; waits until the other one has finished. What a
 * process left behind that was killed is taken over.
 */
export async function oneAtATime<T>(file: string, work: () => Promise<T>): Promise<T> {
  while (!(await take(file))) await sleep(LOOK_EVERY_MS);
  held.add(file);
  try {
    return await work();
  } finally {
    held.delete(file);
    await fs.rm(file, { force: true });
  }
}

async function take(file: string): Promise<boolean> {
  try {
    await fs.writeFile(file, String(process.pid), { flag: 'wx' });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  if (await isAbandoned(file)) await fs.rm(file, { force: true });
  return false;
}

async function isAbandoned(file: string): Promise<boolean> {
  const stat = await fs.stat(file).catch(() => undefined);
  if (!stat) return false;
  if (Date.now() - stat.mtimeMs > GIVEN_UP_MS) return true;
  const holder = await fs.readFile(file, 'utf8').catch(() => '');
  // Between making the file and writing to it there is a moment.
  if (holder === '') return false;
  const pid = Number(holder);
  return pid === process.pid ? !held.has(file) : !isAlive(pid);
}
