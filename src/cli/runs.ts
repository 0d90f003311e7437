import { setTimeout as sleep } from 'node:timers/promises';
import { SingleBar } from 'cli-progress';
import { Argument } from 'commander';
import type { Api } from './api.ts';
import type { AddCommands, Context, ExitCode } from './command.ts';
import { type Output, timeText } from './output.ts';

export interface Run {
  id: string;
  kind: string;
  portalId: string | null;
  state: string;
  dryRun: boolean;
  progress: { total: number; checked: number; found: number; repaired: number };
  counts: Record<string, number>;
  lastError: string | null;
  createdAt: string;
}

export interface Finding {
  conversationId: string | null;
  finding: string;
  detail: Record<string, unknown>;
}

const LOOK_EVERY_MS = 250;

/** Waits until the run is over, with a bar for whoever looks on. */
export async function follow(api: Api, out: Output, begun: Run): Promise<Run> {
  const bar = out.isTerminal
    ? new SingleBar({ format: ' {bar} {value}/{total}  {what}', hideCursor: true })
    : undefined;
  bar?.start(1, 0, { what: '' });
  try {
    for (let run = begun; ; run = await api.get<Run>(`/runs/${begun.id}`)) {
      const { value, total, what } = stageOf(run);
      bar?.setTotal(Math.max(1, total));
      bar?.update(value, { what });
      if (run.state === 'done' || run.state === 'failed') return run;
      await sleep(LOOK_EVERY_MS);
    }
  } finally {
    bar?.stop();
  }
}

/** Of an import the portals are asked after the storing. */
function stageOf({ progress, counts }: Run): { value: number; total: number; what: string } {
  const { dialogsToAsk: total = 0, dialogsAsked: value = 0 } = counts;
  const isStored = total > 0 && progress.checked >= progress.total;
  return isStored
    ? { value, total, what: 'dialogs' }
    : { value: progress.checked, total: progress.total, what: 'checked' };
}

export const findingsOf = (api: Api, { id }: Run, most: number): Promise<{ items: Finding[]; more: boolean }> =>
  api.list<Finding>(`/runs/${id}/findings`, {}, most);

async function listRuns({ api, out }: Context, { limit }: { limit: string }): Promise<ExitCode> {
  const { items } = await api.list<Run>('/runs', {}, Math.max(1, Number(limit) || 20));
  if (out.json) out.data(items);
  else {
    out.table(
      ['RUN', 'KIND', 'STATE', 'CHECKED', 'FOUND', 'REPAIRED', 'BEGUN (UTC)', 'LAST ERROR'],
      items.map(({ id, kind, state, dryRun, progress, createdAt, lastError }) => [
        id,
        dryRun ? `${kind} (dry run)` : kind,
        state,
        `${progress.checked}/${progress.total}`,
        progress.found,
        progress.repaired,
        timeText(createdAt),
        lastError,
      ]),
      'There were no runs yet.',
    );
  }
  return 0;
}

const SHOWN_FINDINGS = 50;

async function beginRun(
  { api, out }: Context,
  kind: string,
  { portal, dryRun = false }: { portal?: string; dryRun?: boolean },
): Promise<ExitCode> {
  const portals = await api.list<{ id: string; domain: string; state: string }>('/portals', {}, 1_000);
  const chosen = portals.items.filter(({ id, state }) =>
    portal === undefined ? state !== 'uninstalled' : id === portal,
  );
  const ids = portal === undefined ? chosen.map(({ id }) => id) : [portal];
  const results: (Run & { findings: Finding[] })[] = [];
  for (const portalId of ids) {
    const run = await follow(api, out, await api.post<Run>('/runs', { kind, portalId, dryRun }));
    const { items: findings } = await findingsOf(api, run, SHOWN_FINDINGS);
    results.push({ ...run, findings });
    if (out.json) continue;
    const { checked, found, repaired } = run.progress;
    const what = dryRun ? 'nothing was changed' : `${repaired} on their way`;
    out.line(
      `${kind} ${run.state === 'done' ? out.good('done') : out.bad(run.state)}: ${checked} checked, ${found} found, ${what}`,
    );
    if (run.lastError !== null) out.line(`  ${run.lastError}`);
    if (findings.length > 0) {
      const rows = findings.map(({ finding, conversationId, detail }) => [finding, conversationId, detail]);
      out.table(['FINDING', 'CONVERSATION', 'DETAIL'], rows, '');
    }
  }
  if (out.json) out.data(results);
  return results.every(({ state }) => state === 'done') ? 0 : 1;
}

export const addRunCommands: AddCommands = (program, run) => {
  program
    .command('runs')
    .option('--limit <number>', 'how many', '20')
    .description('runs, newest first')
    .action(run(listRuns));
  program
    .command('run')
    .addArgument(new Argument('<kind>').choices(['reconcileNames', 'reconcileCompanions', 'recoverReplies']))
    .option('--portal <id>', 'of this portal; of all when left out')
    .option('--dry-run', 'only look; nothing is changed')
    .description('begin a run, and wait until it is over')
    .action(run(beginRun));
};
