import { createHash } from 'node:crypto';
import type { Database } from '../../db/database.ts';
import type { Clock } from '../../kit/clock.ts';
import { RequestError } from '../../kit/errors.ts';
import type { Vault } from '../../kit/secrets.ts';
import { refusalOf } from '../problem.ts';
import type { Answer } from './route.ts';

/**
 * `Idempotency-Key`: the same request under the same key is done once, however often it is sent. Its answer is kept for
 * a day, sealed, because it may show a secret; only the API key that asked can have it again.
 */

const KEPT_MS = 24 * 3_600_000;
/** No request takes so long: whoever held the key died before its answer. */
const ABANDONED_AFTER_MS = 2 * 60_000;
const KEY = /^[!-~](?:[ -~]{0,253}[!-~])?$/;

export interface IdempotencyDeps {
  db: Database;
  vault: Vault;
  clock: Clock;
}

export interface KeyedRequest {
  apiKeyId: string;
  key: string;
  method: string;
  /** With the query. */
  url: string;
  body: unknown;
  requestId: string;
}

export interface KeyedAnswer extends Answer {
  replayed: boolean;
}

/**
 * @throws RequestError `idempotency_mismatch`, `idempotency_conflict`, or whatever `work` throws; refusals (4xx) are
 * kept like answers, failures (5xx) are not: the same key may try again.
 */
export async function once(
  deps: IdempotencyDeps,
  request: KeyedRequest,
  work: () => Promise<Answer>,
): Promise<KeyedAnswer> {
  if (!KEY.test(request.key)) {
    throw new RequestError('invalid_request', 'Idempotency-Key must have 1 to 255 visible characters');
  }
  const kept = await claim(deps, request);
  if (kept) return { ...kept, replayed: true };
  try {
    const answer = await work();
    await keep(deps, request, answer);
    return { ...answer, replayed: false };
  } catch (error) {
    const refusal = refusalOf(error, request.requestId);
    await (refusal ? keep(deps, request, refusal) : release(deps, request));
    throw error;
  }
}

const fingerprintOf = ({ method, url, body }: KeyedRequest): string =>
  createHash('sha256')
    .update(JSON.stringify([method, url, body ?? null]))
    .digest('base64url');

const CLAIM = `
insert into idempotent_request (api_key_id, key, fingerprint, created_at) values ($1::uuid, $2, $3, $4::timestamptz)
on conflict (api_key_id, key) do update set fingerprint = excluded.fingerprint, created_at = excluded.created_at
  where idempotent_request.status is null and idempotent_request.created_at < $5::timestamptz
returning 1 as claimed`;

/** The answer kept under the key; undefined when the work is ours to do. */
async function claim({ db, vault, clock }: IdempotencyDeps, request: KeyedRequest): Promise<Answer | undefined> {
  const now = clock.now();
  const { apiKeyId, key } = request;
  const fingerprint = fingerprintOf(request);
  await db.prisma.idempotentRequest.deleteMany({ where: { createdAt: { lt: new Date(now - KEPT_MS) } } });
  const abandoned = new Date(now - ABANDONED_AFTER_MS);
  const claimed = await db.sql.rows(CLAIM, apiKeyId, key, fingerprint, new Date(now), abandoned);
  if (claimed.length > 0) return undefined;
  const known = await db.prisma.idempotentRequest.findUnique({ where: { apiKeyId_key: { apiKeyId, key } } });
  if (known && known.fingerprint !== fingerprint) throw new RequestError('idempotency_mismatch');
  // Gone: the request that held it has just failed.
  if (!known || known.status === null) throw new RequestError('idempotency_conflict');
  const body = typeof known.body === 'string' ? (JSON.parse(vault.decrypt(known.body)) as unknown) : undefined;
  return { status: known.status, body };
}

async function keep({ db, vault }: IdempotencyDeps, { apiKeyId, key }: KeyedRequest, answer: Answer): Promise<void> {
  const body = answer.body === undefined ? {} : { body: vault.encrypt(JSON.stringify(answer.body)) };
  await db.prisma.idempotentRequest.updateMany({ where: { apiKeyId, key }, data: { status: answer.status, ...body } });
}

async function release({ db }: IdempotencyDeps, { apiKeyId, key }: KeyedRequest): Promise<void> {
  await db.prisma.idempotentRequest.deleteMany({ where: { apiKeyId, key, status: null } });
}
