import type { Prisma } from '../../db/database.ts';
import { RequestError } from '../../kit/errors.ts';
import * as jobs from '../jobs.ts';
import type { ConversationKind } from '../model.ts';
import type { Administration, Page } from './deps.ts';
import { inOrder } from './listing.ts';
import { getInstalled, getPortal } from './portals.ts';
import { noSuch, orConflict, orInUse } from './refusals.ts';
import { isOver, settled } from './settled.ts';

export type ConnectorRow = Prisma.ConnectorGetPayload<object>;

export interface NewConnector {
  code: string;
  name: string;
  kind: ConversationKind;
  icon?: string | undefined;
  color?: string | undefined;
}

const IN_USE = 'Channels use this connector: delete them first';

export async function listConnectors(deps: Administration, portalId: string, page: Page): Promise<ConnectorRow[]> {
  await getPortal(deps, portalId);
  return deps.db.prisma.connector.findMany(inOrder(page, { portalId }));
}

export async function getConnector({ db }: Administration, portalId: string, code: string): Promise<ConnectorRow> {
  const connector = await db.prisma.connector.findUnique({ where: { portalId_code: { portalId, code } } });
  if (!connector) throw noSuch('connector');
  return connector;
}

export async function createConnector(
  deps: Administration,
  portalId: string,
  { code, name, kind, icon, color }: NewConnector,
  requestId: string,
): Promise<ConnectorRow> {
  const portal = await getInstalled(deps, portalId);
  const create = deps.outbox.transaction(async (tx) => {
    const data = { portalId, code, name, kind, icon: icon ?? null, color: color ?? null };
    const row = await tx.prisma.connector.create({ data });
    const job = { gateId: portal.gateId.toString(), portalId, requestId };
    await tx.enqueue([jobs.convergeConnector(code, { ...job, payload: { connectorId: row.id } })]);
    return row;
  });
  const row = await orConflict(create, 'The portal already has a connector with this code');
  return (await settled(deps, () => deps.db.prisma.connector.findUnique({ where: { id: row.id } }))) ?? row;
}

/** @returns whether the portal has removed it already. */
export async function removeConnector(
  deps: Administration,
  portalId: string,
  code: string,
  requestId: string,
): Promise<boolean> {
  const portal = await getPortal(deps, portalId);
  const { id } = await getConnector(deps, portalId, code);
  if ((await deps.db.prisma.channel.count({ where: { connectorId: id } })) > 0) {
    throw new RequestError('in_use', IN_USE);
  }
  const job = jobs.removeConnector({
    gateId: portal.gateId.toString(),
    portalId,
    requestId,
    payload: { portalId, code },
  });
  const remove = deps.outbox.transaction(async (tx) => {
    await tx.prisma.connector.delete({ where: { id } });
    // An uninstalled portal has forgotten it by itself.
    if (!portal.uninstalledAt) await tx.enqueue([job]);
  });
  await orInUse(remove, IN_USE);
  return isOver(deps, job);
}
