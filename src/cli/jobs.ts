import { type Command, Option } from 'commander';
import { CliError } from './api.ts';
import type { AddCommands, Context, ExitCode } from './command.ts';
import { timeText } from './output.ts';

interface Job {
  id: string;
  kind: string;
  state: string;
  attemptCount: number;
  lastCode: string | null;
  conversationId: string | null;
  createdAt: string;
}

interface Filter {
  state?: string;
  kind?: string;
  portal?: string;
  conversation?: string;
}

const paramsOf = ({ state, kind, portal, conversation }: Filter): object => ({
  ...(state === undefined ? {} : { state }),
  ...(kind === undefined ? {} : { kind }),
  ...(portal === undefined ? {} : { portalId: portal }),
  ...(conversation === undefined ? {} : { conversationId: conversation }),
});

async function jobs({ api, out }: Context, { limit, ...filter }: Filter & { limit: string }): Promise<ExitCode> {
  const { items, more } = await api.list<Job>('/jobs', paramsOf(filter), Math.max(1, Number(limit) || 50));
  if (out.json) {
    out.data({ items, more });
    return 0;
  }
  out.table(
    ['JOB', 'KIND', 'STATE', 'TRIES', 'LAST CODE', 'CREATED (UTC)', 'CONVERSATION'],
    items.map((job) => [
      job.id,
      job.kind,
      job.state,
      job.attemptCount,
      job.lastCode,
      timeText(job.createdAt),
      job.conversationId,
    ]),
    'No such jobs.',
  );
  if (more) out.line(`\nThere are more: --limit shows them.`);
  return 0;
}

async function retry(
  { api, out }: Context,
  id: string | undefined,
  { forgetDoubt = false, ...filter }: Filter & { forgetDoubt?: boolean },
): Promise<ExitCode> {
  const params = paramsOf(filter);
  if (id !== undefined && Object.keys(params).length > 0) throw new CliError('Name a job or a filter, not both.');
  if (id === undefined && Object.keys(params).length === 0) {
    throw new CliError('Name a job, or a filter such as `--state dead`.');
  }
  if (id !== undefined) {
    if (!/^\d+$/.test(id)) throw new CliError('A job is a number, as `gateway jobs` lists them.');
    const job = await api.post<Job>(`/jobs/${id}/retry`, { forgetDoubt });
    if (out.json) out.data(job);
    else out.line(`Job ${job.id} (${job.kind}) is ${job.state} again.`);
    return 0;
  }
  let retried = 0;
  for (let more = true; more;) {
    const answer = await api.post<{ retried: number; more: boolean }>('/jobs/retry', { ...params, forgetDoubt });
    retried += answer.retried;
    more = answer.more && answer.retried > 0;
  }
  if (out.json) out.data({ retried });
  else out.line(`${retried} ${retried === 1 ? 'job is' : 'jobs are'} tried again.`);
  return 0;
}

const filtered = (command: Command, states: readonly string[]): Command =>
  command
    .addOption(new Option('--state <state>', 'only jobs in this state').choices(states))
    .option('--kind <kind>', 'only jobs of this kind')
    .option('--portal <id>', 'only jobs of this portal')
    .option('--conversation <id>', 'only jobs of this conversation');

export const addJobCommands: AddCommands = (program, run) => {
  filtered(program.command('jobs'), ['waiting', 'running', 'done', 'dead', 'parked'])
    .option('--limit <number>', 'how many', '50')
    .description('jobs, newest first')
    .action(run(jobs));
  filtered(program.command('retry').argument('[job]', 'number of the job'), ['dead', 'parked'])
    .option('--forget-doubt', 'do it without looking whether it happened after all: it may happen twice')
    .description('try a dead or parked job again, or all that fit a filter')
    .action(run(retry));
};
