import type { Database } from '../../db/database.ts';
import type { Clock } from '../../kit/clock.ts';
import { hashSecret, randomToken } from '../../kit/secrets.ts';

/** Sessions of the console: signed in once with an API key, good for what that key may do and no longer than it. */

const HOUR_MS = 3_600_000;
/** After so long without a person doing anything. */
export const SESSION_IDLE_MS = 8 * HOUR_MS;
/** However busy. */
export const SESSION_MAX_MS = 7 * 24 * HOUR_MS;
/** Nobody needs to know to the second when somebody was here. */
const SEEN_STEP_MS = 60_000;
const ID_BYTES = 32;

export interface SessionDeps {
  db: Database;
  clock: Clock;
}

/** Whose key a session stands for. */
export interface SessionKey {
  id: string;
  name: string;
  scopes: readonly string[];
}

/** @returns the random id for the cookie; only its hash is kept. */
export async function openSession({ db, clock }: SessionDeps, apiKeyId: string): Promise<string> {
  const now = clock.now();
  await forgetExpired(db, now);
  const token = randomToken(ID_BYTES);
  const at = new Date(now);
  await db.prisma.consoleSession.create({ data: { hash: hashSecret(token), apiKeyId, createdAt: at, seenAt: at } });
  return token;
}

/** `active`: a person did something; what a page asks for by itself keeps no session alive. */
export async function findSession(
  { db, clock }: SessionDeps,
  token: string,
  { active }: { active: boolean },
): Promise<SessionKey | undefined> {
  const now = clock.now();
  const session = await db.prisma.consoleSession.findUnique({
    where: { hash: hashSecret(token) },
    include: { apiKey: true },
  });
  if (!session || session.apiKey.revokedAt !== null || isOver(session, now)) return undefined;
  if (active && now - session.seenAt.getTime() >= SEEN_STEP_MS) {
    await db.prisma.consoleSession.updateMany({ where: { id: session.id }, data: { seenAt: new Date(now) } });
  }
  const { id, name, scopes } = session.apiKey;
  return { id, name, scopes };
}

export async function closeSession({ db }: SessionDeps, token: string): Promise<void> {
  await db.prisma.consoleSession.deleteMany({ where: { hash: hashSecret(token) } });
}

const isOver = ({ seenAt, createdAt }: { seenAt: Date; createdAt: Date }, now: number): boolean =>
  now - seenAt.getTime() >= SESSION_IDLE_MS || now - createdAt.getTime() >= SESSION_MAX_MS;

/** There are never more than a few: they go when somebody else signs in. */
async function forgetExpired({ prisma }: Database, now: number): Promise<void> {
  const idle = { seenAt: { lte: new Date(now - SESSION_IDLE_MS) } };
  const old = { createdAt: { lte: new Date(now - SESSION_MAX_MS) } };
  await prisma.consoleSession.deleteMany({ where: { OR: [idle, old] } });
}
