import type { Prisma } from '../../db/database.ts';
import { RequestError } from '../../kit/errors.ts';
import type { Administration, Page } from './deps.ts';
import { newestFirst } from './listing.ts';
import { noSuch } from './refusals.ts';

export const JOB_STATES = ['waiting', 'running', 'done', 'dead', 'parked'] as const;
export type JobState = (typeof JOB_STATES)[number];

/** A job, whichever table it is in. */
export interface JobRow {
  id: bigint;
  laneId: bigint;
  kind: string;
  state: string;
  payload: Prisma.JsonValue;
  attempts: number;
  doubt: boolean;
  lastCode: string | null;
  lastError: string | null;
  requestId: string | null;
  portalId: string | null;
  conversationId: string | null;
  createdAt: Date;
  finishedAt: Date | null;
}

export type AttemptRow = Prisma.AttemptGetPayload<object>;

export interface JobFilter {
  portalId?: string | undefined;
  conversationId?: string | undefined;
  kind?: string | undefined;
}

/** Jobs retried by one statement. */
const RETRY_AT_ONCE = 500;
/** A few seconds of work. */
const RETRY_PER_REQUEST = 20_000;

const whereOf = ({ portalId, conversationId, kind }: JobFilter) => ({
  ...(portalId === undefined ? {} : { portalId }),
  ...(conversationId === undefined ? {} : { conversationId }),
  ...(kind === undefined ? {} : { kind }),
});

const finished = (row: Prisma.FinishedJobGetPayload<object>): JobRow => ({
  ...row,
  state: 'done',
  doubt: false,
  lastCode: null,
  lastError: null,
});
const open = (row: Prisma.JobGetPayload<object>): JobRow => ({ ...row, finishedAt: null });

/** Newest first. Both tables share one row of ids: a job keeps its own when it is done. */
export async function listJobs(
  { db }: Administration,
  { state, ...filter }: JobFilter & { state?: JobState | undefined },
  page: Page,
): Promise<JobRow[]> {
  const where = whereOf(filter);
  const inState = state === undefined ? {} : { state };
  const jobs = state === 'done' ? [] : await db.prisma.job.findMany(newestFirst(page, { ...where, ...inState }));
  const done =
    state === undefined || state === 'done' ? await db.prisma.finishedJob.findMany(newestFirst(page, where)) : [];
  return [...jobs.map(open), ...done.map(finished)].sort(byNewest).slice(0, page.limit + 1);
}

const byNewest = (a: JobRow, b: JobRow): number => (a.id < b.id ? 1 : -1);

export async function getJob({ db }: Administration, id: string): Promise<JobRow> {
  const where = { id: BigInt(id) };
  const job = await db.prisma.job.findUnique({ where });
  if (job) return open(job);
  const done = await db.prisma.finishedJob.findUnique({ where });
  if (!done) throw noSuch('job');
  return finished(done);
}

/** What became of it so far, oldest first, and when its lane may be claimed again. */
export async function jobHistory(
  { db }: Administration,
  job: JobRow,
): Promise<{ attempts: AttemptRow[]; dueAt: Date | null }> {
  const attempts = await db.prisma.attempt.findMany({ where: { jobId: job.id }, orderBy: { id: 'asc' } });
  const lane = job.state === 'waiting' ? await db.prisma.lane.findUnique({ where: { id: job.laneId } }) : null;
  return { attempts, dueAt: lane?.dueAt ?? null };
}

/**
 * Puts a dead or parked job back to the end of its lane.
 * `forgetDoubt`: does it again without looking whether it happened: a person knows that it did not.
 */
export async function retryJob(
  deps: Administration,
  id: string,
  { forgetDoubt }: { forgetDoubt: boolean },
): Promise<JobRow> {
  const job = await getJob(deps, id);
  const retried = await deps.outbox.replay([id], { keepDoubt: !forgetDoubt });
  if (retried.length > 0) return getJob(deps, id);
  const isStuck = job.state === 'dead' || job.state === 'parked';
  const why = isStuck ? 'A newer job is about to do the same work' : `The job is ${job.state}`;
  throw new RequestError('conflict', `${why}: only dead and parked jobs can be retried`);
}

/** The oldest first, as many as one request may take. `more`: there were others, ask again. */
export async function retryJobs(
  deps: Administration,
  { state, forgetDoubt, ...filter }: JobFilter & { state?: 'dead' | 'parked' | undefined; forgetDoubt: boolean },
): Promise<{ retried: number; more: boolean }> {
  const states = state === undefined ? ['dead', 'parked'] : [state];
  let retried = 0;
  // By id and once each: a job that dies again meanwhile is not retried for ever.
  for (let [seen, after] = [0, 0n]; ;) {
    const page = await deps.db.prisma.job.findMany({
      where: { ...whereOf(filter), state: { in: states }, id: { gt: after } },
      select: { id: true },
      orderBy: { id: 'asc' },
      take: RETRY_AT_ONCE,
    });
    const last = page.at(-1);
    if (!last) return { retried, more: false };
    if (seen >= RETRY_PER_REQUEST) return { retried, more: true };
    const ids = page.map(({ id }) => id.toString());
    retried += (await deps.outbox.replay(ids, { keepDoubt: !forgetDoubt })).length;
    seen += page.length;
    after = last.id;
  }
}

/** It becomes dead, and its lane goes on without it. */
export async function cancelJob(deps: Administration, id: string, reason: string): Promise<JobRow> {
  const job = await getJob(deps, id);
  if (!(await deps.outbox.cancel(id, reason))) {
    throw new RequestError('conflict', `The job is ${job.state}: only waiting and parked jobs can be cancelled`);
  }
  const { messageId } = job.payload as { messageId?: string };
  if (messageId !== undefined) {
    const where = { id: messageId, state: { in: ['pending', 'parked'] } };
    await deps.db.prisma.message.updateMany({ where, data: { state: 'failed', lastError: 'cancelled' } });
  }
  // Whatever waited behind its back-off need not wait any longer.
  if (job.conversationId !== null) await deps.outbox.hasten([job.conversationId]);
  return getJob(deps, id);
}
