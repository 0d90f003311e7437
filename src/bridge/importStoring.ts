import type { Database, Prisma } from '../db/database.ts';
import type { Clock } from '../kit/clock.ts';
import type { Logger } from '../kit/logger.ts';
import type { Handler, Job, OutboxTx } from '../outbox/job.ts';
import { advance, type ImportCounts, type LineFinding, type LineProblem } from './importProgress.ts';
import * as statements from './importStatements.ts';
import { adoptDialogs } from './jobs.ts';
import { noteRunFailure } from './runTurns.ts';

/**
 * Stores the lines of an import, some thousand with one commit: a crash repeats a chunk. What the portals are to be
 * asked about goes to their gates afterwards. A dry run counts the same, and stores nothing.
 */

const CHUNK = 5_000;

type ImportRun = Prisma.RunGetPayload<object>;

interface Judged {
  line: number;
  finding: Exclude<LineFinding, 'invalid'> | null;
  isKnown: boolean;
}

const PROBLEMS: Record<Exclude<LineFinding, 'invalid'>, Pick<LineProblem, 'field' | 'problem'>> = {
  unknown_channel: { field: 'channelId', problem: 'There is no such channel' },
  portal_uninstalled: { field: 'channelId', problem: 'The portal of the channel has uninstalled the application' },
  duplicate: { field: 'externalId', problem: 'An earlier line maps the same conversation' },
  mapped_elsewhere: { field: 'channelId', problem: 'The conversation is mapped through another channel' },
  migrated: { field: 'externalId', problem: 'The conversation has another id now' },
  dialog_missing: { field: 'chatId', problem: 'The portal does not show this chat' },
  dialog_of_other: { field: 'chatId', problem: 'This chat is not the dialog of the conversation' },
};

export const lineProblem = (line: number, finding: Exclude<LineFinding, 'invalid'>, conversationId?: string) => ({
  line,
  finding,
  ...PROBLEMS[finding],
  ...(conversationId === undefined ? {} : { conversationId }),
});

export function createImportStoring({ db, clock, log }: { db: Database; clock: Clock; log: Logger }): Handler {
  return {
    async run(job) {
      const run = await db.prisma.run.findUnique({ where: { id: job.payload.runId ?? '' } });
      if (!run || run.state === 'done') return { outcome: 'done' };
      if (run.position === 0) await db.sql.rows(statements.ANALYZE);
      const where = { runId: run.id, line: { gt: run.position } };
      const chunk = await db.prisma.importLine.findMany({
        where,
        select: { line: true },
        orderBy: { line: 'asc' },
        take: CHUNK,
      });
      const last = chunk.at(-1)?.line ?? run.position;
      const now = new Date(clock.now());
      const commit = async (tx: OutboxTx): Promise<void> => {
        const counts = await storeChunk(tx, run, last);
        const data = { state: 'running', startedAt: run.startedAt ?? now, position: last, lastError: null };
        await tx.prisma.run.update({ where: { id: run.id }, data });
        if (chunk.length < CHUNK) await askPortals(tx, job, run.id, now);
        log.info('import.stored', { runId: run.id, lines: chunk.length, ...counts });
      };
      if (chunk.length < CHUNK) return { outcome: 'done', commit };
      return { outcome: 'later', afterMs: 0, reason: 'the next lines are still to be stored', progress: true, commit };
    },
    failed: noteRunFailure,
  };
}

/** Up to the line `last`. */
async function storeChunk(tx: OutboxTx, run: ImportRun, last: number): Promise<Partial<ImportCounts>> {
  const range = [run.id, run.position, last] as const;
  const judged = (await tx.sql.rows<Judged>(statements.JUDGE, ...range)).sort((a, b) => a.line - b.line);
  const problems = judged.flatMap(({ line, finding }) => (finding ? [lineProblem(line, finding)] : []));
  // What was decided while the file was on its way is newer than the file.
  const decidedAt = run.createdAt.toISOString();
  const stored = run.dryRun ? statements.FORESEE : statements.STORE;
  const created = run.dryRun
    ? judged.filter(({ finding, isKnown }) => !finding && !isKnown)
    : await tx.sql.rows(statements.CREATE, ...range, decidedAt);
  const renamed = await tx.sql.rows<{ id: string }>(stored.names, ...range, decidedAt);
  const persons = await tx.sql.rows<{ id: string }>(stored.persons, ...range);
  const updated = new Set([...renamed, ...persons].map(({ id }) => id)).size;
  const toAsk = await tx.sql.rows(statements.AIM, ...range, JSON.stringify(renamed.map(({ id }) => id)));
  const counts = {
    created: created.length,
    updated,
    unchanged: judged.length - problems.length - created.length - updated,
    failed: problems.length,
    dialogsToAsk: toAsk.length,
  };
  await advance(tx, run.id, { counts, problems, lines: { checked: judged.length } });
  return counts;
}

/** The storing is over; what is left are lines that need a portal. */
async function askPortals(tx: OutboxTx, job: Job, runId: string, now: Date): Promise<void> {
  await tx.prisma.importLine.deleteMany({ where: { runId, portalId: null } });
  const portals = await tx.sql.rows<{ id: string; gateId: string }>(statements.PORTALS, runId);
  if (portals.length === 0) {
    await tx.prisma.run.update({ where: { id: runId }, data: { state: 'done', finishedAt: now } });
    return;
  }
  const { requestId } = job;
  await tx.enqueue(
    portals.map(({ id: portalId, gateId }) =>
      adoptDialogs({ gateId, portalId, requestId, payload: { runId, portalId } }),
    ),
  );
}
