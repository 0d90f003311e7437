import { bundled } from '../bitrix24/batch.ts';
import { type ConnectorStatus, connectorStatus, listConnectors } from '../bitrix24/connector.ts';
import { listLines, type OpenLine } from '../bitrix24/openLines.ts';
import type { Prisma } from '../db/database.ts';
import { lineDataHash, setLineData } from './connectors.ts';
import { checked, type Examine, haveDone, type Look, notMade, type Ward, workOf } from './doctorContext.ts';
import { type Check, type Diagnosis, diagnosis, fine, type Judgement, type Remedy, trouble } from './doctorFinding.ts';
import { connectChannel, convergeConnector } from './jobs.ts';

/** The connectors of ours on the portal, and the lines they are connected to. */

type ChannelRow = Prisma.ChannelGetPayload<{ include: { connector: true; messenger: true } }>;
type ConnectorRow = Prisma.ConnectorGetPayload<object>;

/** A portal with more of them is looked at in part; the rest of the lines is named. */
const MOST_LINES = 200;

/** `registered`: the name the portal shows it under; undefined: the portal does not know it. */
export function judgeConnector(
  row: { name: string; state: string; lastError: string | null },
  registered: string | undefined,
): Judgement {
  const again = 'it is registered again, with its name, its icon and its settings page';
  if (registered === undefined) return trouble('not_registered', 'the portal does not know it', again);
  if (row.state === 'failed') return trouble(row.lastError ?? 'failed', 'it could not be brought in step', again);
  if (registered !== row.name) return trouble('name_differs', 'the portal shows it under another name', again);
  return fine('the portal knows it');
}

/** `line`: as the portal has it; undefined: it has none of this number. */
export function judgeLine(
  channel: { lineId: number; state: string; lastError: string | null },
  line: OpenLine | undefined,
  status: ConnectorStatus,
): Judgement {
  const connects = 'the connector is activated on it again';
  if (!line) {
    const repair =
      'make a channel with a line that exists, and move its conversations there (PATCH /conversations/{id})';
    return trouble('line_not_found', `the portal has no line ${channel.lineId} any more`, repair);
  }
  if (status.error)
    return trouble('line_error', 'the connector is marked as broken on it, and takes nothing', connects);
  if (!status.usable)
    return trouble('disconnected', 'the connector is switched off on it, and takes nothing', connects);
  if (channel.state !== 'ready') {
    return trouble(
      channel.lastError ?? 'not_connected',
      `the portal has it, but its channel is ${channel.state}`,
      connects,
    );
  }
  if (!line.active) {
    const repair = 'an administrator of the portal switches the line on in the contact centre';
    return trouble('line_inactive', 'the connector is active, but the line itself is switched off', repair);
  }
  return fine('the connector is active on it');
}

export function judgeLineData(applied: string | null, wanted: string): Judgement {
  if (applied === wanted) return fine('the line shows the messenger and the address of the gateway');
  const repair = 'the line is told again';
  return trouble('data_differs', 'what the line shows of the messenger is not, or not surely, as it is now', repair);
}

const subjectOf = (channel: ChannelRow): string => `${channel.connector.code} on line ${channel.lineId}`;

/** Registers first: a connector the portal has lost cannot be activated anywhere. */
const connect =
  (look: Look, { id: channelId, connector }: ChannelRow): Remedy =>
  async () => {
    await look.db.prisma.channel.update({ where: { id: channelId }, data: { state: 'pending', lastError: null } });
    const work = workOf(look.portal);
    await haveDone(look, [
      convergeConnector(connector.code, { ...work, payload: { connectorId: connector.id } }),
      connectChannel(connector.code, { ...work, payload: { channelId } }),
    ]);
  };

const register =
  (look: Look, { id: connectorId, code }: ConnectorRow): Remedy =>
  async () => {
    await look.db.prisma.connector.update({ where: { id: connectorId }, data: { state: 'pending', lastError: null } });
    await haveDone(look, [convergeConnector(code, { ...workOf(look.portal), payload: { connectorId } })]);
  };

const tellLine =
  (look: Look, channel: ChannelRow): Remedy =>
  async () => {
    const url = look.publicUrl();
    await setLineData(channel, look.call, url);
    const data = { appliedDataHash: lineDataHash(channel, url) };
    await look.db.prisma.channel.update({ where: { id: channel.id }, data });
  };

async function examineConnectors(look: Look): Promise<Diagnosis[]> {
  const rows = await look.db.prisma.connector.findMany({
    where: { portalId: look.portal.id },
    orderBy: { code: 'asc' },
  });
  try {
    const known = await listConnectors(look.call);
    return rows.map((row) =>
      diagnosis('connector', row.code, judgeConnector(row, known.get(row.code)), register(look, row)),
    );
  } catch (error) {
    return rows.map((row) => diagnosis('connector', row.code, notMade(error)));
  }
}

async function examineLines(look: Look): Promise<Diagnosis[]> {
  const channels = await look.db.prisma.channel.findMany({
    where: { portalId: look.portal.id },
    include: { connector: true, messenger: true },
    orderBy: [{ lineId: 'asc' }, { id: 'asc' }],
  });
  const lines = listLines(look.call);
  // Nobody may be waiting for it: a portal without channels is asked all the same.
  lines.catch(() => undefined);
  const asked = channels.slice(0, MOST_LINES);
  const call = bundled(look.call, look);
  const found = await Promise.all(asked.map((channel) => examineLine({ ...look, call }, channel, lines)));
  return [...found.flat(), ...channels.slice(MOST_LINES).map(tooMany)];
}

async function examineLine(look: Look, channel: ChannelRow, lines: Promise<OpenLine[]>): Promise<Diagnosis[]> {
  const { connector, lineId } = channel;
  const judge = async (): Promise<Judgement> => {
    const status = await connectorStatus(look.call, { connector: connector.code, line: String(lineId) });
    return judgeLine(
      channel,
      (await lines).find(({ id }) => id === String(lineId)),
      status,
    );
  };
  const line = await checked('line', subjectOf(channel), judge, connect(look, channel));
  const isForPerson = line.code === 'line_not_found' || line.code === 'line_inactive';
  if (isForPerson) delete line.remedy;
  const data = judgeLineData(channel.appliedDataHash, lineDataHash(channel, look.publicUrl()));
  return [line, diagnosis('connectorData', subjectOf(channel), data, !isForPerson && tellLine(look, channel))];
}

function tooMany(channel: ChannelRow): Diagnosis {
  const judgement: Judgement = {
    state: 'unknown',
    code: 'too_many',
    detail: `only ${MOST_LINES} lines are looked at`,
    repair: 'GET /channels tells the state of each',
  };
  return diagnosis('line', subjectOf(channel), judgement);
}

const examine: Examine = async (look) => {
  const [connectors, lines] = await Promise.all([examineConnectors(look), examineLines(look)]);
  return [...connectors, ...lines];
};

const checks: readonly Check[] = ['connector', 'line', 'connectorData'];
export const connectorsWard: Ward = { checks, examine };
