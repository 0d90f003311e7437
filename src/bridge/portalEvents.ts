import { readDialogs, readMessageChanges } from '../bitrix24/connectorEvents.ts';
import { eventKey, type PortalEvent, readLine, readLineDelete } from '../bitrix24/events.ts';
import type { Database, Prisma, Tx } from '../db/database.ts';
import type { Clock } from '../kit/clock.ts';
import { RequestError } from '../kit/errors.ts';
import type { Logger } from '../kit/logger.ts';
import { hashSecret, sameSecret } from '../kit/secrets.ts';
import type { Handler } from '../outbox/job.ts';
import type { Outbox } from '../outbox/outbox.ts';
import { applyPortalEvent } from './jobs.ts';
import type { PortalApplied } from './portalEffect.ts';
import { portalEffects } from './portalEffects.ts';

/** Of which portal an event is; proven by the application token, in constant time. */
export async function identifyPortal(db: Database, event: PortalEvent): Promise<{ id: string }> {
  const portal = await db.prisma.portal.findUnique({ where: { memberId: event.memberId } });
  // Compared for unknown portals too, so that the time does not tell which are known.
  const genuine = sameSecret(hashSecret(event.applicationToken), portal?.applicationTokenHash ?? '');
  if (!portal || !genuine) throw new RequestError('unverified_origin');
  return portal;
}

/** Makes an event of Bitrix24 durable: it is sent once, and never again. Repetitions are recognised by what it speaks of. */
export async function acceptPortalEvent(
  deps: { outbox: Outbox; localGateId: string },
  portalId: string,
  event: PortalEvent,
  requestId: string,
): Promise<{ accepted: boolean }> {
  return deps.outbox.transaction(async (tx) => {
    if (!(await concernsUs(tx, portalId, event))) return { accepted: false };
    const row = {
      portalId,
      requestId,
      event: event.event,
      dedupeKey: eventKey(event),
      payload: withoutProof(event),
    };
    const [created] = await tx.prisma.portalEvent.createManyAndReturn({ data: [row], skipDuplicates: true });
    if (!created) return { accepted: false };
    const job = { gateId: deps.localGateId, portalId, requestId, payload: { eventId: created.id.toString() } };
    await tx.enqueue([applyPortalEvent(`${portalId}:${chatOf(event)}`, job)]);
    return { accepted: true };
  });
}

/**
 * The end of a line is told to every application, and anybody on the portal who knows the token can tell us of connectors
 * that are not ours (contract imconnector §4.1, §4.6): nothing of that is kept. @throws RequestError
 */
async function concernsUs({ prisma }: Tx, portalId: string, event: PortalEvent): Promise<boolean> {
  if (event.event === 'ONIMCONNECTORLINEDELETE') {
    const lineId = Number(readLineDelete(event));
    return (await prisma.channel.findFirst({ where: { portalId, lineId }, select: { id: true } })) !== null;
  }
  if (!event.event.startsWith('ONIMCONNECTOR')) return true;
  const where = { portalId_code: { portalId, code: readLine(event).connector } };
  return (await prisma.connector.findUnique({ where, select: { id: true } })) !== null;
}

/** The proof has been checked; a secret has no place in a payload. */
const withoutProof = (event: PortalEvent): Prisma.InputJsonObject =>
  Object.fromEntries<unknown>(
    Object.entries(event).filter(([key]) => key !== 'applicationToken'),
  ) as Prisma.InputJsonObject;

/** Events of one chat are applied in order. @throws RequestError when the data has an unknown shape. */
function chatOf(event: PortalEvent): string {
  if (event.event.startsWith('ONIMCONNECTORDIALOG')) return readDialogs(event)[0]?.externalChatId ?? '';
  if (event.event.startsWith('ONIMCONNECTORMESSAGE')) return readMessageChanges(event).items[0]?.externalChatId ?? '';
  return '';
}

const NOT_HANDLED: PortalApplied = { state: 'unhandled', note: 'this type of event is not handled' };

/** Turns a stored event of Bitrix24 into state and jobs. */
export function createPortalEventApplication(deps: { db: Database; clock: Clock; log: Logger }): Handler {
  return {
    async run(job) {
      const id = BigInt(job.payload.eventId ?? '0');
      const row = await deps.db.prisma.portalEvent.findUnique({ where: { id } });
      if (row?.state !== 'accepted') return { outcome: 'done' };
      const event = row.payload as unknown as PortalEvent;
      return {
        outcome: 'done',
        async commit(tx) {
          const { portalId, requestId } = row;
          const now = new Date(deps.clock.now());
          const applied = (await portalEffects[row.event]?.({ tx, portalId, requestId, now }, event)) ?? NOT_HANDLED;
          const { state, note = null, conversationId = null } = applied;
          const data = { state, note, conversationId, appliedAt: now };
          await tx.prisma.portalEvent.update({ where: { id }, data });
          deps.log.info('portalEvent.applied', { eventId: job.payload.eventId, type: row.event, state });
        },
      };
    },
  };
}
