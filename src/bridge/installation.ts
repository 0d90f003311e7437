import type { VerifiedInstall } from '../bitrix24/installation.ts';
import { PLANS } from '../bitrix24/limits.ts';
import type { Clock } from '../kit/clock.ts';
import type { Logger } from '../kit/logger.ts';
import { type Vault, hashSecret, randomToken } from '../kit/secrets.ts';
import { gateColumns } from '../outbox/gate.ts';
import type { OutboxTx } from '../outbox/job.ts';
import type { Outbox } from '../outbox/outbox.ts';
import * as jobs from './jobs.ts';
import type { PortalCalls } from './portals.ts';

export interface Installation {
  /** Stores a verified installation and queues the wiring of the portal. Repeating it is harmless. */
  store(install: VerifiedInstall, requestId: string): Promise<{ portalId: string }>;
  /** Another administrator's right to call a portal that is installed: a reserve. Opens what a lost grant had closed. */
  addGrant(portalId: string, install: VerifiedInstall): Promise<void>;
  /**
   * Our application was removed, as an event says that any employee could have sent: nothing is sent any more, and
   * nothing is forgotten until the OAuth server confirms it.
   */
  uninstalled(portalId: string, requestId: string): Promise<void>;
}

export function createInstallation(deps: {
  outbox: Outbox;
  portals: PortalCalls;
  vault: Vault;
  clock: Clock;
  log: Logger;
  installationId: string;
  localGateId: string;
}): Installation {
  const { outbox, vault, clock, log } = deps;

  async function storeGrant(tx: OutboxTx, portalId: string, install: VerifiedInstall): Promise<void> {
    const { userId } = install;
    const data = {
      accessToken: vault.encrypt(install.accessToken),
      refreshToken: vault.encrypt(install.refreshToken),
      expiresAt: new Date(install.expiresAt),
      refreshedAt: new Date(clock.now()),
      lostReason: null,
    };
    const where = { portalId_userId: { portalId, userId } };
    await tx.prisma.grant.upsert({ where, create: { ...data, portalId, userId }, update: data });
  }

  /** A new portal gets a connector and a companion bot at once, so that it can be connected from inside Bitrix24. */
  async function create(tx: OutboxTx, install: VerifiedInstall): Promise<{ id: string; gateId: bigint }> {
    const gate = await tx.prisma.gate.create({
      data: { key: `portal:${install.memberId}`, ...gateColumns(PLANS.standard) },
    });
    const portal = await tx.prisma.portal.create({
      data: { ...address(install), memberId: install.memberId, gateId: gate.id },
    });
    const portalId = portal.id;
    const connector = { code: `ocg_${deps.installationId}`, name: 'Open Channel Gateway', kind: 'group' };
    await tx.prisma.connector.create({ data: { ...connector, portalId } });
    // Before the portal hears of the bot: a lost token would make it uncontrollable (contract imbot trap 10).
    const bot = { code: 'default', name: 'Companion', token: vault.encrypt(randomToken(24)) };
    await tx.prisma.bot.create({ data: { ...bot, portalId } });
    return portal;
  }

  /** What the portal forgot with the old installation has to be wired again. */
  async function renew(tx: OutboxTx, portalId: string, install: VerifiedInstall): Promise<void> {
    const data = {
      ...address(install),
      uninstalledAt: null,
      installerUserId: install.userId,
      botGeneration: 'unknown',
    };
    await tx.prisma.portal.update({ where: { id: portalId }, data });
    await tx.prisma.connector.updateMany({ where: { portalId }, data: { state: 'pending' } });
    await tx.prisma.channel.updateMany({ where: { portalId }, data: { state: 'pending' } });
    await tx.prisma.bot.updateMany({ where: { portalId }, data: { state: 'pending', appliedHash: null } });
  }

  return {
    async store(install, requestId) {
      const portalId = await outbox.transaction(async (tx) => {
        const known = await tx.prisma.portal.findUnique({ where: { memberId: install.memberId } });
        // Grants of an earlier installation stay dead (contract platform §2.3).
        if (known?.uninstalledAt) await tx.prisma.grant.deleteMany({ where: { portalId: known.id } });
        if (known) await renew(tx, known.id, install);
        const { id, gateId } = known ?? (await create(tx, install));
        await storeGrant(tx, id, install);
        const open = { blockedUntil: null, blockedReason: null };
        await tx.prisma.gate.update({ where: { id: gateId }, data: open });
        const job = { gateId: gateId.toString(), portalId: id, requestId };
        await tx.enqueue([jobs.setUpPortal({ ...job, payload: { portalId: id } })]);
        return id;
      });
      deps.portals.forget(portalId);
      log.info('portal.installed', { portalId, domain: install.domain, requestId });
      return { portalId };
    },
    async addGrant(portalId, install) {
      await outbox.transaction(async (tx) => {
        // The OAuth server has vouched for the address too.
        const { gateId } = await tx.prisma.portal.update({ where: { id: portalId }, data: address(install) });
        await storeGrant(tx, portalId, install);
        const open = { blockedUntil: null, blockedReason: null };
        const where = { id: gateId, blockedReason: { in: OPENED_BY_A_GRANT } };
        const { count } = await tx.prisma.gate.updateMany({ where, data: open });
        if (count > 0) tx.wakeAfterCommit([gateId.toString()]);
      });
      deps.portals.forget(portalId);
    },
    async uninstalled(portalId, requestId) {
      await outbox.transaction(async (tx) => {
        const data = { uninstalledAt: new Date(clock.now()) };
        const { gateId } = await tx.prisma.portal.update({ where: { id: portalId }, data });
        const until = new Date(clock.now() + UNINSTALLED_BLOCK_MS);
        const closed = { blockedUntil: until, blockedReason: 'uninstalled' };
        await tx.prisma.gate.update({ where: { id: gateId }, data: closed });
        const job = { gateId: deps.localGateId, portalId, requestId, payload: { portalId } };
        await tx.enqueue([jobs.confirmUninstall(job)]);
      });
      deps.portals.forget(portalId);
      log.warn('portal.uninstalled', { portalId });
    },
  };
}

/** Blocks that end when an administrator's token turns out to be good. */
const OPENED_BY_A_GRANT = [
  'no_grant',
  'invalid_grant',
  'invalid_client',
  'invalid_token',
  'authorization_error',
  'user_access_error',
  'APPLICATION_NOT_FOUND',
];

/** Until somebody installs it again, which opens the gate at once. */
const UNINSTALLED_BLOCK_MS = 10 * 365 * 24 * 3_600_000;

const address = (
  install: VerifiedInstall,
): {
  domain: string;
  clientEndpoint: string;
  serverEndpoint: string;
  scope: string[];
  appVersion: string;
  applicationTokenHash?: string;
} => ({
  domain: install.domain,
  clientEndpoint: install.clientEndpoint,
  serverEndpoint: install.serverEndpoint,
  scope: install.scope,
  appVersion: install.version,
  ...(install.applicationToken === undefined ? {} : { applicationTokenHash: hashSecret(install.applicationToken) }),
});
