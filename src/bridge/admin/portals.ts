import { PLANS } from '../../bitrix24/limits.ts';
import { listLines, type OpenLine } from '../../bitrix24/openLines.ts';
import type { Prisma } from '../../db/database.ts';
import { RequestError } from '../../kit/errors.ts';
import { gateColumns } from '../../outbox/gate.ts';
import type { Administration, Page } from './deps.ts';
import { inOrder } from './listing.ts';
import { noSuch } from './refusals.ts';

const withGate = {
  gate: true,
  grants: { where: { lostReason: null }, select: { id: true }, take: 1 },
} satisfies Prisma.PortalInclude;

export type PortalRow = Prisma.PortalGetPayload<{ include: typeof withGate }>;

export type Plan = keyof typeof PLANS;

/** Until somebody installs it again, which opens the gate at once. */
const ERASED_BLOCK_MS = 10 * 365 * 24 * 3_600_000;

export const listPortals = ({ db }: Administration, page: Page): Promise<PortalRow[]> =>
  db.prisma.portal.findMany({ ...inOrder(page), include: withGate });

export async function getPortal({ db }: Administration, id: string): Promise<PortalRow> {
  const portal = await db.prisma.portal.findUnique({ where: { id }, include: withGate });
  if (!portal) throw noSuch('portal');
  return portal;
}

/** A portal that can be wired. */
export async function getInstalled(deps: Administration, id: string): Promise<PortalRow> {
  const portal = await getPortal(deps, id);
  if (portal.uninstalledAt) throw new RequestError('conflict', 'The application is not installed on this portal');
  return portal;
}

/** Resuming also lifts a block: whoever does it has looked. */
export async function changePortal(
  deps: Administration,
  id: string,
  change: { paused?: boolean | undefined; plan?: Plan | undefined },
): Promise<PortalRow> {
  const { gateId, uninstalledAt } = await getPortal(deps, id);
  const { paused, plan } = change;
  const opened = paused === false && !uninstalledAt ? { blockedUntil: null, blockedReason: null } : {};
  await deps.outbox.transaction(async (tx) => {
    const gate = { ...(paused === undefined ? {} : { paused }), ...(plan ? gateColumns(PLANS[plan]) : {}), ...opened };
    await tx.prisma.gate.update({ where: { id: gateId }, data: gate });
    if (plan) await tx.prisma.portal.update({ where: { id }, data: { plan } });
    tx.wakeAfterCommit([gateId.toString()]);
  });
  return getPortal(deps, id);
}

/** Nothing can be sent any more and no event of the portal is believed; mappings stay for a new installation. */
export async function erasePortal(deps: Administration, id: string): Promise<PortalRow> {
  const { gateId, uninstalledAt } = await getPortal(deps, id);
  const now = deps.clock.now();
  await deps.outbox.transaction(async ({ prisma }) => {
    const closed = { blockedUntil: new Date(now + ERASED_BLOCK_MS), blockedReason: 'uninstalled' };
    await prisma.gate.update({ where: { id: gateId }, data: closed });
    await prisma.grant.deleteMany({ where: { portalId: id } });
    const data = { applicationTokenHash: null, uninstalledAt: uninstalledAt ?? new Date(now) };
    await prisma.portal.update({ where: { id }, data });
  });
  deps.portals.forget(id);
  return getPortal(deps, id);
}

/** @throws DeliveryError when the portal cannot be asked now. */
export const portalLines = async ({ portals }: Administration, id: string): Promise<OpenLine[]> =>
  listLines(await portals.live(id));
