import { readDialogs, readMessageChanges } from '../bitrix24/connectorEvents.ts';
import { eventKey, type PortalEvent, readLine, readLineDelete } from '../bitrix24/events.ts';
import type { Database } from '../db/database.ts';
import type { Clock } from '../kit/clock.ts';
import { RequestError } from '../kit/errors.ts';
import type { Logger } from '../kit/logger.ts';
import { hashSecret, sameSecret } from '../kit/secrets.ts';
import type { Handler } from '../outbox/job.ts';
import { enqueueFromSrc } from '../outbox/statements.ts';
import type { Wake } from '../outbox/wake.ts';
import { portalEventLane } from './jobs.ts';
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

/**
 * One statement, so one commit and one way to the database: Bitrix24 waits for the answer and calls slow handlers less
 * often. What is not about us is not kept: the end of a line is told to every application, and anybody on the portal who
 * knows the token can tell us of connectors that are not ours (contract imconnector §4.1, §4.6).
 * $1 portal, $2 dedupe key, $3 event, $4 payload, $5 request, $6 local gate, $7 lane, $8 connector, $9 line
 */
const ACCEPT = `
with ours as (
  select 1 as yes
  where ($8::text is null or exists (select 1 from connector where portal_id = $1::uuid and code = $8))
    and ($9::text is null or exists (select 1 from channel where portal_id = $1::uuid and line_id::text = $9))),
ev as (
  insert into portal_event (portal_id, dedupe_key, event, payload, request_id)
  select $1::uuid, $2::text, $3::text, $4::jsonb, $5::text from ours
  on conflict (portal_id, dedupe_key) do nothing returning id),
src as (
  select 1::bigint as ord, $6::bigint as gate_id, $7::text as lane, 'live' as class, 'applyPortalEvent' as kind,
    null::text as coalesce_key, jsonb_build_object('eventId', id::text) as payload, $5::text as request_id,
    $1::uuid as portal_id, null::uuid as conversation_id
  from ev),
${enqueueFromSrc('null')}
select (select count(*) from ins)::int as queued`;

/** Makes an event of Bitrix24 durable: it is sent once, and never again. Repetitions are recognised by what it speaks of. */
export async function acceptPortalEvent(
  deps: { db: Database; wake: Wake; localGateId: string },
  portalId: string,
  event: PortalEvent,
  requestId: string,
): Promise<{ accepted: boolean }> {
  const [row] = await deps.db.sql.rows<{ queued: number }>(
    ACCEPT,
    portalId,
    eventKey(event),
    event.event,
    JSON.stringify(withoutProof(event)),
    requestId,
    deps.localGateId,
    portalEventLane(`${portalId}:${chatOf(event)}`),
    connectorOf(event),
    lineOf(event),
  );
  const accepted = (row?.queued ?? 0) > 0;
  if (accepted) deps.wake.all([deps.localGateId]);
  return { accepted };
}

/** The connector an event is about; null when it is about none. @throws RequestError */
const connectorOf = (event: PortalEvent): string | null =>
  event.event.startsWith('ONIMCONNECTOR') && event.event !== 'ONIMCONNECTORLINEDELETE'
    ? readLine(event).connector
    : null;

const lineOf = (event: PortalEvent): string | null =>
  event.event === 'ONIMCONNECTORLINEDELETE' ? readLineDelete(event) : null;

/** The proof has been checked; a secret has no place in a payload. */
const withoutProof = (event: PortalEvent): object =>
  Object.fromEntries(Object.entries(event).filter(([key]) => key !== 'applicationToken'));

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
