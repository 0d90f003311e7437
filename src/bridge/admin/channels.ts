import { getLine } from '../../bitrix24/openLines.ts';
import type { Prisma, Tx } from '../../db/database.ts';
import { RequestError } from '../../kit/errors.ts';
import type { OutboxTx } from '../../outbox/job.ts';
import * as jobs from '../jobs.ts';
import type { CompanionPolicy } from '../model.ts';
import type { Administration, Page } from './deps.ts';
import { inOrder } from './listing.ts';
import { holdChannel } from './locks.ts';
import { getInstalled } from './portals.ts';
import { noSuch, orConflict, orInUse, unknownReference } from './refusals.ts';
import { isOver, settled } from './settled.ts';

const withEnds = { portal: true, messenger: true, connector: true } satisfies Prisma.ChannelInclude;

export type ChannelRow = Prisma.ChannelGetPayload<{ include: typeof withEnds }>;

export interface NewChannel {
  portalId: string;
  /** Slug. */
  messenger: string;
  /** Code. */
  connector: string;
  lineId: number;
  autoMap: boolean;
  titleTemplate?: string | null | undefined;
  companion: CompanionPolicy;
  notes?: boolean | undefined;
  finishOnClose?: boolean | undefined;
  recoverMaxAgeHours?: number | undefined;
}

export interface ChannelChange extends Pick<NewChannel, 'notes' | 'finishOnClose' | 'recoverMaxAgeHours'> {
  autoMap?: boolean | undefined;
  titleTemplate?: string | null | undefined;
  companion?: CompanionPolicy | undefined;
}

const TAKEN = 'The connector already has a channel on this line';
const IN_USE = 'Conversations are mapped through this channel: move or delete them, or delete with ?force=true';

export const listChannels = (
  { db }: Administration,
  filter: { portalId?: string | undefined; messenger?: string | undefined },
  page: Page,
): Promise<ChannelRow[]> => {
  const where = {
    ...(filter.portalId === undefined ? {} : { portalId: filter.portalId }),
    ...(filter.messenger === undefined ? {} : { messenger: { slug: filter.messenger } }),
  };
  return db.prisma.channel.findMany({ ...inOrder(page, where), include: withEnds });
};

export async function getChannel({ db }: { db: Pick<Tx, 'prisma'> }, id: string): Promise<ChannelRow> {
  const channel = await db.prisma.channel.findUnique({ where: { id }, include: withEnds });
  if (!channel) throw noSuch('channel');
  return channel;
}

/**
 * The line is asked for before anything is written: the portal activates lines that do not exist, and says yes
 * (contract imconnector §3.2).
 * @throws RequestError line_not_found; DeliveryError when the portal cannot be asked now.
 */
export async function createChannel(deps: Administration, input: NewChannel, requestId: string): Promise<ChannelRow> {
  const { portal, messengerId, connectorId } = await resolve(deps, input);
  const { lineId, autoMap, titleTemplate } = input;
  const taken = await deps.db.prisma.channel.findUnique({ where: { connectorId_lineId: { connectorId, lineId } } });
  if (taken) throw new RequestError('conflict', TAKEN);
  if (!(await getLine(await deps.portals.live(portal.id), String(lineId)))) throw new RequestError('line_not_found');
  const create = deps.outbox.transaction(async (tx) => {
    const data = {
      portalId: portal.id,
      messengerId,
      connectorId,
      lineId,
      autoMap,
      titleTemplate: titleTemplate ?? null,
      companion: asJson(input.companion),
      ...habitsOf(input),
    };
    const { id } = await tx.prisma.channel.create({ data });
    const job = { gateId: portal.gateId.toString(), portalId: portal.id, requestId };
    await tx.enqueue([jobs.connectChannel(input.connector, { ...job, payload: { channelId: id } })]);
    return id;
  });
  const id = await orConflict(create, TAKEN);
  return whenConnected(deps, id);
}

async function whenConnected(deps: Administration, id: string): Promise<ChannelRow> {
  await settled(deps, () => deps.db.prisma.channel.findUnique({ where: { id } }));
  return getChannel(deps, id);
}

async function resolve(
  deps: Administration,
  input: NewChannel,
): Promise<{ portal: { id: string; gateId: bigint }; messengerId: string; connectorId: string }> {
  const { prisma } = deps.db;
  const { portalId, messenger: slug, connector: code, companion } = input;
  if (!(await prisma.portal.findUnique({ where: { id: portalId } }))) throw unknownReference('/portalId', 'portal');
  const portal = await getInstalled(deps, portalId);
  const messenger = await prisma.messenger.findUnique({ where: { slug } });
  if (!messenger) throw unknownReference('/messenger', 'messenger');
  const connector = await prisma.connector.findUnique({ where: { portalId_code: { portalId, code } } });
  if (!connector) throw unknownReference('/connector', 'connector on this portal');
  await requireBot(deps, portalId, companion);
  return { portal, messengerId: messenger.id, connectorId: connector.id };
}

async function requireBot({ db }: Administration, portalId: string, { bot }: CompanionPolicy): Promise<void> {
  if (bot === undefined) return;
  const bots = await db.prisma.bot.findMany({ where: { portalId }, select: { id: true, code: true } });
  if (!bots.some(({ id, code }) => id === bot || code === bot)) {
    throw unknownReference('/companion/bot', 'bot on this portal');
  }
}

/**
 * Titles made differently reach every conversation; a changed policy counts for companions that come. A channel that
 * is not connected is connected again, also by a change that changes nothing.
 */
export async function changeChannel(
  deps: Administration,
  id: string,
  change: ChannelChange,
  requestId: string,
): Promise<ChannelRow> {
  const { portalId } = await getChannel(deps, id);
  if (change.companion) await requireBot(deps, portalId, change.companion);
  const { autoMap, titleTemplate, companion } = change;
  const data = {
    ...(autoMap === undefined ? {} : { autoMap }),
    ...(titleTemplate === undefined ? {} : { titleTemplate }),
    ...(companion === undefined ? {} : { companion: asJson(companion) }),
    ...habitsOf(change),
  };
  const reconnects = await deps.outbox.transaction(async (tx) => {
    // What differs is judged by what another change may have left a moment ago.
    await holdChannel(tx, { id });
    const channel = await getChannel({ db: tx }, id);
    const reconnects = channel.state !== 'ready';
    const again = reconnects ? { state: 'pending', lastError: null } : {};
    await tx.prisma.channel.update({ where: { id }, data: { ...data, ...again } });
    const job = {
      gateId: channel.portal.gateId.toString(),
      portalId: channel.portalId,
      requestId,
      payload: { channelId: id },
    };
    if (reconnects) await tx.enqueue([jobs.connectChannel(channel.connector.code, job)]);
    if (retitles(channel, change)) await tx.enqueue([jobs.retitleChannel(job)]);
    return reconnects;
  });
  return reconnects ? whenConnected(deps, id) : getChannel(deps, id);
}

function retitles(channel: ChannelRow, { titleTemplate, companion }: ChannelChange): boolean {
  const before = (channel.companion as unknown as CompanionPolicy).titleTemplate;
  return (
    (titleTemplate !== undefined && titleTemplate !== channel.titleTemplate) ||
    (companion !== undefined && companion.titleTemplate !== before)
  );
}

/**
 * Disconnects the line. `force`: its conversations are forgotten too; their dialogs stay on the portal.
 * @returns whether the portal has disconnected it already.
 */
export async function removeChannel(
  deps: Administration,
  id: string,
  { force }: { force: boolean },
  requestId: string,
): Promise<boolean> {
  const { portal, portalId, connector, lineId } = await getChannel(deps, id);
  const mapped = await deps.db.prisma.conversation.findFirst({ where: { channelId: id }, select: { id: true } });
  if (mapped && !force) throw new RequestError('in_use', IN_USE);
  const payload = { portalId, connector: connector.code, line: String(lineId) };
  const job = jobs.disconnectChannel({ gateId: portal.gateId.toString(), portalId, requestId, payload });
  const remove = deps.outbox.transaction(async (tx: OutboxTx) => {
    if (force) await tx.prisma.conversation.deleteMany({ where: { channelId: id } });
    await tx.prisma.channel.delete({ where: { id } });
    // An uninstalled portal has disconnected it by itself.
    if (!portal.uninstalledAt) await tx.enqueue([job]);
  });
  await orInUse(remove, IN_USE);
  return isOver(deps, job);
}

type Habits = Pick<NewChannel, 'notes' | 'finishOnClose' | 'recoverMaxAgeHours'>;

const habitsOf = ({ notes, finishOnClose, recoverMaxAgeHours }: Habits) => ({
  ...(notes === undefined ? {} : { notes }),
  ...(finishOnClose === undefined ? {} : { finishOnClose }),
  ...(recoverMaxAgeHours === undefined ? {} : { recoverMaxAgeHours }),
});

const asJson = (policy: CompanionPolicy): Prisma.InputJsonObject => policy as unknown as Prisma.InputJsonObject;
