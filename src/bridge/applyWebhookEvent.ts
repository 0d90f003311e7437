import type { Database } from '../db/database.ts';
import type { Clock } from '../kit/clock.ts';
import type { Logger } from '../kit/logger.ts';
import type { MessengerEvent } from '../messenger/payload.ts';
import type { Handler } from '../outbox/job.ts';
import { type Effect, effects, type EventContext } from './effects.ts';

/** Turns a stored event into state and jobs: one transaction with the event's own state. */
export function createWebhookEventApplication(deps: { db: Database; clock: Clock; log: Logger }): Handler {
  return {
    async run(job) {
      const { eventId = '0' } = job.payload;
      const row = await deps.db.prisma.webhookEvent.findUnique({ where: { id: BigInt(eventId) } });
      if (row?.state !== 'accepted') return { outcome: 'done' };
      const event = row.payload as unknown as MessengerEvent;
      return {
        outcome: 'done',
        async commit(tx) {
          const context: EventContext = {
            tx,
            messengerId: row.messengerId,
            requestId: row.requestId,
            at: happenedAt(event, row.receivedAt),
            sequence: event.data.sequence === undefined ? null : BigInt(event.data.sequence),
          };
          // The table's row for a type takes exactly that type's event.
          const effect = effects[event.type] as Effect<MessengerEvent>;
          const { state, note } = await effect(context, event);
          const applied = { state, note: note ?? null, appliedAt: new Date(deps.clock.now()) };
          await tx.prisma.webhookEvent.update({ where: { id: row.id }, data: applied });
          deps.log.info('event.applied', { eventId, type: event.type, state, note, requestId: row.requestId });
        },
      };
    },
  };
}

/** As far as a messenger's clock may be ahead of ours; the window of a webhook's own timestamp. */
const CLOCK_TOLERANCE_MS = 5 * 60_000;

/** A name from the year 2099 would win for ever: a time from the future counts as the time of receipt. */
function happenedAt(event: MessengerEvent, receivedAt: Date): Date {
  const at = new Date(event.timestamp);
  return at.getTime() > receivedAt.getTime() + CLOCK_TOLERANCE_MS ? receivedAt : at;
}
