import * as fs from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

/** Longer than any start takes: who holds a lock for longer is another process that got the number of a dead one. */
const GIVEN_UP_MS = 5 * 60_000;
const LOOK_EVERY_MS = 100;
/** Between making the file and writing to it there is a moment, and no more. */
const UNWRITTEN_MS = 5_000;
/** There is one, or, on Windows, one that is just being removed. */
const TAKEN = new Set(['EEXIST', 'EPERM', 'EACCES', 'EBUSY']);

/** The work of this process under each lock: it queues here, so that a file of its own number was left by a dead one. */
const queues = new Map<string, Promise<unknown>>();

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
export function oneAtATime<T>(file: string, work: () => Promise<T>): Promise<T> {
  const before = queues.get(file) ?? Promise.resolve();
  const own = before.then(() => underLock(file, work));
  queues.set(
    file,
    own.catch(() => undefined),
  );
  return own;
}

async function underLock<T>(file: string, work: () => Promise<T>): Promise<T> {
  for (const began = Date.now(); !(await take(file)); await sleep(LOOK_EVERY_MS)) {
    if (Date.now() - began > GIVEN_UP_MS) throw new Error(`another process holds ${file}; remove it if there is none`);
  }
  try {
    return await work();
  } finally {
    if ((await holderOf(file)) === process.pid) await fs.rm(file, { force: true }).catch(() => undefined);
  }
}

async function take(file: string): Promise<boolean> {
  try {
    await fs.writeFile(file, String(process.pid), { flag: 'wx' });
    return true;
  } catch (error) {
    if (!TAKEN.has((error as NodeJS.ErrnoException).code ?? '')) throw error;
  }
  const holder = await holderOf(file);
  const isLeft = holder === undefined ? await isOld(file) : holder === process.pid || !isAlive(holder);
  if (isLeft) await takeAway(file, holder);
  return false;
}

/** Undefined: none, or one that did not write its number yet. */
async function holderOf(file: string): Promise<number | undefined> {
  return Number(await fs.readFile(file, 'utf8').catch(() => '')) || undefined;
}

async function isOld(file: string): Promise<boolean> {
  const stat = await fs.stat(file).catch(() => undefined);
  return stat !== undefined && Date.now() - stat.mtimeMs > UNWRITTEN_MS;
}

/** Moved first: of several who find it abandoned one gets it, and a living one that came in between is put back. */
async function takeAway(file: string, holder: number | undefined): Promise<void> {
  const aside = `${file}.${process.pid}`;
  await fs.rename(file, aside).catch(() => undefined);
  if ((await holderOf(aside)) === holder) await fs.rm(aside, { force: true });
  else await fs.rename(aside, file).catch(() => undefined);
}
