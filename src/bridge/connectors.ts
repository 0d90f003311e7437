import {
  activate,
  type ConnectorData,
  connectorStatus,
  registerConnector,
  setConnectorData,
  unregisterConnector,
} from '../bitrix24/connector.ts';
import { getLine } from '../bitrix24/openLines.ts';
import type { Call } from '../bitrix24/portalApi.ts';
import type { Database } from '../db/database.ts';
import type { Clock } from '../kit/clock.ts';
import { DeliveryError } from '../kit/errors.ts';
import type { Handler, Job, OutboxTx, Failure } from '../outbox/job.ts';
import type { Outbox } from '../outbox/outbox.ts';
import { hashOf } from './companionPlan.ts';
import { DEFAULT_ICON } from './icon.ts';
import { reconnected } from './lineTrouble.ts';
import { type Channel, notifyOfChannel } from './notifications.ts';
import type { PortalCalls } from './portals.ts';

interface ConnectorDeps {
  db: Database;
  outbox: Outbox;
  portals: PortalCalls;
  clock: Clock;
  /** Base URL under which Bitrix24 reaches us. */
  publicUrl: () => string;
}

/** `imconnector.activate` is saved after its answer was sent: the old state may be seen for a moment (contract §2). */
const STATUS_AGAIN_AFTER_MS = 300;

/** Registers a connector, or brings its name and icon in step: the same call. */
export function createConnectorConvergence({ db, portals, clock, publicUrl }: ConnectorDeps): Handler {
  return {
    async run(job, run) {
      const row = await db.prisma.connector.findUnique({ where: { id: job.payload.connectorId ?? '' } });
      if (!row) return { outcome: 'done' };
      await registerConnector(
        portals.of(row.portalId, () => run.token()),
        {
          code: row.code,
          name: row.name,
          iconSvgDataUri: row.icon ?? DEFAULT_ICON,
          ...(row.color === null ? {} : { color: row.color }),
          chatGroup: row.kind === 'group',
          placementHandler: `${publicUrl()}/bitrix24/connector`,
        },
      );
      const data = { state: 'ready', lastError: null, registeredAt: row.registeredAt ?? new Date(clock.now()) };
      return {
        outcome: 'done',
        commit: async (tx) => void (await tx.prisma.connector.update({ where: { id: row.id }, data })),
      };
    },
    async failed(tx, job, failure) {
      const where = { id: job.payload.connectorId ?? '' };
      await tx.prisma.connector.updateMany({ where, data: failedState(failure) });
    },
  };
}

/** The row is gone already. Never with a code that is not ours: it would disconnect the lines of others. */
export function createConnectorRemoval({ portals }: Pick<ConnectorDeps, 'portals'>): Handler {
  return {
    async run(job, run) {
      const { portalId = '', code = '' } = job.payload;
      await unregisterConnector(
        portals.of(portalId, () => run.token()),
        code,
      );
      return { outcome: 'done' };
    },
  };
}

/** Connects a line: activates the connector on it, and lets what waited for it go. */
export function createChannelConnection({ db, outbox, portals, clock, publicUrl }: ConnectorDeps): Handler {
  return {
    async run(job, run) {
      const id = job.payload.channelId ?? '';
      const include = { connector: true, messenger: true };
      const channel = await db.prisma.channel.findUnique({ where: { id }, include });
      if (!channel) return { outcome: 'done' };
      const call = portals.of(channel.portalId, () => run.token());
      const line = { connector: channel.connector.code, line: String(channel.lineId) };
      const { usable } = await connectorStatus(call, line);
      // Events come once or never: a line that was disconnected while nobody told us shows at the daily look.
      if (!usable && channel.state === 'ready')
        return { outcome: 'done', commit: (tx) => disconnectedMeanwhile(tx, channel, job, new Date(clock.now())) };
      if (!usable) {
        // The portal activates lines that do not exist, and says yes (contract imconnector §3.2).
        if (!(await getLine(call, line.line))) throw lineNotFound(line.line);
        await activate(call, { ...line, active: true });
        await setLineData(channel, call, publicUrl());
        if (!(await connectorStatus(call, line)).usable) {
          return { outcome: 'later', afterMs: STATUS_AGAIN_AFTER_MS, reason: 'the portal has not saved it yet' };
        }
      }
      if (usable && channel.appliedDataHash !== lineDataHash(channel, publicUrl())) {
        await setLineData(channel, call, publicUrl());
      }
      const appliedDataHash = lineDataHash(channel, publicUrl());
      return {
        outcome: 'done',
        async commit(tx) {
          await tx.prisma.channel.updateMany({ where: { id }, data: { appliedDataHash } });
          await reconnected(tx, id, outbox);
        },
      };
    },
    async failed(tx, job, failure) {
      const where = { id: job.payload.channelId ?? '' };
      await tx.prisma.channel.updateMany({ where, data: failedState(failure) });
    },
  };
}

interface ShownLine {
  lineId: number;
  connector: { code: string };
  messenger: { name: string };
}

/** What the contact centre shows of us on the line. */
const lineData = ({ connector, messenger }: ShownLine, publicUrl: string): ConnectorData => ({
  id: connector.code,
  name: messenger.name,
  url: publicUrl,
});

export const lineDataHash = (channel: ShownLine, publicUrl: string): string =>
  hashOf(JSON.stringify(lineData(channel, publicUrl)));

export const setLineData = (channel: ShownLine, call: Call, publicUrl: string): Promise<void> =>
  setConnectorData(call, {
    connector: channel.connector.code,
    line: String(channel.lineId),
    data: lineData(channel, publicUrl),
  });

/** As if the event had come. */
async function disconnectedMeanwhile(tx: OutboxTx, channel: Channel, job: Job, now: Date): Promise<void> {
  const { id, portalId } = channel;
  const reason = 'disconnected_on_portal';
  const data = { state: 'disconnected', lastError: reason };
  const { count } = await tx.prisma.channel.updateMany({ where: { id, state: 'ready' }, data });
  const context = { tx, portalId, requestId: job.requestId ?? `job-${job.id}`, now };
  if (count > 0) await notifyOfChannel(context, channel, reason);
}

export function createChannelDisconnection({ portals }: Pick<ConnectorDeps, 'portals'>): Handler {
  return {
    async run(job: Job, run) {
      const { portalId = '', connector = '', line = '' } = job.payload;
      await activate(
        portals.of(portalId, () => run.token()),
        { connector, line, active: false },
      );
      return { outcome: 'done' };
    },
  };
}

const lineNotFound = (line: string): DeliveryError =>
  new DeliveryError({ verdict: 'refused', code: 'line_not_found', detail: `the portal has no line ${line}` });

const failedState = ({ outcome, code }: Failure): { state?: string; lastError: string } => ({
  ...(outcome === 'retry' ? {} : { state: 'failed' }),
  lastError: code,
});
