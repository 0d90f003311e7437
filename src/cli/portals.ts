import { type Api, CliError } from './api.ts';
import type { AddCommands, Context, ExitCode } from './command.ts';

interface Portal {
  id: string;
  domain: string;
  state: string;
  blockedReason: string | null;
  plan: string;
}

interface Finding {
  check: string;
  ok: boolean;
  /** `unknown`: the check could not be made. */
  state: 'ok' | 'trouble' | 'unknown';
  detail: string;
  repair: string | null;
  repairable: boolean;
  subject?: string | null;
  repaired?: boolean;
}

/** Jobs are counted so far; more than that is trouble, whatever the number. */
const COUNTED = 1_000;
const MOST_PORTALS = 100_000;
const STATES = ['waiting', 'running', 'parked', 'dead'] as const;

async function status({ api, out }: Context): Promise<ExitCode> {
  const health = await api.health();
  const { items: portals } = await api.list<Portal>('/portals', {}, COUNTED);
  const jobs: Record<string, string> = {};
  for (const state of STATES) {
    const { items, more } = await api.list('/jobs', { state }, COUNTED);
    jobs[state] = `${items.length}${more ? '+' : ''}`;
  }
  const isWell = health.status === 'ok' && portals.every(({ state }) => state !== 'blocked');
  if (out.json) {
    out.data({ url: api.url, health, portals, jobs });
    return isWell ? 0 : 1;
  }
  out.line(`Gateway  ${api.url}  ${health.status === 'ok' ? out.good('ok') : out.bad(health.status)}`);
  for (const [check, state] of Object.entries(health.checks ?? {})) out.line(`  ${check}: ${state}`);
  out.line();
  out.table(
    ['PORTAL', 'DOMAIN', 'STATE', 'PLAN'],
    portals.map(({ id, domain, state, blockedReason, plan }) => [
      id,
      domain,
      state === 'active' ? out.good(state) : out.bad(blockedReason ? `${state}: ${blockedReason}` : state),
      plan,
    ]),
    'No portal has installed the application yet.',
  );
  out.line();
  out.table(
    [...STATES].map((state) => state.toUpperCase()),
    [STATES.map((state) => jobs[state])],
    '',
  );
  if (jobs.dead !== '0')
    out.line('\nDead jobs: `gateway jobs --state dead` shows why, `gateway retry --state dead` tries again.');
  if (jobs.parked !== '0') out.line('\nParked jobs wait for your decision: `gateway jobs --state parked`.');
  return isWell ? 0 : 1;
}

/** The one with that id or domain, or all that have the application. */
async function chosen(api: Api, wanted: string | undefined): Promise<Portal[]> {
  const { items } = await api.list<Portal>('/portals', {}, MOST_PORTALS);
  if (wanted === undefined) return items.filter(({ state }) => state !== 'uninstalled');
  const found = items.filter(({ id, domain }) => [id, domain].includes(wanted));
  if (found.length === 0) {
    throw new CliError(`No portal has the id or the domain ${wanted}. \`gateway status\` lists them.`);
  }
  return found;
}

async function doctor(
  { api, out }: Context,
  wanted: string | undefined,
  options: { repair?: boolean },
): Promise<ExitCode> {
  const reports: { portal: Portal; items: Finding[] }[] = [];
  const params = options.repair ? { repair: 'true' } : {};
  for (const portal of await chosen(api, wanted)) {
    const { items } = await api.post<{ items: Finding[] }>(`/portals/${portal.id}/check`, {}, { params });
    reports.push({ portal, items });
  }
  const isWell = reports.every(({ items }) => items.every(({ ok }) => ok));
  if (out.json) {
    out.data(reports);
    return isWell ? 0 : 1;
  }
  if (reports.length === 0) out.line('No portal has installed the application yet.');
  for (const { portal, items } of reports) {
    out.line(`${portal.domain}  ${portal.id}`);
    for (const { check, ok, state, detail, repair, subject, repaired } of items) {
      const mark = ok
        ? out.good(repaired ? 'repaired' : 'ok      ')
        : out.bad(state === 'unknown' ? 'UNKNOWN ' : 'FAILED  ');
      out.line(`  ${mark}  ${check}${subject ? ` (${subject})` : ''}: ${detail}`);
      if (!ok && repair !== null) out.line(`            → ${repair}`);
    }
    out.line();
  }
  const canRepair = reports.some(({ items }) =>
    items.some(({ state, repairable }) => state === 'trouble' && repairable),
  );
  if (canRepair && !options.repair) out.line('`gateway doctor --repair` repairs what can be repaired.');
  return isWell ? 0 : 1;
}

export const addPortalCommands: AddCommands = (program, run) => {
  program.command('status').description('health, portals, and work that waits or needs a decision').action(run(status));
  program
    .command('doctor')
    .argument('[portal]', 'id or domain of a portal; all of them when left out')
    .option('--repair', 'repair what can be repaired')
    .description('check the whole wiring of the portals')
    .action(run(doctor));
};
