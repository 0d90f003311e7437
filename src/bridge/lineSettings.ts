import type { Database } from '../db/database.ts';
import { RequestError } from '../kit/errors.ts';
import { changeChannel, createChannel } from './admin/channels.ts';
import type { Administration } from './admin/deps.ts';
import type { CompanionPolicy } from './model.ts';

/** A line of a portal as its settings page names it. */
export interface PortalLine {
  portalId: string;
  /** Code of a connector, in any case. */
  connector: string;
  lineId: number;
}

/** What an administrator chooses for a line inside Bitrix24. */
export interface LineWish {
  /** Slug. */
  messenger: string;
  /** Null: the name as the messenger gives it. */
  titleTemplate: string | null;
  companionMode: CompanionPolicy['mode'];
}

export interface LineSettings {
  connector: string;
  lineId: number;
  messengers: { slug: string; name: string }[];
  /** What was chosen before. */
  chosen?: LineWish & LineState;
}

export interface LineState {
  state: string;
  lastError: string | null;
}

export interface ConnectedLine extends LineState {
  connector: string;
  lineId: number;
  messenger: string;
}

const MAX_MESSENGERS = 500;

/** Undefined: the connector is not one of ours. */
export async function readLineSettings(db: Database, line: PortalLine): Promise<LineSettings | undefined> {
  const code = line.connector.toLowerCase();
  const where = { portalId_code: { portalId: line.portalId, code } };
  const connector = await db.prisma.connector.findUnique({ where });
  if (!connector) return undefined;
  const key = { connectorId_lineId: { connectorId: connector.id, lineId: line.lineId } };
  const channel = await db.prisma.channel.findUnique({ where: key, include: { messenger: true } });
  const messengers = await db.prisma.messenger.findMany({
    select: { slug: true, name: true },
    orderBy: { name: 'asc' },
    take: MAX_MESSENGERS,
  });
  const settings = { connector: connector.name, lineId: line.lineId, messengers };
  if (!channel) return settings;
  const { titleTemplate, state, lastError } = channel;
  const companionMode = (channel.companion as unknown as CompanionPolicy).mode;
  return { ...settings, chosen: { messenger: channel.messenger.slug, titleTemplate, companionMode, state, lastError } };
}

/**
 * Connects the line as wished. What the page does not show of a channel stays as it is.
 * @throws RequestError in_use when another messenger's conversations are mapped through the line; others like POST
 * and PATCH /channels.
 */
export async function saveLineSettings(
  deps: Administration,
  line: PortalLine,
  wish: LineWish,
  requestId: string,
): Promise<LineState> {
  const { portalId, lineId } = line;
  const connector = line.connector.toLowerCase();
  const { messenger, titleTemplate, companionMode: mode } = wish;
  const where = { portalId, lineId, connector: { code: connector } };
  const channel = await deps.db.prisma.channel.findFirst({ where, include: { messenger: true } });
  if (!channel) {
    const made = { portalId, messenger, connector, lineId, autoMap: true, titleTemplate, companion: { mode } };
    return createChannel(deps, made, requestId);
  }
  if (channel.messenger.slug !== messenger) await changeMessenger(deps.db, channel.id, messenger);
  const companion = { ...(channel.companion as unknown as CompanionPolicy), mode };
  return changeChannel(deps, channel.id, { titleTemplate, companion }, requestId);
}

/** Only while nobody has spoken through it: conversations belong to their messenger. */
async function changeMessenger(db: Database, channelId: string, slug: string): Promise<void> {
  await db.transaction(async ({ prisma, sql }) => {
    await sql.rows('select 1 as locked from channel where id = $1::uuid for update', channelId);
    const messenger = await prisma.messenger.findUnique({ where: { slug } });
    if (!messenger) throw new RequestError('invalid_request', 'There is no such messenger');
    if (await prisma.conversation.findFirst({ where: { channelId }, select: { id: true } })) {
      throw new RequestError('in_use', 'Conversations of another messenger go through this line already');
    }
    const data = { messengerId: messenger.id, state: 'pending', lastError: null };
    await prisma.channel.update({ where: { id: channelId }, data });
  });
}

/** What the main page tells an administrator. */
export async function connectedLines(db: Database, portalId: string): Promise<ConnectedLine[]> {
  const channels = await db.prisma.channel.findMany({
    where: { portalId },
    include: { connector: true, messenger: true },
    orderBy: [{ lineId: 'asc' }, { createdAt: 'asc' }],
    take: 200,
  });
  return channels.map(({ connector, messenger, lineId, state, lastError }) => ({
    connector: connector.name,
    messenger: messenger.name,
    lineId,
    state,
    lastError,
  }));
}
