import type { Database, Prisma } from '../db/database.ts';
import type { Clock } from '../kit/clock.ts';
import type { Logger } from '../kit/logger.ts';
import type { MessengerEvent } from '../messenger/payload.ts';
import type { Handler, Job, OutboxTx } from '../outbox/job.ts';
import type { Applied, Effect, EventContext } from './effect.ts';
import { effects } from './effects.ts';
import { applyWebhookEvents } from './jobs.ts';
import { isMigratingTo } from './migration.ts';
import { type Decided, supersedes } from './titles.ts';

type Row = Prisma.WebhookEventGetPayload<object>;

/** Events of one transaction. */
const MANY = 200;
/** Of one after a process that died over them: it may be the many that no process finishes. */
const FEW = 10;
/** From this attempt on one event at a time, so that a broken one does not hold up the others with it. */
const ALONE_FROM_ATTEMPT = 3;
/** What comes under a new id waits until the migration to it is applied, in the lane of the old one. */
const MIGRATION_AGAIN_AFTER_MS = 200;
/** After so many failures of our own the event itself is to blame, and is put aside. Processes that died do not count. */
const GIVE_UP_AFTER_FAILURES = 5;
/** As far as a messenger's clock may be ahead of ours; the window of a webhook's own timestamp. */
const CLOCK_TOLERANCE_MS = 5 * 60_000;

/** Turns the stored events of a conversation into state and jobs, in the order they were accepted, in one transaction. */
export function createWebhookEventApplication(deps: { db: Database; clock: Clock; log: Logger }): Handler {
  const { db, clock, log } = deps;

  async function settle(tx: OutboxTx, rows: readonly Row[], { state, note }: Applied): Promise<void> {
    const [first] = rows;
    if (!first) return;
    const { count } = await tx.prisma.webhookEvent.updateMany({
      where: { id: { in: rows.map((row) => row.id) }, state: 'accepted' },
      data: { state, note: note ?? null, appliedAt: new Date(clock.now()) },
    });
    // Erased since they were loaded, with the person who wrote them: nothing of this transaction may stay.
    if (count < rows.length) throw new Error('an event is not to be applied any more');
    const { id, type, requestId } = first;
    log.info('event.applied', { eventId: id.toString(), type, state, note, requestId, count: rows.length });
  }

  async function apply(tx: OutboxTx, row: Row): Promise<void> {
    const event = eventOf(row);
    const { messengerId, requestId } = row;
    const context: EventContext = { tx, messengerId, requestId, now: new Date(clock.now()), ...decidedBy(row) };
    // The table's row for a type takes exactly that type's event.
    const effect = effects[event.type] as Effect<MessengerEvent>;
    await settle(tx, [row], await effect(context, event));
  }

  return {
    async run(job) {
      const rows = await load(db, job);
      const [first] = rows;
      if (!first) return { outcome: 'done' };
      if (first.externalId !== null && (await isMigratingTo(db, first.messengerId, first.externalId))) {
        return { outcome: 'later', afterMs: MIGRATION_AGAIN_AFTER_MS, reason: 'the conversation is about to migrate' };
      }
      if (await isHopeless(db, job)) {
        log.error('event.failed', { eventId: first.id.toString(), type: first.type, requestId: first.requestId });
        const failed: Applied = { state: 'failed', note: 'an error of the gateway; the log tells more' };
        return {
          outcome: 'done',
          commit: async (tx) => void (await settle(tx, [first], failed), await more(tx, job, first)),
        };
      }
      return {
        outcome: 'done',
        async commit(tx) {
          const { moot, effective } = sift(rows);
          await settle(tx, moot, { state: 'applied', note: 'a newer name came right after it' });
          for (const row of effective) await apply(tx, row);
          if (rows.length === limitOf(job)) await more(tx, job, first);
        },
      };
    },
  };
}

async function isHopeless(db: Database, job: Job): Promise<boolean> {
  if (job.attempts <= GIVE_UP_AFTER_FAILURES) return false;
  const failures = await db.prisma.attempt.count({ where: { jobId: BigInt(job.id), code: 'internal' } });
  return failures >= GIVE_UP_AFTER_FAILURES;
}

/** Pure: how many events one transaction applies. */
export function limitOf({ attempts, doubt }: Pick<Job, 'attempts' | 'doubt'>): number {
  if (attempts >= ALONE_FROM_ATTEMPT) return 1;
  return doubt ? FEW : MANY;
}

async function load(db: Database, job: Job): Promise<Row[]> {
  const { eventId, messengerId = '', externalId = '' } = job.payload;
  if (eventId !== undefined) {
    return db.prisma.webhookEvent.findMany({ where: { id: BigInt(eventId), state: 'accepted' } });
  }
  const where = { messengerId, externalId, state: 'accepted' };
  return db.prisma.webhookEvent.findMany({ where, orderBy: { id: 'asc' }, take: limitOf(job) });
}

/** The rest of the conversation's events, in a job of its own. */
async function more(tx: OutboxTx, job: Job, last: Row): Promise<void> {
  if (last.externalId !== null) await tx.enqueue([applyWebhookEvents(last, { gateId: job.gateId })]);
}

const eventOf = (row: Row): MessengerEvent => row.payload as unknown as MessengerEvent;

function decidedBy(row: Row): Decided {
  const { timestamp, data } = eventOf(row);
  const at = new Date(timestamp);
  // A name from the year 2099 would win for ever: a time from the future counts as the time of receipt.
  const isAhead = at.getTime() > row.receivedAt.getTime() + CLOCK_TOLERANCE_MS;
  return { at: isAhead ? row.receivedAt : at, sequence: data.sequence === undefined ? null : BigInt(data.sequence) };
}

/** Renames that one of the same batch supersedes need not be played; nothing in between depends on them. */
function sift(rows: readonly Row[]): { moot: Row[]; effective: Row[] } {
  const moot: Row[] = [];
  const effective: Row[] = [];
  let newest: Decided | undefined;
  for (const row of [...rows].reverse()) {
    const decided = decidedBy(row);
    if (row.type !== 'conversation.renamed') effective.push(row);
    else if (newest && supersedes(newest, decided)) moot.push(row);
    else {
      effective.push(row);
      newest = decided;
    }
  }
  return { moot: moot.reverse(), effective: effective.reverse() };
}
