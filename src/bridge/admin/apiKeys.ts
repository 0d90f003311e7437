import type { Prisma } from '../../db/database.ts';
import { RequestError } from '../../kit/errors.ts';
import { hashSecret, randomToken } from '../../kit/secrets.ts';
import type { Administration, Page } from './deps.ts';
import { inOrder } from './listing.ts';
import { noSuch } from './refusals.ts';

export type ApiKeyRow = Prisma.ApiKeyGetPayload<object>;

const KEY_BYTES = 24;

export const listApiKeys = ({ db }: Administration, page: Page): Promise<ApiKeyRow[]> =>
  db.prisma.apiKey.findMany(inOrder(page));

/** By `hashSecret(key)`; undefined when nobody has it, or it was revoked. */
export const findApiKey = async ({ db }: Pick<Administration, 'db'>, hash: string): Promise<ApiKeyRow | undefined> =>
  (await db.prisma.apiKey.findFirst({ where: { hash, revokedAt: null } })) ?? undefined;

export async function getApiKey({ db }: Administration, id: string): Promise<ApiKeyRow> {
  const key = await db.prisma.apiKey.findUnique({ where: { id } });
  if (!key) throw noSuch('key');
  return key;
}

/** Only the hash is kept: the key is shown to whoever made it, and to nobody afterwards. */
export async function createApiKey(
  { db }: Administration,
  { name, scopes }: { name: string; scopes: readonly string[] },
): Promise<{ row: ApiKeyRow; key: string }> {
  const key = `ocg_${randomToken(KEY_BYTES)}`;
  const row = await db.prisma.apiKey.create({ data: { name, scopes: [...scopes], hash: hashSecret(key) } });
  return { row, key };
}

/** At once, for requests that come from now on. */
export async function revokeApiKey({ outbox, clock }: Administration, id: string): Promise<void> {
  await outbox.transaction(async ({ prisma, sql }) => {
    // Two revocations at the same moment must not take the last two keys.
    await sql.rows(`select 1 as locked from api_key where 'admin' = any (scopes) for update`);
    const key = await prisma.apiKey.findUnique({ where: { id } });
    if (!key) throw noSuch('key');
    if (key.revokedAt) return;
    const others = { id: { not: id }, revokedAt: null, scopes: { has: 'admin' } };
    if (key.scopes.includes('admin') && (await prisma.apiKey.count({ where: others })) === 0) {
      throw new RequestError('conflict', 'The last key with the scope admin: nobody could make another');
    }
    await prisma.apiKey.update({ where: { id }, data: { revokedAt: new Date(clock.now()) } });
  });
}
