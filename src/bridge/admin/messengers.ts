import type { Prisma } from '../../db/database.ts';
import { RequestError } from '../../kit/errors.ts';
import { randomToken } from '../../kit/secrets.ts';
import { presetOf } from '../../messenger/presets/all.ts';
import { createSecret } from '../../messenger/signature.ts';
import type { OutboxTx } from '../../outbox/job.ts';
import type { Administration, Page } from './deps.ts';
import { inOrder } from './listing.ts';
import { noSuch, orConflict, orInUse } from './refusals.ts';

const withDeliveries = { deliveryGate: true } satisfies Prisma.MessengerInclude;

export type MessengerRow = Prisma.MessengerGetPayload<{ include: typeof withDeliveries }>;
export type SecretKind = 'webhook' | 'delivery';

export interface NewMessenger {
  slug: string;
  name: string;
  preset: string;
  webhookSecret?: string | undefined;
  deliveryUrl?: string | null | undefined;
  settings?: Record<string, unknown> | undefined;
}

export type MessengerChange = Partial<Pick<NewMessenger, 'name' | 'deliveryUrl' | 'settings'>> & {
  /** Deliveries wait while it is true. */
  paused?: boolean | undefined;
};

const HOUR_MS = 3_600_000;
const IN_USE = 'Channels use this messenger: delete them first';

export const listMessengers = ({ db }: Administration, page: Page): Promise<MessengerRow[]> =>
  db.prisma.messenger.findMany({ ...inOrder(page), include: withDeliveries });

export async function getMessenger({ db }: Administration, slug: string): Promise<MessengerRow> {
  const messenger = await db.prisma.messenger.findUnique({ where: { slug }, include: withDeliveries });
  if (!messenger) throw noSuch('messenger');
  return messenger;
}

/** The secrets are shown to whoever made it, and to nobody afterwards. */
export async function createMessenger(
  deps: Administration,
  { slug, name, preset, webhookSecret: given, deliveryUrl, settings = {} }: NewMessenger,
): Promise<{ messenger: MessengerRow; webhookSecret: string; deliverySecret: string }> {
  const webhookSecret = given ?? webhookSecretOf(preset);
  const deliverySecret = createSecret();
  const create = deps.outbox.transaction(async ({ prisma }) => {
    const gate = await prisma.gate.create({ data: { key: `messenger:${slug}:${randomToken(6)}` } });
    const deliveryGate = await prisma.gate.create({ data: { key: `deliveries:${slug}:${randomToken(6)}` } });
    const data = {
      ...{ slug, name, preset, deliveryUrl: deliveryUrl ?? null, settings: asJson(settings) },
      ...{ gateId: gate.id, deliveryGateId: deliveryGate.id },
    };
    const messenger = await prisma.messenger.create({ data, include: withDeliveries });
    const secrets = [
      { kind: 'webhook', secret: deps.vault.encrypt(webhookSecret) },
      { kind: 'delivery', secret: deps.vault.encrypt(deliverySecret) },
    ];
    const createdAt = new Date(deps.clock.now());
    await prisma.messengerSecret.createMany({
      data: secrets.map((secret) => ({ ...secret, createdAt, messengerId: messenger.id })),
    });
    return messenger;
  });
  const messenger = await orConflict(create, 'There is already a messenger with this slug');
  return { messenger, webhookSecret, deliverySecret };
}

export async function changeMessenger(
  deps: Administration,
  slug: string,
  { name, deliveryUrl, settings, paused }: MessengerChange,
): Promise<MessengerRow> {
  const { id, deliveryGateId } = await getMessenger(deps, slug);
  const data = {
    ...(name === undefined ? {} : { name }),
    ...(deliveryUrl === undefined ? {} : { deliveryUrl }),
    ...(settings === undefined ? {} : { settings: asJson(settings) }),
  };
  // Another address has refused nothing yet; whoever resumes has looked.
  const resumes = paused === false || (paused === undefined && typeof deliveryUrl === 'string');
  await deps.outbox.transaction(async (tx) => {
    await tx.prisma.messenger.update({ where: { id }, data });
    if (paused === true) await tx.prisma.gate.update({ where: { id: deliveryGateId }, data: { paused } });
    if (!resumes) return;
    const open = { paused: false, blockedUntil: null, blockedReason: null };
    await tx.prisma.gate.update({ where: { id: deliveryGateId }, data: open });
    tx.wakeAfterCommit([deliveryGateId.toString()]);
  });
  return getMessenger(deps, slug);
}

/** What it sent and was not applied yet has nowhere to go any more. */
export async function removeMessenger(deps: Administration, slug: string): Promise<void> {
  const { id, gateId, deliveryGateId } = await getMessenger(deps, slug);
  if ((await deps.db.prisma.channel.count({ where: { messengerId: id } })) > 0) {
    throw new RequestError('in_use', IN_USE);
  }
  const remove = deps.outbox.transaction(async (tx) => {
    await tx.prisma.messenger.delete({ where: { id } });
    for (const gate of [gateId, deliveryGateId]) await tx.sql.rows(CANCEL_ALL, gate.toString());
  });
  await orInUse(remove, IN_USE);
}

/** $1 gate. `started`: it must not absorb newer ones. */
const CANCEL_ALL = `
update job set state = 'dead', started = true, last_code = 'cancelled', last_error = 'the messenger was deleted'
where gate_id = $1::bigint and state in ('waiting', 'parked') returning 1 as cancelled`;

const webhookSecretOf = (preset: string): string => presetOf(preset)?.createSecret() ?? createSecret();

/** What the gateway itself signs with is always its own. */
const mayBeSecret = (kind: SecretKind, preset: string, secret: string): boolean =>
  kind === 'webhook' && (presetOf(preset)?.secret.test(secret) ?? false);

/** The old secrets stay valid for the overlap, so that nothing is lost while the other side changes over. */
export async function rotateSecret(
  deps: Administration,
  slug: string,
  { kind, overlapHours, secret: given }: { kind: SecretKind; overlapHours: number; secret?: string | undefined },
): Promise<{ secret: string; createdAt: Date; previousExpiresAt: Date }> {
  const { id: messengerId, preset } = await getMessenger(deps, slug);
  if (given !== undefined && !mayBeSecret(kind, preset, given)) {
    throw new RequestError('invalid_request', 'No secret of this kind looks like that');
  }
  const secret = given ?? (kind === 'webhook' ? webhookSecretOf(preset) : createSecret());
  const createdAt = new Date(deps.clock.now());
  const previousExpiresAt = new Date(deps.clock.now() + overlapHours * HOUR_MS);
  await deps.outbox.transaction(async (tx) => {
    await retire(tx, messengerId, kind, previousExpiresAt);
    await tx.prisma.messengerSecret.create({
      data: { messengerId, kind, secret: deps.vault.encrypt(secret), createdAt },
    });
  });
  return { secret, createdAt, previousExpiresAt };
}

/** Those that expire earlier by an earlier rotation still do. */
async function retire({ prisma, sql }: OutboxTx, messengerId: string, kind: string, expiresAt: Date): Promise<void> {
  // Two rotations at the same moment must see each other's secret.
  await sql.rows('select 1 as locked from messenger where id = $1::uuid for update', messengerId);
  const lasting = { messengerId, kind, OR: [{ expiresAt: null }, { expiresAt: { gt: expiresAt } }] };
  await prisma.messengerSecret.updateMany({ where: lasting, data: { expiresAt } });
}

const asJson = (settings: Record<string, unknown>): Prisma.InputJsonObject => settings as Prisma.InputJsonObject;
