import { signal } from '@preact/signals';
import { send } from './wire.js';

/**
 * Who is signed in. `undefined`: not known yet, `null`: nobody.
 * @type {import('@preact/signals').Signal<{ id: string, name: string, scopes: string[] } | null | undefined>}
 */
export const key = signal(undefined);

/** Somebody was signed in, and the session is over: they are asked for their key again, over whatever they were doing. */
export const isOver = signal(false);

/** Grows with every sign-in: what waits for data asks again. */
export const signIns = signal(0);

const RANK = { read: 1, write: 2, admin: 3 };

/** @param {'read' | 'write' | 'admin'} scope */
export const may = (scope) => Math.max(0, ...(key.value?.scopes ?? []).map((own) => RANK[own] ?? 0)) >= RANK[scope];

/** @type {(() => void)[]} */
let waiting = [];

/** Resolves once somebody has signed in again. */
export function signedInAgain() {
  isOver.value = true;
  return new Promise((resolve) => waiting.push(() => resolve(undefined)));
}

export async function whoIsIt() {
  key.value = (await send('GET', 'console/session')).key;
}

/** @param {string} presented the API key, as it was typed */
export async function signIn(presented) {
  const answer = await send('POST', 'console/session', { body: { key: presented } });
  key.value = answer.key;
  isOver.value = false;
  signIns.value += 1;
  const resumed = waiting;
  waiting = [];
  for (const resume of resumed) resume();
}

/** Nothing of what was shown stays in memory. Whoever could not be signed out sees that they are not. */
export async function signOut() {
  // The views are left first, so that none of them asks for anything any more.
  key.value = undefined;
  await send('DELETE', 'console/session').catch(() => undefined);
  history.replaceState(null, '', location.pathname);
  location.reload();
}
