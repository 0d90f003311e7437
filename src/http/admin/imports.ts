import { z } from 'zod';
import { type ImportEntry, receiveImport } from '../../bridge/admin/imports.ts';
import { id as externalId } from '../../messenger/fields.ts';
import { describeIssues } from '../../messenger/issues.ts';
import { kind } from './conversationView.ts';
import { flag, line, uuid } from './fields.ts';
import { csvRecords, type ImportRecord, ndjsonRecords, type ReadRecords } from './importRecords.ts';
import { accepted, route, type Route, type Upload } from './route.ts';
import { inFull, runWithFindings } from './runs.ts';

const NOT_A_CHAT = 'Invalid input: expected the number of a chat';
const MISSING = 'Invalid input: is missing';
const NEEDS_CHANNEL = 'Invalid input: names no channel, and neither does the request';

const mapping = z.strictObject({
  channelId: uuid,
  externalId,
  name: line(1000).optional(),
  kind: kind.optional(),
  externalUserId: externalId.optional(),
  chatId: z
    .union([z.int(NOT_A_CHAT).positive(NOT_A_CHAT), z.string().regex(/^[1-9]\d{0,17}$/, NOT_A_CHAT)], NOT_A_CHAT)
    .transform(String)
    .optional(),
});

const query = z.strictObject({
  dryRun: flag.default(false).meta({ description: 'Tells what it would come to; nothing is changed.' }),
  channelId: uuid.optional().meta({ description: 'Of lines that name none' }),
});

const READERS: Readonly<Record<string, ReadRecords>> = {
  'application/x-ndjson': ndjsonRecords,
  'text/csv': csvRecords(Object.keys(mapping.shape)),
};

async function* entriesOf(
  { contentType, bytes }: Upload,
  channelId: string | undefined,
): AsyncGenerator<readonly ImportEntry[]> {
  const read = READERS[contentType] ?? ndjsonRecords;
  for await (const records of read(bytes)) yield records.map((record) => entryOf(record, channelId));
}

function entryOf(record: ImportRecord, channelId: string | undefined): ImportEntry {
  const { line: number } = record;
  const problem = (field: string | null, text: string) =>
    ({ line: number, finding: 'invalid', field, problem: text }) as const;
  if ('fault' in record) return problem(null, record.fault);
  const result = mapping.safeParse(channelId === undefined ? record.value : withChannel(record.value, channelId));
  if (result.success) return { line: number, mapping: result.data };
  const [fault] = describeIssues(result.error.issues);
  const field = fault?.path.slice(1) || null;
  const isMissing = field !== null && !(field in Object(record.value));
  if (isMissing) return problem(field, field === 'channelId' ? NEEDS_CHANNEL : MISSING);
  return problem(field, fault?.message ?? 'Invalid input');
}

const withChannel = (value: unknown, channelId: string): unknown =>
  value !== null && typeof value === 'object' && !Array.isArray(value) ? { channelId, ...value } : value;

const CSV_EXAMPLE = 'externalId,name,chatId\nc-1,"Order 1042, Anna",1807\nc-2,Order 1043,\n';
const NDJSON_EXAMPLE = '{"externalId":"c-1","name":"Order 1042, Anna","chatId":"1807"}\n{"externalId":"c-2"}\n';

export const importRoutes: Route[] = [
  route({
    method: 'post',
    path: '/conversations/import',
    operationId: 'importConversations',
    tag: 'Conversations',
    summary: 'Map many conversations',
    scope: 'write',
    description: `Mappings in UTF-8, one per line: NDJSON, or CSV whose first line names the columns (separated by comma, semicolon or tab). Members: \`externalId\`, and as they are known \`channelId\`, \`name\`, \`kind\`, \`externalUserId\` and \`chatId\` (the number of the dialog's chat on the portal). At most a million lines or 256 MiB.

The answer comes when all lines are durable; the run stores them, then looks up the dialogs that are there already and makes them those of their conversations. Nothing is created on a portal. Lines that cannot be stored are findings of the run with \`line\`, \`field\` and \`problem\` in \`detail\`. A conversation that is mapped already gets the name of its line, unless the name is locked or newer: the same file again is harmless.

Under one \`Idempotency-Key\` uploads are compared by their type, length and \`Content-Digest\`.`,
    query,
    upload: { 'application/x-ndjson': NDJSON_EXAMPLE, 'text/csv': CSV_EXAMPLE },
    responses: { 202: runWithFindings },
    async handler({ deps, upload, query: { dryRun, channelId }, requestId }) {
      const entries = entriesOf(upload, channelId);
      return accepted(inFull(await receiveImport(deps, { entries, dryRun }, requestId)));
    },
  }),
];
