import { z } from 'zod';
import { confirmJob } from '../../bridge/admin/confirmations.ts';
import {
  type AttemptRow,
  cancelJob,
  getJob,
  JOB_STATES,
  jobHistory,
  type JobRow,
  listJobs,
  retryJob,
  retryJobs,
} from '../../bridge/admin/jobs.ts';
import { text } from '../../messenger/fields.ts';
import type { AdminDeps } from './deps.ts';
import { count, digits, time, timeOf, uuid } from './fields.ts';
import { digitsPage, pageOf, toPage } from './pages.ts';
import { accepted, ok, route, type Route } from './route.ts';

const tag = 'Jobs';
const params = z.strictObject({ id: digits });
const state = z.enum(JOB_STATES).meta({
  description: '`dead`: given up or refused. `parked`: a person has to decide, as nobody can tell whether it happened.',
});
const filters = { portalId: uuid.optional(), conversationId: uuid.optional(), kind: text.optional() };
const forgetDoubt = z.boolean().default(false).meta({
  description: 'Does it without looking whether an earlier attempt happened after all. It may happen twice.',
});

const job = z
  .object({
    id: z.string(),
    kind: z.string(),
    state,
    portalId: z.uuid().nullable(),
    conversationId: z.uuid().nullable(),
    payload: z.record(z.string(), z.unknown()).meta({ description: 'Ids of what it is about' }),
    attemptCount: count,
    doubt: z.boolean().meta({ description: 'An earlier attempt may have happened' }),
    lastCode: z.string().nullable(),
    lastError: z.string().nullable(),
    requestId: z.string().nullable(),
    createdAt: time,
    finishedAt: time.nullable(),
  })
  .meta({ id: 'Job', description: 'One piece of work that must happen' });

const attempt = z
  .object({
    outcome: z
      .string()
      .meta({ description: '`done`, `later`, or the verdict: `retry`, `unsure`, `refused`, `blocked`' }),
    code: z.string().nullable(),
    status: z.int().nullable().meta({ description: 'HTTP status' }),
    detail: z.string().nullable(),
    startedAt: time,
    durationMs: count,
  })
  .meta({ id: 'Attempt', description: 'One try of a job' });

const jobWithAttempts = job
  .extend({
    dueAt: time.nullable().meta({ description: 'Of a waiting job: not before then' }),
    attempts: z.array(attempt).meta({ description: 'Oldest first' }),
  })
  .meta({ id: 'JobWithAttempts' });

const retry = z.strictObject({ forgetDoubt }).meta({ id: 'JobRetry' });
const retryMany = z
  .strictObject({ state: z.enum(['dead', 'parked']).optional(), ...filters, forgetDoubt })
  .meta({ id: 'JobsRetry', description: 'Dead and parked jobs that fit all of it' });
const retried = z
  .object({ retried: count, more: z.boolean().meta({ description: 'There were others too: ask again' }) })
  .meta({ id: 'RetriedJobs' });
const cancelReason = z.strictObject({ reason: text.max(200).optional() }).meta({ id: 'JobCancel' });
const confirmReason = z.strictObject({ reason: text.max(200).optional() }).meta({ id: 'JobConfirm' });

const present = (row: JobRow): object => ({
  id: row.id.toString(),
  kind: row.kind,
  state: row.state,
  portalId: row.portalId,
  conversationId: row.conversationId,
  payload: withoutSecrets(row.payload),
  attemptCount: row.attempts,
  doubt: row.doubt,
  lastCode: row.lastCode,
  lastError: row.lastError,
  requestId: row.requestId,
  createdAt: row.createdAt.toISOString(),
  finishedAt: timeOf(row.finishedAt),
});

/** The removal of a bot carries its token, sealed. */
const withoutSecrets = (payload: unknown): unknown =>
  Object.fromEntries(Object.entries(payload as object).filter(([member]) => member !== 'token'));

const presentAttempt = ({ outcome, code, status, detail, startedAt, durationMs }: AttemptRow): unknown => ({
  outcome,
  code,
  status,
  detail,
  startedAt: startedAt.toISOString(),
  durationMs,
});

async function inFull(deps: AdminDeps, row: JobRow): Promise<object> {
  const { attempts, dueAt } = await jobHistory(deps, row);
  return { ...present(row), dueAt: timeOf(dueAt), attempts: attempts.map(presentAttempt) };
}

export const jobRoutes: Route[] = [
  route({
    method: 'get',
    path: '/jobs',
    operationId: 'listJobs',
    tag,
    summary: 'Jobs, newest first',
    scope: 'read',
    query: z.strictObject({ ...digitsPage, state: state.optional(), ...filters }),
    responses: { 200: pageOf(job) },
    handler: async ({ deps, query }) =>
      ok(toPage(await listJobs(deps, query, query), query, ({ id }) => id.toString(), present)),
  }),
  // Before /jobs/:id, which would take it for an id.
  route({
    method: 'post',
    path: '/jobs/retry',
    operationId: 'retryJobs',
    tag,
    summary: 'Retry stuck jobs by filter',
    scope: 'write',
    body: retryMany,
    example: { state: 'dead', kind: 'deliverMessage' },
    responses: { 202: retried },
    handler: async ({ deps, body }) => accepted(await retryJobs(deps, body)),
  }),
  route({
    method: 'get',
    path: '/jobs/:id',
    operationId: 'getJob',
    tag,
    summary: 'One job with its attempts',
    scope: 'read',
    params,
    responses: { 200: jobWithAttempts },
    handler: async ({ deps, params: { id } }) => ok(await inFull(deps, await getJob(deps, id))),
  }),
  route({
    method: 'post',
    path: '/jobs/:id/retry',
    operationId: 'retryJob',
    tag,
    summary: 'Retry a dead or parked job',
    scope: 'write',
    params,
    description: 'It goes to the end of its lane, and has all its attempts again.',
    body: retry,
    example: { forgetDoubt: false },
    responses: { 202: jobWithAttempts },
    problems: ['conflict'],
    handler: async ({ deps, params: { id }, body }) => accepted(await inFull(deps, await retryJob(deps, id, body))),
  }),
  route({
    method: 'post',
    path: '/jobs/:id/cancel',
    operationId: 'cancelJob',
    tag,
    summary: 'Give up a waiting or parked job',
    scope: 'write',
    params,
    description: 'It becomes dead, and its lane goes on without it.',
    body: cancelReason,
    example: { reason: 'The customer wrote again' },
    responses: { 200: jobWithAttempts },
    problems: ['conflict'],
    async handler({ deps, params: { id }, body, apiKey }) {
      const reason = body.reason ?? `cancelled with the key ${apiKey.name}`;
      return ok(await inFull(deps, await cancelJob(deps, id, reason)));
    },
  }),
  route({
    method: 'post',
    path: '/jobs/:id/confirm',
    operationId: 'confirmJob',
    tag,
    summary: 'Say that a message was delivered after all',
    scope: 'write',
    params,
    description:
      'Of a dead or parked job that delivers a message: somebody looked, and it is there. The message counts as delivered and is not sent again; what waited for it, such as a later text, goes on.',
    body: confirmReason,
    example: { reason: 'It is in the dialog' },
    responses: { 200: jobWithAttempts },
    problems: ['conflict'],
    async handler({ deps, params: { id }, body, apiKey, requestId }) {
      const reason = body.reason ?? `confirmed with the key ${apiKey.name}`;
      return ok(await inFull(deps, await confirmJob(deps, id, reason, requestId)));
    },
  }),
];
