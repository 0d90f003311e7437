import { RequestError } from '../../kit/errors.ts';
import { uuidAt } from '../../kit/uuid.ts';
import type { OutboxTx } from '../../outbox/job.ts';
import { localGateOf } from '../identity.ts';
import { advance, type LineProblem } from '../importProgress.ts';
import { importConversations } from '../jobs.ts';
import type { ConversationKind } from '../model.ts';
import { oneLine } from '../titles.ts';
import { portalChatId } from '../translate.ts';
import type { Administration } from './deps.ts';
import { getRun, type RunWithFindings } from './runs.ts';

/**
 * The lines of an import wait in a table until they are stored: once the request is answered, the import will happen.
 * Whatever the upload fails of, nothing of it is imported.
 */

export interface ImportMapping {
  channelId: string;
  externalId: string;
  name?: string | undefined;
  kind?: ConversationKind | undefined;
  externalUserId?: string | undefined;
  /** Chat of its dialog, where that is known. */
  chatId?: string | undefined;
}

export type ImportEntry = { line: number; mapping: ImportMapping } | LineProblem;

/** Lines of one statement: large enough to be fast, small enough to be held in memory. */
const CHUNK = 2_000;
export const MAX_IMPORT_LINES = 1_000_000;

/** $1 run, $2 lines as JSON. */
const STAGE = `
insert into import_line
  (run_id, line, channel_id, external_id, dialog_key, conversation_id, name, kind, external_user_id, chat_id)
select $1::uuid, l.* from jsonb_to_recordset($2::jsonb) as l(line int, channel_id uuid, external_id text,
  dialog_key text, conversation_id uuid, name text, kind text, external_user_id text, chat_id text)`;

/**
 * Takes the lines as they come; the next ones are read when these are stored. Whatever `entries` throws refuses the
 * import as a whole: a refusal leaves nothing, a connection that broke leaves a run that has `failed`.
 * @throws RequestError invalid_request (no lines), payload_too_large
 */
export async function receiveImport(
  deps: Administration,
  { entries, dryRun }: { entries: AsyncIterable<readonly ImportEntry[]>; dryRun: boolean },
  requestId: string,
): Promise<RunWithFindings> {
  const upload = { runId: uuidAt(deps.clock.now()), dryRun, lines: 0, requestId };
  try {
    let waiting: ImportEntry[] = [];
    for await (const some of entries) {
      waiting.push(...some);
      if (waiting.length < CHUNK) continue;
      await stage(deps, upload, waiting);
      waiting = [];
    }
    if (upload.lines + waiting.length === 0) throw new RequestError('invalid_request', 'There is nothing to import');
    await stage(deps, upload, waiting, { isLast: true });
  } catch (error) {
    if (upload.lines > 0) await giveUp(deps, upload.runId, error).catch(() => undefined);
    throw error;
  }
  return getRun(deps, upload.runId);
}

interface Upload {
  runId: string;
  dryRun: boolean;
  requestId: string;
  /** Of those that are in the database. */
  lines: number;
}

async function stage(
  deps: Administration,
  upload: Upload,
  entries: readonly ImportEntry[],
  { isLast = false } = {},
): Promise<void> {
  const { runId, dryRun, requestId } = upload;
  if (upload.lines + entries.length > MAX_IMPORT_LINES) {
    throw new RequestError('payload_too_large', `An import has at most ${MAX_IMPORT_LINES} lines`);
  }
  const gateId = isLast ? await localGateOf(deps.db) : '';
  const now = deps.clock.now();
  const problems = entries.filter((entry): entry is LineProblem => 'problem' in entry);
  const rows = entries.flatMap((entry) => ('mapping' in entry ? [rowOf(entry.line, entry.mapping, now)] : []));
  await deps.outbox.transaction(async (tx) => {
    if (upload.lines === 0) await begin(tx, runId, dryRun, new Date(now));
    if (rows.length > 0) await tx.sql.rows(STAGE, runId, JSON.stringify(rows));
    const failed = problems.length;
    await advance(tx, runId, { problems, counts: { failed }, lines: { total: entries.length, checked: failed } });
    if (!isLast) return;
    await tx.prisma.run.update({ where: { id: runId }, data: { state: 'waiting' } });
    await tx.enqueue([importConversations({ gateId, requestId, payload: { runId } })]);
  });
  upload.lines += entries.length;
}

const NOTHING_YET = {
  created: 0,
  updated: 0,
  unchanged: 0,
  failed: 0,
  dialogsToAsk: 0,
  dialogsAsked: 0,
  adopted: 0,
};

async function begin(tx: OutboxTx, id: string, dryRun: boolean, createdAt: Date): Promise<void> {
  const data = { id, kind: 'importConversations', state: 'uploading', dryRun, counts: NOTHING_YET, createdAt };
  await tx.prisma.run.create({ data });
}

const rowOf = (line: number, mapping: ImportMapping, now: number): object => ({
  line,
  channel_id: mapping.channelId,
  external_id: mapping.externalId,
  dialog_key: portalChatId(mapping.externalId),
  conversation_id: uuidAt(now),
  name: mapping.name === undefined ? null : oneLine(mapping.name),
  kind: mapping.kind ?? null,
  external_user_id: mapping.externalUserId ?? null,
  chat_id: mapping.chatId ?? null,
});

async function giveUp({ db, clock }: Administration, id: string, error: unknown): Promise<void> {
  if (error instanceof RequestError) {
    await db.prisma.run.deleteMany({ where: { id, state: 'uploading' } });
    return;
  }
  const data = { state: 'failed', lastError: 'upload_broken', finishedAt: new Date(clock.now()) };
  await db.prisma.run.updateMany({ where: { id, state: 'uploading' }, data });
  await db.prisma.importLine.deleteMany({ where: { runId: id } });
}
