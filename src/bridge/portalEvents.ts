import { readDialogs, readOperatorMessages } from '../bitrix24/connectorEvents.ts';
import { eventKey, type PortalEvent, readLineDelete, readStatusDelete } from '../bitrix24/events.ts';
import type { Database, Prisma } from '../db/database.ts';
import type { Clock } from '../kit/clock.ts';
import { RequestError } from '../kit/errors.ts';
import type { Logger } from '../kit/logger.ts';
import { hashSecret, sameSecret } from '../kit/secrets.ts';
import type { Handler, OutboxTx } from '../outbox/job.ts';
import type { Outbox } from '../outbox/outbox.ts';
import { convergeTitles, lockConversation } from './conversations.ts';
import type { Applied } from './effects.ts';
import { applyPortalEvent } from './jobs.ts';

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

/** The proof has been checked; a secret has no place in a payload. */
const withoutProof = (event: PortalEvent): Prisma.InputJsonObject =>
  Object.fromEntries<unknown>(
    Object.entries(event).filter(([key]) => key !== 'applicationToken'),
  ) as Prisma.InputJsonObject;

/** Events of one chat are applied in order. @throws RequestError when the data has an unknown shape. */
function chatOf(event: PortalEvent): string {
  if (event.event.startsWith('ONIMCONNECTORDIALOG')) return readDialogs(event)[0]?.externalChatId ?? '';
  if (event.event === 'ONIMCONNECTORMESSAGEADD') return readOperatorMessages(event).items[0]?.externalChatId ?? '';
  return '';
}

type Effect = (tx: OutboxTx, portalId: string, event: PortalEvent, requestId: string) => Promise<Applied>;

const APPLIED: Applied = { state: 'applied' };

/** A session opened: a name that waited for one can be set now. */
const dialogStarted: Effect = async (tx, portalId, event, requestId) => {
  for (const dialog of readDialogs(event)) {
    const conversation = await findByDialog(tx, portalId, dialog);
    if (!conversation) continue;
    const { bitrixUserId, sessionId } = dialog;
    const change = { sessionOpen: true, sessionId, ...(bitrixUserId === '0' ? {} : { bitrixUserId }) };
    await tx.prisma.conversation.update({ where: { id: conversation.id }, data: change });
    await convergeTitles(tx, { ...conversation, ...change }, requestId, { dialogExists: true });
  }
  return APPLIED;
};

const dialogFinished: Effect = async (tx, portalId, event) => {
  for (const dialog of readDialogs(event)) {
    const conversation = await findByDialog(tx, portalId, dialog);
    // A late event about an earlier session says nothing of the one that is open now.
    if (!conversation || (conversation.sessionId !== null && conversation.sessionId !== dialog.sessionId)) continue;
    await tx.prisma.conversation.update({ where: { id: conversation.id }, data: { sessionOpen: false } });
  }
  return APPLIED;
};

/** Of channels that still exist: our own disconnecting deletes the row first, so it is never answered here. */
const disconnected: Effect = async (tx, portalId, event) => {
  const { connector, line } = readStatusDelete(event);
  const where = { portalId, lineId: Number(line), connector: { code: connector } };
  const data = { state: 'disconnected', lastError: 'disconnected_on_portal' };
  const { count } = await tx.prisma.channel.updateMany({ where, data });
  return count > 0 ? APPLIED : { state: 'ignored', note: 'not a line of ours' };
};

/** Sent for every line of the portal, ours or not (contract imconnector §4.6). */
const lineDeleted: Effect = async (tx, portalId, event) => {
  const where = { portalId, lineId: Number(readLineDelete(event)) };
  const { count } = await tx.prisma.channel.updateMany({
    where,
    data: { state: 'disconnected', lastError: 'line_deleted' },
  });
  return count > 0 ? APPLIED : { state: 'ignored', note: 'not a line of ours' };
};

const effects: Readonly<Record<string, Effect>> = {
  ONIMCONNECTORDIALOGSTART: dialogStarted,
  ONIMCONNECTORDIALOGFINISH: dialogFinished,
  ONIMCONNECTORSTATUSDELETE: disconnected,
  ONIMCONNECTORLINEDELETE: lineDeleted,
};

async function findByDialog(
  tx: OutboxTx,
  portalId: string,
  dialog: { connector: string; line: string; externalChatId: string },
): ReturnType<typeof lockConversation> {
  const channel = { portalId, lineId: Number(dialog.line), connector: { code: dialog.connector } };
  const row = await tx.prisma.conversation.findFirst({
    where: { dialogKey: dialog.externalChatId, channel },
    select: { id: true },
  });
  return row ? lockConversation(tx, row.id) : undefined;
}

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
          const applied = (await effects[row.event]?.(tx, row.portalId, event, row.requestId)) ?? {
            state: 'unhandled',
            note: 'this type of event is not handled yet',
          };
          const data = { state: applied.state, note: applied.note ?? null, appliedAt: new Date(deps.clock.now()) };
          await tx.prisma.portalEvent.update({ where: { id }, data });
          deps.log.info('portalEvent.applied', { eventId: job.payload.eventId, type: row.event, state: applied.state });
        },
      };
    },
  };
}
