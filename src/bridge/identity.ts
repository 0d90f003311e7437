import type { Database } from '../db/database.ts';
import { hashSecret, randomToken } from '../kit/secrets.ts';

/** What makes this installation of the gateway itself. Made on the first start, by whichever process comes first. */

const INSTALLATION_ID_LENGTH = 10;

/** Part of every bot and connector code: two gateways on one portal must not take each other's. Lower-case letters and digits. */
export async function installationIdOf({ prisma }: Database): Promise<string> {
  const value = Array.from(crypto.getRandomValues(new Uint8Array(INSTALLATION_ID_LENGTH)), (byte) =>
    (byte % 36).toString(36),
  ).join('');
  await prisma.setting.createMany({ data: [{ key: 'installationId', value }], skipDuplicates: true });
  return (await prisma.setting.findUniqueOrThrow({ where: { key: 'installationId' } })).value;
}

/** The gate of work that goes to nobody: no limit, never blocked. */
export async function localGateOf({ prisma }: Database): Promise<string> {
  await prisma.gate.createMany({ data: [{ key: 'local' }], skipDuplicates: true });
  return (await prisma.gate.findUniqueOrThrow({ where: { key: 'local' } })).id.toString();
}

/**
 * The first administration key: the configured one, or one made now where there is none at all.
 * @returns the key if it was made now, to be shown once.
 */
export async function firstAdminKey({ prisma }: Database, configured: string | undefined): Promise<string | undefined> {
  if (configured !== undefined) {
    const key = { name: 'environment', hash: hashSecret(configured), scopes: ['admin'] };
    await prisma.apiKey.upsert({ where: { hash: key.hash }, create: key, update: { revokedAt: null } });
    return undefined;
  }
  if ((await prisma.apiKey.count({ where: { revokedAt: null } })) > 0) return undefined;
  const made = `ocg_${randomToken(24)}`;
  await prisma.apiKey.create({ data: { name: 'first', hash: hashSecret(made), scopes: ['admin'] } });
  return made;
}

/** A key of its own for a program that comes with the gateway; an older one of the same name stops working. */
export async function replaceKey({ prisma }: Database, name: string, scopes: readonly string[]): Promise<string> {
  const key = `ocg_${randomToken(24)}`;
  await prisma.$transaction([
    prisma.apiKey.updateMany({ where: { name, revokedAt: null }, data: { revokedAt: new Date() } }),
    prisma.apiKey.create({ data: { name, hash: hashSecret(key), scopes: [...scopes] } }),
  ]);
  return key;
}
