import type { Database, Prisma } from '../db/database.ts';
import type { Clock } from '../kit/clock.ts';
import type { Logger } from '../kit/logger.ts';
import type { Failure, Handler, Job, OutboxTx, Run } from '../outbox/job.ts';
import { type ConversationContext, withContext } from './conversations.ts';

/** A run goes in turns, each of one page and one commit: a crash repeats a turn, and other work of the portal comes between. */

/** Conversations of one turn. */
const PAGE = 10;

/** A run over the conversations of a portal. */
export type RunRow = Prisma.RunGetPayload<object> & { portalId: string };

/** What one kind of run does. */
export interface RunTurns<Finding> {
  /** What is looked at, in the plural. */
  what: string;
  /** Name of the log line of a turn. */
  event: string;
  scope: (portalId: string) => Prisma.ConversationWhereInput;
  /** Conversations of one turn; 10 where each of them costs several requests. */
  page?: number;
  /** Asks the portal, and changes nothing. */
  look: (row: RunRow, page: readonly ConversationContext[], run: Run) => Promise<Finding[]>;
  /** Stores the findings and repairs, unless the run is dry. Returns how many are being repaired. */
  record: (tx: OutboxTx, row: RunRow, findings: readonly Finding[], requestId: string | undefined) => Promise<number>;
}

interface TurnDeps {
  db: Database;
  clock: Clock;
  log: Logger;
}

export function createRunHandler<Finding>(turns: RunTurns<Finding>, { db, clock, log }: TurnDeps): Handler {
  const { page: take = PAGE } = turns;

  async function nextPage({ portalId, cursor }: RunRow): Promise<ConversationContext[]> {
    const where = { ...turns.scope(portalId), ...(cursor === null ? {} : { id: { gt: cursor } }) };
    return db.prisma.conversation.findMany({ where, include: withContext, orderBy: { id: 'asc' }, take });
  }

  return {
    async run(job, run) {
      const found = await db.prisma.run.findUnique({ where: { id: job.payload.runId ?? '' } });
      if (!found || found.portalId === null || found.state === 'done') return { outcome: 'done' };
      const row = { ...found, portalId: found.portalId };
      const page = await nextPage(row);
      const findings = await turns.look(row, page, run);
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

/** Shows on the run why it does not go on; retrying its job lets it. */
export async function noteRunFailure(tx: OutboxTx, job: Job, failure: Failure): Promise<void> {
  const state = failure.outcome === 'retry' ? {} : { state: 'failed' };
  const where = { id: job.payload.runId ?? '' };
  await tx.prisma.run.updateMany({ where, data: { ...state, lastError: failure.code } });
}
