import { isOver, signedInAgain } from './session.js';
import { randomId, Refusal, send } from './wire.js';

/** The administration API. A call that finds the session over waits for the sign-in, and is made again: nothing is lost. */

const PATH = 'admin/v1';

/** @param {Record<string, string | number | boolean | undefined | null>} filters */
export function query(filters) {
  const given = Object.entries(filters).filter(([, value]) => value !== undefined && value !== null && value !== '');
  const text = new URLSearchParams(given.map(([name, value]) => [name, String(value)])).toString();
  return text === '' ? '' : `?${text}`;
}

/**
 * @param {string} method
 * @param {string} path below `/admin/v1`
 * @param {{ body?: object, poll?: boolean }} [options]
 */
async function call(method, path, { body, poll = false } = {}) {
  const headers = method === 'POST' ? { 'Idempotency-Key': randomId() } : {};
  for (;;) {
    try {
      return await send(method, PATH + path, { body, poll, headers });
    } catch (problem) {
      if (!(problem instanceof Refusal) || problem.status !== 401) throw problem;
      // Whoever asks again and again by themselves need not be kept waiting.
      if (poll) isOver.value = true;
      if (poll) throw problem;
      await signedInAgain();
    }
  }
}

export const get = (path, { poll = false } = {}) => call('GET', path, { poll });
export const post = (path, body = {}) => call('POST', path, { body });
export const patch = (path, body) => call('PATCH', path, { body });
export const remove = (path) => call('DELETE', path);
