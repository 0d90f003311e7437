/** One request to the gateway this page came from. */

/** A problem document (RFC 9457), or that there was no answer at all: `status` 0. */
export class Refusal extends Error {
  /** @param {{ status: number, code: string, detail?: string, title?: string, requestId?: string, retryAfterS?: number }} problem */
  constructor({ status, code, detail, title, requestId, retryAfterS }) {
    super(detail ?? title ?? code);
    this.status = status;
    this.code = code;
    this.requestId = requestId;
    this.retryAfterS = retryAfterS;
  }
}

const UNREACHABLE = { status: 0, code: 'unreachable', detail: 'The gateway cannot be reached.' };

/**
 * @param {string} method
 * @param {string} path relative to the page, so that a proxy may put the gateway below a path of its own
 * @param {{ body?: object, poll?: boolean, headers?: Record<string, string> }} [options] `poll`: the page asks by itself
 * @returns {Promise<any>} the parsed answer; undefined when it has no body
 * @throws {Refusal}
 */
export async function send(method, path, { body, poll = false, headers = {} } = {}) {
  const answer = await fetch(path, {
    method,
    headers: {
      'Ocg-Console': poll ? 'poll' : 'person',
      ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    credentials: 'same-origin',
    cache: 'no-store',
  }).catch(() => undefined);
  if (!answer) throw new Refusal(UNREACHABLE);
  const text = await answer.text().catch(() => '');
  const parsed = parse(text);
  if (answer.ok) return parsed;
  throw new Refusal({ code: `http_${answer.status}`, ...parsed, status: answer.status });
}

function parse(text) {
  try {
    return text === '' ? undefined : JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** For `Idempotency-Key`: a call that is repeated after a sign-in, or after a lost answer, is done once. */
export const randomId = () =>
  Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');
