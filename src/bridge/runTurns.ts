import type { Database, Prisma } from '../db/database.ts';
import type { Clock } from '../kit/clock.ts';
import { DeliveryError } from '../kit/errors.ts';
import type { Logger } from '../kit/logger.ts';
import type { Failure, Handler, Job, OutboxTx, Result, Run } from '../outbox/job.ts';
import { type ConversationContext, withContext } from './conversations.ts';
import type { LookedAt, RunOptions } from './model.ts';

/** A run goes in turns, each of one page and one commit: a crash repeats a turn, and other work of the portal comes between. */

/** Conversations of one turn. */
const PAGE = 10;
/** Longer than an event of the portal is on its way to us. */
const LOOK_AGAIN_MS = 10_000;
/** Events that were taken and are not applied yet are waited for, but not for ever. */
const MOST_LOOKS = 8;
/** About a minute of being refused in the portal's own words, and some hours of no answer at all. */
const STUBBORN_ATTEMPTS = { answered: 6, unanswered: 13 };

/** A run over the conversations of a portal. */
export type RunRow = Prisma.RunGetPayload<object> & { portalId: string };

/** What one kind of run does. */
export interface RunTurns<Finding> {
  /** What is looked at, in the plural. */
  what: string;
  /** Name of the log line of a turn. */
  event: string;
  scope: (portalId: string, options: RunOptions) => Prisma.ConversationWhereInput;
  /** Turns before those of the pages, until it says `prepared`: what the run has to know besides. */
  prepare?: (row: RunRow, run: Run) => Promise<RunOptions>;
  /** Conversations of one turn; 10 where each of them costs several requests. */
  page?: number;
  /** Asks the portal, and changes nothing. */
  look: (row: RunRow, page: readonly ConversationContext[], run: Run) => Promise<Finding[]>;
  /** A name for what may be no finding in a moment: it is believed when a second look finds it too. */
  suspect?: (finding: Finding) => string | undefined;
  /** Whether something that was taken may still make a finding none. */
  isUnderWay?: (row: RunRow) => Promise<boolean>;
  /** Stores the findings and repairs, unless the run is dry. Returns how many are being repaired. */
  record: (tx: OutboxTx, row: RunRow, findings: readonly Finding[], requestId: string | undefined) => Promise<number>;
}

interface Unreadable {
  conversationId: string;
  error: DeliveryError;
}

interface Seen<Finding> {
  findings: Finding[];
  unreadable: Unreadable[];
}

interface TurnDeps {
  db: Database;
  clock: Clock;
  log: Logger;
}

export function createRunHandler<Finding>(turns: RunTurns<Finding>, { db, clock, log }: TurnDeps): Handler {
  const { page: take = PAGE, suspect: nameOf = () => undefined } = turns;
  const load = { include: withContext, orderBy: { id: 'asc' } } as const;

  async function pageOf({ portalId, cursor }: RunRow, options: RunOptions, again: LookedAt | undefined) {
    if (again) {
      const where = { id: { in: again.conversationIds } };
      return { page: await db.prisma.conversation.findMany({ ...load, where }), isLast: again.isLast };
    }
    const where = { ...turns.scope(portalId, options), ...(cursor === null ? {} : { id: { gt: cursor } }) };
    const page = await db.prisma.conversation.findMany({ ...load, where, take });
    return { page, isLast: page.length < take };
  }

  /** The next step of the preparation. One that fails again and again must not cost the rest of the run. */
  async function prepare(row: RunRow, job: Job, run: Run): Promise<RunOptions> {
    try {
      return (await turns.prepare?.(row, run)) ?? {};
    } catch (error) {
      if (!isStubborn(error, job)) throw error;
      log.warn('run.unprepared', { runId: row.id, error });
      return { prepared: true };
    }
  }

  /** What fails with a whole page again and again is looked at one by one: one odd dialog must not hide the others. */
  async function look(row: RunRow, page: readonly ConversationContext[], job: Job, run: Run): Promise<Seen<Finding>> {
    try {
      return { findings: await turns.look(row, page, run), unreadable: [] };
    } catch (error) {
      if (!isStubborn(error, job)) throw error;
    }
    const findings: Finding[] = [];
    const unreadable: Unreadable[] = [];
    for (const one of page) {
      try {
        findings.push(...(await turns.look(row, [one], run)));
      } catch (error) {
        if (!isStubborn(error, job)) throw error;
        unreadable.push({ conversationId: one.id, error });
      }
    }
    // Where nothing is answered it is not the dialogs.
    if (unreadable[0] && unreadable.length === page.length) throw unreadable[0].error;
    return { findings, unreadable };
  }

  /** What the first look found is looked at twice, and longer while something that was taken is not applied. */
  async function isTooSoon(row: RunRow, again: LookedAt | undefined, suspects: readonly string[]): Promise<boolean> {
    if (suspects.length === 0) return false;
    if (!again) return true;
    return again.looks < MOST_LOOKS && ((await turns.isUnderWay?.(row)) ?? false);
  }

  /** What a turn changes of its run, whatever it found. */
  async function begun(row: RunRow, options: RunOptions, again: LookedAt | undefined) {
    const startedAt = row.startedAt ?? new Date(clock.now());
    if (row.cursor !== null || again) return { startedAt };
    return { startedAt, total: await db.prisma.conversation.count({ where: turns.scope(row.portalId, options) }) };
  }

  return {
    async run(job, run) {
      const found = await db.prisma.run.findUnique({ where: { id: job.payload.runId ?? '' } });
      if (!found || found.portalId === null || found.state === 'done') return { outcome: 'done' };
      const row = { ...found, portalId: found.portalId };
      const { again, ...options } = row.options as RunOptions;
      if (turns.prepare && !options.prepared && row.cursor === null && !again) {
        const next = { ...options, ...(await prepare(row, job, run)) };
        return nextTurn(row.id, { startedAt: row.startedAt ?? new Date(clock.now()), options: asJson(next) });
      }
      const { page, isLast } = await pageOf(row, options, again);
      const { findings: seen, unreadable } = await look(row, page, job, run);
      const suspects = seen.map(nameOf).filter((name) => name !== undefined);
      const begins = await begun(row, options, again);
      const conversationIds = again?.conversationIds ?? page.map(({ id }) => id);
      if (await isTooSoon(row, again, suspects)) {
        const looks = (again?.looks ?? 0) + 1;
        const next = { conversationIds, isLast, suspects: again?.suspects ?? suspects, looks };
        return nextTurn(row.id, { ...begins, options: asJson({ ...options, again: next }) }, LOOK_AGAIN_MS);
      }
      // What only a later look found was said after the first: it will arrive by itself.
      const believed = new Set([...(again?.suspects ?? []), undefined]);
      const findings = seen.filter((finding) => believed.has(nameOf(finding)));
      const commit = async (tx: OutboxTx): Promise<void> => {
        const repaired = await turns.record(tx, row, findings, job.requestId);
        await recordUnreadable(tx, row.id, unreadable);
        const data = {
          ...begins,
          state: isLast ? 'done' : 'running',
          finishedAt: isLast ? new Date(clock.now()) : null,
          cursor: conversationIds.at(-1) ?? row.cursor,
          checked: { increment: page.length },
          found: { increment: findings.length + unreadable.length },
          repaired: { increment: repaired },
          lastError: null,
          options: asJson(options),
        };
        await tx.prisma.run.update({ where: { id: row.id }, data });
        log.info(turns.event, { runId: row.id, checked: page.length, found: findings.length, repaired });
      };
      if (isLast) return { outcome: 'done', commit };
      const reason = `the next ${turns.what} are still to be looked at`;
      return { outcome: 'later', afterMs: 0, reason, progress: true, commit };
    },
    failed: noteRunFailure,
  };
}

async function recordUnreadable(tx: OutboxTx, runId: string, unreadable: readonly Unreadable[]): Promise<void> {
  const data = unreadable.map(({ conversationId, error: { code } }) => ({
    ...{ runId, conversationId },
    finding: 'unreadable',
    detail: { code },
  }));
  await tx.prisma.runFinding.createMany({ data });
}

const asJson = (options: RunOptions) => options as Prisma.InputJsonObject;

const nextTurn = (id: string, data: Prisma.RunUpdateInput, afterMs = 0): Result => ({
  outcome: 'later',
  afterMs,
  progress: true,
  reason: afterMs === 0 ? 'the next turn' : 'what is on its way just now shall arrive first',
  commit: async (tx) => void (await tx.prisma.run.update({ where: { id }, data: { ...data, state: 'running' } })),
});

/** Whether the portal's trouble is with just this, as far as can be told: it was asked often enough. */
function isStubborn(error: unknown, { attempts }: Job): error is DeliveryError {
  if (!(error instanceof DeliveryError) || error.verdict !== 'retry' || error.throttled || error.limited) return false;
  // Codes of a portal are in capitals; ours, such as network and html_answer, are not.
  const isAnswered = /^[A-Z]/.test(error.code);
  return attempts >= (isAnswered ? STUBBORN_ATTEMPTS.answered : STUBBORN_ATTEMPTS.unanswered);
}

/** Shows on the run why it does not go on; retrying its job lets it. */
export async function noteRunFailure(tx: OutboxTx, job: Job, failure: Failure): Promise<void> {
  const state = failure.outcome === 'retry' ? {} : { state: 'failed' };
  const where = { id: job.payload.runId ?? '' };
  await tx.prisma.run.updateMany({ where, data: { ...state, lastError: failure.code } });
}
