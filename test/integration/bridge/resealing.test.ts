import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { createResealing } from '../../../src/bridge/resealing.ts';
import { silentLogger } from '../../../src/kit/logger.ts';
import { createVault, type Vault } from '../../../src/kit/secrets.ts';
import { type OutboxBench, createOutboxBench } from '../../support/outbox.ts';

let bench: OutboxBench;
beforeEach(async () => {
  bench = await createOutboxBench();
});
afterEach(() => bench.close());

const [OLD, NEW, FOREIGN] = [randomBytes(32), randomBytes(32), randomBytes(32)];
const resealingWith = (vault: Vault) => createResealing({ sql: bench.db.sql, vault, log: silentLogger });

/** One secret of every sort, sealed by this vault. */
async function seal(vault: Vault): Promise<void> {
  const { prisma } = bench.db;
  const addGate = async (): Promise<bigint> => BigInt(await bench.addGate());
  const address = { domain: 'p.example', clientEndpoint: 'https://p/rest/', serverEndpoint: 'https://o/rest/' };
  const gateId = await addGate();
  const { id: portalId } = await prisma.portal.create({ data: { memberId: 'p', gateId, ...address } });
  const tokens = { accessToken: vault.encrypt('access'), refreshToken: vault.encrypt('refresh') };
  const times = { expiresAt: new Date(), refreshedAt: new Date() };
  await prisma.grant.create({ data: { portalId, userId: '1', ...tokens, ...times } });
  const bot = { token: vault.encrypt('bot'), nextToken: vault.encrypt('next') };
  await prisma.bot.create({ data: { portalId, code: 'a', name: 'A', ...bot } });
  await prisma.bot.create({ data: { portalId, code: 'b', name: 'B', token: vault.encrypt('bot b') } });
  const gates = { gateId: await addGate(), deliveryGateId: await addGate() };
  const { id: messengerId } = await prisma.messenger.create({ data: { slug: 'chat', name: 'Chat', ...gates } });
  await prisma.messengerSecret.create({ data: { messengerId, kind: 'webhook', secret: vault.encrypt('webhook') } });
  const job = { gateId: gateId.toString(), class: 'live' as const };
  await bench.outbox.enqueue([
    { ...job, lane: 'a', kind: 'verifyInstall', payload: { sealed: vault.encrypt('form') } },
    { ...job, lane: 'b', kind: 'removeBot', payload: { portalId, botId: '7', token: vault.encrypt('removed') } },
  ]);
}

/** Everything that is stored sealed, as a vault reads it. */
async function readWith(vault: Vault): Promise<string[]> {
  const { prisma } = bench.db;
  const grants = await prisma.grant.findMany();
  const bots = await prisma.bot.findMany({ orderBy: { code: 'asc' } });
  const secrets = await prisma.messengerSecret.findMany();
  const jobs = (await prisma.job.findMany({ orderBy: { id: 'asc' } })).map(
    ({ payload }) => payload as { sealed?: string; token?: string },
  );
  const sealed = [
    ...grants.flatMap(({ accessToken, refreshToken }) => [accessToken, refreshToken]),
    ...bots.flatMap(({ token, nextToken }) => [token, ...(nextToken === null ? [] : [nextToken])]),
    ...secrets.map(({ secret }) => secret),
    ...jobs.map(({ sealed: form, token }) => form ?? token ?? ''),
  ];
  return sealed.map((text) => vault.decrypt(text));
}

const PLAIN = ['access', 'refresh', 'bot', 'next', 'bot b', 'webhook', 'form', 'removed'];

test('every stored secret is sealed anew under the first key, so that the old one can be dropped', async () => {
  await seal(createVault([OLD]));
  const both = resealingWith(createVault([NEW, OLD]));
  expect(await both.stale()).toBe(PLAIN.length);
  expect(await both.reseal()).toEqual({ resealed: PLAIN.length, unreadable: 0 });
  expect(await both.stale()).toBe(0);
  expect(await readWith(createVault([NEW]))).toEqual(PLAIN);
  expect(await both.reseal()).toEqual({ resealed: 0, unreadable: 0 });
});

test('what no key fits is left as it is and told, and the rest is sealed anew all the same', async () => {
  await seal(createVault([OLD]));
  const secret = createVault([FOREIGN]).encrypt('lost');
  await bench.db.prisma.messengerSecret.updateMany({ data: { secret } });
  const both = resealingWith(createVault([NEW, OLD]));
  expect(await both.reseal()).toEqual({ resealed: PLAIN.length - 1, unreadable: 1 });
  expect(await both.stale()).toBe(1);
  expect(await bench.db.prisma.messengerSecret.findFirst()).toMatchObject({ secret });
});
