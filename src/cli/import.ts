import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import path from 'node:path';
import { SingleBar } from 'cli-progress';
import { CliError } from './api.ts';
import type { AddCommands, Context, ExitCode } from './command.ts';
import type { Output } from './output.ts';
import { findingsOf, follow, type Run } from './runs.ts';

const TYPES: Readonly<Record<string, string>> = {
  '.csv': 'text/csv',
  '.tsv': 'text/csv',
  '.ndjson': 'application/x-ndjson',
  '.jsonl': 'application/x-ndjson',
};
/** Errors a person reads; `--json` gives them all. */
const SHOWN_ERRORS = 20;
const KEPT_ERRORS = 10_000;

async function importFile(
  { api, out }: Context,
  file: string,
  { dryRun = false, channel }: { dryRun?: boolean; channel?: string },
): Promise<ExitCode> {
  const type = TYPES[path.extname(file).toLowerCase()];
  if (type === undefined) throw new CliError('The name of the file must end with .csv, .tsv, .ndjson or .jsonl.');
  const facts = await stat(file).catch(() => undefined);
  if (!facts?.isFile()) throw new CliError(`There is no file ${file}.`);
  const params = { ...(dryRun ? { dryRun: 'true' } : {}), ...(channel === undefined ? {} : { channelId: channel }) };
  const headers = { 'content-type': type, 'content-length': facts.size };
  const body = createReadStream(file);
  const bar = uploadBar(out, facts.size);
  body.on('data', (piece) => bar?.increment(piece.length));
  const begun = await api.post<Run>('/conversations/import', body, { params, headers }).finally(() => bar?.stop());
  const run = await follow(api, out, begun);
  const { items } = await findingsOf(api, run, out.json ? KEPT_ERRORS : SHOWN_ERRORS);
  if (out.json) out.data({ ...run, findings: items });
  else summarize(out, run, items);
  return run.state === 'done' && run.progress.found === 0 ? 0 : 1;
}

function uploadBar(out: Output, size: number): SingleBar | undefined {
  if (!out.isTerminal) return undefined;
  const bar = new SingleBar({ format: ' {bar} {percentage}%  uploaded', hideCursor: true });
  bar.start(size, 0);
  return bar;
}

function summarize(
  out: Output,
  run: Run,
  findings: readonly { finding: string; detail: Record<string, unknown> }[],
): void {
  const { created = 0, updated = 0, unchanged = 0, failed = 0, adopted = 0 } = run.counts;
  const title = run.dryRun ? 'Dry run, nothing was changed' : `Import ${run.state}`;
  out.line(`${run.state === 'done' ? out.good(title) : out.bad(title)}  (run ${run.id})`);
  if (run.lastError !== null) out.line(`  ${run.lastError}: see \`gateway jobs --state dead\``);
  out.table(
    ['LINES', 'CREATED', 'UPDATED', 'UNCHANGED', 'FAILED', 'DIALOGS ADOPTED'],
    [[run.progress.total, created, updated, unchanged, failed, adopted]],
    '',
  );
  if (findings.length === 0) return;
  out.line();
  out.table(
    ['LINE', 'FIELD', 'FINDING', 'PROBLEM'],
    findings.map(({ finding, detail }) => [detail.line, detail.field, finding, detail.problem]),
    '',
  );
  const hidden = run.progress.found - findings.length;
  if (hidden > 0) out.line(`… and ${hidden} more: GET /admin/v1/runs/${run.id}/findings, or --json`);
}

export const addImportCommand: AddCommands = (program, run) => {
  program
    .command('import')
    .argument('<file>', 'CSV with a header, or NDJSON')
    .option('--dry-run', 'tell what it would come to; nothing is changed')
    .option('--channel <id>', 'channel of lines that name none')
    .description('map many conversations, and adopt the dialogs they have')
    .action(run(importFile));
};
