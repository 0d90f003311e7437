import type { Database, Prisma } from '../db/database.ts';
import type { Clock } from '../kit/clock.ts';
import type { Logger } from '../kit/logger.ts';
import type { Failure, Handler, Job, OutboxTx, Result, Run } from '../outbox/job.ts';
import { type ConversationContext, withContext } from './conversations.ts';
import type { RunOptions } from './model.ts';

/** A run goes in turns, each of one page and one commit: a crash repeats a turn, and other work of the portal comes between. */

/** Conversations of one turn. */
const PAGE = 10;
/** Longer than an event of the portal is on its way to us. */
const LOOK_AGAIN_MS = 3_000;

/** A run over the conversations of a portal. */
export type RunRow = Prisma.RunGetPayload<object> & { portalId: string };

/** What one kind of run does. */
export interface RunTurns<Finding> {
  /** What is looked at, in the plural. */
  what: string;
  /** Name of the log line of a turn. */
  event: string;
  scope: (portalId: string, options: RunOptions) => Prisma.ConversationWhereInput;
  /** Conversations of one turn; 10 where each of them costs several requests. */
  page?: number;
  /** Asks the portal, and changes nothing. */
  look: (row: RunRow, page: readonly ConversationContext[], run: Run) => Promise<Finding[]>;
  /** A name for what may be no finding in a moment: it is believed when a second look finds it too. */
  suspect?: (finding: Finding) => string | undefined;
  /** Stores the findings and repairs, unless the run is dry. Returns how many are being repaired. */
  record: (tx: OutboxTx, row: RunRow, findings: readonly Finding[], requestId: string | undefined) => Promise<number>;
}

interface TurnDeps {
  db: Database;
  clock: Clock;
  log: Logger;
}

export function createRunHandler<Finding>(turns: RunTurns<Finding>, { db, clock, log }: TurnDeps): Handler {
  const { page: take = PAGE, suspect: nameOf = () => undefined } = turns;

  async function nextPage({ portalId, options, cursor }: RunRow): Promise<ConversationContext[]> {
    const where = {
      ...turns.scope(portalId, options as RunOptions),
      ...(cursor === null ? {} : { id: { gt: cursor } }),
    };
    return db.prisma.conversation.findMany({ where, include: withContext, orderBy: { id: 'asc' }, take });
  }

  return {
    async run(job, run) {
      const found = await db.prisma.run.findUnique({ where: { id: job.payload.runId ?? '' } });
      if (!found || found.portalId === null || found.state === 'done') return { outcome: 'done' };
      const row = { ...found, portalId: found.portalId };
      const page = await nextPage(row);
      const seen = await turns.look(row, page, run);
      const { suspects: before, ...options } = row.options as RunOptions;
      const suspects = seen.map(nameOf).filter((name) => name !== undefined);
      if (before === undefined && suspects.length > 0) return lookAgain(row.id, { ...options, suspects });
      // What only the second look found was said after the first: it will arrive by itself.
      const believed = new Set([...(before ?? []), undefined]);
      const findings = seen.filter((finding) => believed.has(nameOf(finding)));
      const isLast = page.length < take;
      const now = new Date(clock.now());
      const commit = async (tx: OutboxTx): Promise<void> => {
        const repaired = await turns.record(tx, row, findings, job.requestId);
        const data = {
          state: isLast ? 'done' : 'running',
          startedAt: row.startedAt ?? now,
          finishedAt: isLast ? now : null,
          cursor: page.at(-1)?.id ?? row.cursor,
          checked: { increment: page.length },
          found: { increment: findings.length },
          repaired: { increment: repaired },
          lastError: null,
          options,
        };
        await tx.prisma.run.update({ where: { id: row.id }, data });
        log.info(turns.event, { runId: row.id, checked: page.length, found: findings.length, repaired });
      };
      if (isLast) return { outcome: 'done', commit };
      return { outcome: 'later', afterMs: 0, reason: `the next ${turns.what} are still to be looked at`, commit };
    },
    failed: noteRunFailure,
  };
}

function lookAgain(id: string, options: RunOptions): Result {
  return {
    outcome: 'later',
    afterMs: LOOK_AGAIN_MS,
    reason: 'what is on its way just now shall arrive first',
    async commit(tx) {
      await tx.prisma.run.update({ where: { id }, data: { state: 'running', options: { ...options } } });
    },
  };
}

/** Shows on the run why it does not go on; retrying its job lets it. */
export async function noteRunFailure(tx: OutboxTx, job: Job, failure: Failure): Promise<void> {
  const state = failure.outcome === 'retry' ? {} : { state: 'failed' };
  const where = { id: job.payload.runId ?? '' };
  await tx.prisma.run.updateMany({ where, data: { ...state, lastError: failure.code } });
}
