import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { RequestError } from '../kit/errors.ts';

/** The Standard Webhooks scheme (https://www.standardwebhooks.com), symmetric signatures, version `v1`. */

/** How far the sender's clock may be from ours, either way; older requests are replays. */
const TOLERANCE_S = 5 * 60;
const SECRET_PREFIX = 'whsec_';
const SECRET_BYTES = 32;
const BASE64 = /^[A-Za-z0-9+/_-]+={0,2}$/;
const UNIX_SECONDS = /^\d{1,12}$/;

export interface SignedRequest {
  /** Header `webhook-id`. */
  id: string;
  /** Header `webhook-timestamp`: unix seconds as text. */
  timestamp: string;
  /** Header `webhook-signature`: one or several `v1,<base64>`, separated by spaces. */
  signatures: string;
  /** The bytes as they were sent; a parsed and re-serialised body has another signature. */
  body: Buffer;
  /** `whsec_` + base64. Any of them may have signed, so that a secret can be rotated without loss. */
  secrets: readonly string[];
  /** Milliseconds since the epoch. */
  now: number;
}

/**
 * @throws RequestError `invalid_signature` when no signature of a known version fits any secret,
 * `signature_expired` when the timestamp is more than five minutes away from `now`.
 */
export function verifySignature(request: SignedRequest): void {
  const { id, timestamp, signatures, body, secrets, now } = request;
  if (id === '' || signatures === '' || !UNIX_SECONDS.test(timestamp)) throw new RequestError('invalid_signature');
  if (Math.abs(Math.floor(now / 1000) - Number(timestamp)) > TOLERANCE_S) throw new RequestError('signature_expired');

  const presented = signatures.split(' ').flatMap((entry) => (entry.startsWith('v1,') ? [entry.slice(3)] : []));
  const expected = secrets.map((secret) => hmac(secret, id, timestamp, body));
  // Every pair is compared, so that the time taken does not tell which secret or which signature fitted.
  const fits = expected.flatMap((right) => presented.map((given) => sameText(given, right))).filter(Boolean);
  if (fits.length === 0) throw new RequestError('invalid_signature');
}

/** The value of `webhook-signature` for one secret. `timestamp` in unix seconds. */
export function sign(message: { id: string; timestamp: number; body: Buffer | string; secret: string }): string {
  return `v1,${hmac(message.secret, message.id, String(message.timestamp), message.body)}`;
}

/** A new signing secret: `whsec_` and 32 random bytes in base64. */
export const createSecret = (): string => SECRET_PREFIX + randomBytes(SECRET_BYTES).toString('base64');

function hmac(secret: string, id: string, timestamp: string, body: Buffer | string): string {
  return createHmac('sha256', keyOf(secret)).update(`${id}.${timestamp}.`).update(body).digest('base64');
}

function keyOf(secret: string): Buffer {
  const base64 = secret.startsWith(SECRET_PREFIX) ? secret.slice(SECRET_PREFIX.length) : secret;
  // Node skips what is not base64; a damaged secret would silently become a weak or empty key.
  if (!BASE64.test(base64)) throw new Error('a signing secret must be whsec_ and base64');
  return Buffer.from(base64, 'base64');
}

/** `timingSafeEqual` needs equal lengths; the length of a signature is no secret. */
function sameText(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}
