import { z } from 'zod';
import {
  createRun,
  type FindingRow,
  getRun,
  listFindings,
  listRuns,
  type RunRow,
  type RunWithFindings,
} from '../../bridge/admin/runs.ts';
import { count, time, timeOf, uuid } from './fields.ts';
import { digitsPage, pageOf, toPage, uuidPage } from './pages.ts';
import { accepted, ok, route, type Route } from './route.ts';

const tag = 'Runs';
const kind = z.enum(['recoverReplies', 'reconcileCompanions', 'reconcileNames']).meta({
  description:
    '`recoverReplies`: finds what operators wrote while nobody listened, and delivers it. `reconcileCompanions`: compares every companion chat with what it shall be, and repairs it. `reconcileNames`: compares the title of every dialog with the wanted one, and has it set again.',
});
const anyKind = z.enum([...kind.options, 'importConversations']);
const state = z.enum(['uploading', 'waiting', 'running', 'done', 'failed']).meta({
  description: '`uploading`: the lines of an import are still coming. `failed`: see `lastError`.',
});

const run = z
  .object({
    id: z.uuid(),
    kind: z.string(),
    portalId: z.uuid().nullable().meta({ description: 'Null: an import, whose lines may be of several portals' }),
    dryRun: z.boolean(),
    state,
    progress: z.object({
      total: count.meta({ description: 'Conversations when it began; lines of an import' }),
      checked: count,
      found: count.meta({ description: 'Findings' }),
      repaired: count.meta({ description: 'Of them, what is on its way now; dialogs an import adopted' }),
    }),
    counts: z.record(z.string(), count).meta({
      description:
        'Of an import: lines `created`, `updated`, `unchanged` and `failed`; `dialogsToAsk` the portals about, `dialogsAsked` so far, and `adopted`',
    }),
    lastError: z.string().nullable(),
    createdAt: time,
    startedAt: time.nullable(),
    finishedAt: time.nullable(),
  })
  .meta({ id: 'Run', description: 'Long work over all conversations of a portal, or over the lines of an import' });

const finding = z
  .object({
    conversationId: z.uuid().nullable().meta({ description: 'Null: a line that became no conversation' }),
    finding: z.string().meta({
      description:
        '`lost`: never delivered. `too_old` for the channel; `not_marked` by the portal as on its way, so it may have been meant for the staff alone; `only_files`, whose addresses no history tells (a note asks the operator to send them again): none of these is delivered. `changed`: the operator gave it another text. Of companions: `chat_missing`, `chat_gone`, `bot_removed` (only a person can repair that), `duplicate`, `title`, `owner`, `managers`, `members`. Of names: `title` differs though it was believed to be set; `title_waiting` for a session, `title_failed`, `title_unnoticed`: it is right after all; `dialog_found`, `dialog_missing`. Of imports: `invalid`, `unknown_channel`, `portal_uninstalled`, `duplicate`, `mapped_elsewhere`, `migrated`, `dialog_missing`, `dialog_of_other`. Of all: `unreadable`, what the portal failed to tell several times; the run went on without it.',
    }),
    detail: z.record(z.string(), z.unknown()),
  })
  .meta({ id: 'RunFinding' });

export const runWithFindings = run
  .extend({
    findings: z.array(finding).meta({ description: 'Oldest first, at most 1000; the others are a list of their own' }),
  })
  .meta({ id: 'RunWithFindings' });

const newRun = z
  .strictObject({
    kind,
    portalId: uuid,
    dryRun: z.boolean().default(false).meta({ description: 'Only looks; nothing is changed.' }),
    unmarked: z.boolean().default(false).meta({
      description: 'Delivers `not_marked` messages too. Look at a dry run first: they may be notes among the staff.',
    }),
  })
  .meta({ id: 'NewRun' });

const present = (row: RunRow): object => ({
  id: row.id,
  kind: row.kind,
  portalId: row.portalId,
  dryRun: row.dryRun,
  state: row.state,
  progress: { total: row.total, checked: row.checked, found: row.found, repaired: row.repaired },
  counts: row.counts,
  lastError: row.lastError,
  createdAt: row.createdAt.toISOString(),
  startedAt: timeOf(row.startedAt),
  finishedAt: timeOf(row.finishedAt),
});

const presentFinding = ({ conversationId, finding: what, detail }: FindingRow): object => ({
  conversationId,
  finding: what,
  detail,
});

export const inFull = ({ findings, ...row }: RunWithFindings): object => ({
  ...present(row),
  findings: findings.map(presentFinding),
});

export const runRoutes: Route[] = [
  route({
    method: 'get',
    path: '/runs',
    operationId: 'listRuns',
    tag,
    summary: 'Runs, newest first',
    scope: 'read',
    query: z.strictObject({
      ...uuidPage,
      portalId: uuid.optional(),
      kind: anyKind.optional(),
      state: state.optional(),
    }),
    responses: { 200: pageOf(run) },
    handler: async ({ deps, query }) => ok(toPage(await listRuns(deps, query, query), query, ({ id }) => id, present)),
  }),
  route({
    method: 'post',
    path: '/runs',
    operationId: 'createRun',
    tag,
    summary: 'Begin a run',
    scope: 'write',
    description: 'It goes on in the background, behind everything else that waits for the portal.',
    body: newRun,
    example: { kind: 'reconcileCompanions', portalId: '01939c4e-7a10-7cc0-8a53-0d6f5c1b2a34', dryRun: true },
    responses: { 202: runWithFindings },
    handler: async ({ deps, body, requestId }) => accepted(inFull(await createRun(deps, body, requestId))),
  }),
  route({
    method: 'get',
    path: '/runs/:id',
    operationId: 'getRun',
    tag,
    summary: 'One run with its findings',
    scope: 'read',
    params: z.strictObject({ id: uuid }),
    responses: { 200: runWithFindings },
    handler: async ({ deps, params: { id } }) => ok(inFull(await getRun(deps, id))),
  }),
  route({
    method: 'get',
    path: '/runs/:id/findings',
    operationId: 'listRunFindings',
    tag,
    summary: 'Findings of a run, oldest first',
    scope: 'read',
    description: 'Of an import at most 10,000 are kept; `progress.found` counts all of them.',
    params: z.strictObject({ id: uuid }),
    query: z.strictObject(digitsPage),
    responses: { 200: pageOf(finding) },
    handler: async ({ deps, params, query }) =>
      ok(toPage(await listFindings(deps, params.id, query), query, ({ id }) => id.toString(), presentFinding)),
  }),
];
