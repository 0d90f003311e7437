import { bindEvent, listBoundEvents, unbindEvent } from '../bitrix24/connector.ts';
import { BOUND_EVENTS } from '../bitrix24/events.ts';
import { PLANS, planOf } from '../bitrix24/limits.ts';
import type { Call } from '../bitrix24/portalApi.ts';
import { appInfo } from '../bitrix24/users.ts';
import type { Database } from '../db/database.ts';
import type { Clock } from '../kit/clock.ts';
import { DeliveryError } from '../kit/errors.ts';
import type { Logger } from '../kit/logger.ts';
import { gateColumns } from '../outbox/gate.ts';
import type { Handler, NewJob, OutboxTx } from '../outbox/job.ts';
import * as jobs from './jobs.ts';
import type { PortalCalls } from './portals.ts';

/** Path below PUBLIC_URL, given to every portal. */
export const EVENTS_PATH = '/bitrix24/events';

/**
 * Wires a portal after every installation and update, because those drop the bindings, and looks after it every day
 * (contract platform §1.4). The daily look leaves alone what somebody has disconnected.
 */
export function createPortalSetUp(
  deps: {
    db: Database;
    portals: PortalCalls;
    clock: Clock;
    log: Logger;
    publicUrl: () => string;
  },
  occasion: 'installed' | 'daily',
): Handler {
  const { db, portals, clock, log } = deps;

  return {
    async run(job, run) {
      const portalId = job.payload.portalId ?? '';
      const portal = await db.prisma.portal.findUnique({ where: { id: portalId } });
      if (!portal || portal.uninstalledAt) return { outcome: 'done' };
      const call = portals.of(portalId, () => run.token());
      await bindEvents(call, `${deps.publicUrl()}${EVENTS_PATH}`);
      const plan = await readPlan(call);
      return {
        outcome: 'done',
        async commit(tx) {
          const data = { setUpAt: new Date(clock.now()), ...(plan === 'enterprise' ? { plan } : {}) };
          await tx.prisma.portal.update({ where: { id: portalId }, data });
          const rate = PLANS[plan === 'enterprise' ? plan : (portal.plan as keyof typeof PLANS)];
          await tx.prisma.gate.update({ where: { id: portal.gateId }, data: gateColumns(rate) });
          const queued = await wiring(tx, portalId, portal.gateId.toString(), job.requestId, occasion);
          await tx.enqueue(queued);
          log.info('portal.setUp', { portalId, occasion, plan, jobs: queued.length, requestId: job.requestId });
        },
      };
    },
  };
}

/**
 * Binds what is missing, and removes what points to an address of ours that is no longer true, or is bound once for
 * everybody and once more for a user: two handlers, two deliveries.
 */
export async function bindEvents(call: Call, handler: string): Promise<void> {
  const bound = await listBoundEvents(call);
  for (const { event, handler: other } of bound) {
    if (other !== handler && other.endsWith(EVENTS_PATH)) await unbindEvent(call, event, other);
  }
  for (const event of BOUND_EVENTS) {
    const times = bound.filter((one) => one.event === event && one.handler === handler).length;
    if (times > 1) await unbindEvent(call, event, handler);
    if (times !== 1) await bindEvent(call, event, handler);
  }
}

/** The plan decides how fast we may call; where the portal does not tell, the slower one is right. */
async function readPlan(call: Call): Promise<keyof typeof PLANS> {
  try {
    return planOf((await appInfo(call)).license);
  } catch (error) {
    if (error instanceof DeliveryError && error.verdict === 'refused') return 'standard';
    throw error;
  }
}

/** Everything of ours on this portal, brought in step by its own job. */
async function wiring(
  { prisma }: OutboxTx,
  portalId: string,
  gateId: string,
  requestId: string | undefined,
  occasion: 'installed' | 'daily',
): Promise<NewJob[]> {
  // A profile that was never applied is applied, which shows whether the bot is still there.
  if (occasion === 'daily') await prisma.bot.updateMany({ where: { portalId }, data: { appliedHash: null } });
  // What somebody disconnected stays disconnected; a connector that vanished was nobody's decision about a line.
  const vanished = { lastError: 'IMCONNECTOR_NO_CORRECT_PROVIDER' };
  const connected = occasion === 'daily' ? { OR: [{ state: { not: 'disconnected' } }, vanished] } : {};
  const job = { gateId, portalId, ...(requestId === undefined ? {} : { requestId }) };
  const connectors = await prisma.connector.findMany({ where: { portalId } });
  const bots = await prisma.bot.findMany({ where: { portalId } });
  const channels = await prisma.channel.findMany({
    where: { portalId, ...connected },
    include: { connector: true },
  });
  return [
    ...connectors.map(({ id, code }) => jobs.convergeConnector(code, { ...job, payload: { connectorId: id } })),
    ...bots.map(({ id, code }) => jobs.convergeBot(code, { ...job, payload: { botId: id } })),
    ...channels.map(({ id, connector }) => jobs.connectChannel(connector.code, { ...job, payload: { channelId: id } })),
  ];
}
