// npm run bench [ingest|claim|portal|portalEvents|soak|imports]: measures, prints a table of ratios against their bars, writes bench/results.json.
import { readFile, writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { claim, type ClaimResult } from './claim.ts';
import { imports, type ImportResult } from './import.ts';
import { ingest, type IngestResult } from './ingest.ts';
import { portal, type PortalResult } from './portal.ts';
import { portalEvents, type PortalEventsResult } from './portalEvents.ts';
import { soak, type SoakResult } from './soak.ts';

interface Results {
  node?: string;
  cpus?: number;
  ingest?: IngestResult;
  portal?: PortalResult;
  claim?: ClaimResult;
  soak?: SoakResult;
  portalEvents?: PortalEventsResult;
  imports?: ImportResult;
}

const FILE = 'bench/results.json';
const parts = { ingest, claim, portal, portalEvents, soak, imports };
const chosen = process.argv.slice(2).filter((name): name is keyof typeof parts => name in parts);

const before = JSON.parse(await readFile(FILE, 'utf8').catch(() => '{}')) as Results;
const results: Results = { ...before, node: process.version, cpus: cpus().length };
for (const name of chosen.length > 0 ? chosen : (Object.keys(parts) as (keyof typeof parts)[])) {
  console.log(`measuring: ${name}`);
  Object.assign(results, { [name]: await parts[name]() });
  await writeFile(FILE, `${JSON.stringify(results, round, 2)}\n`);
}
console.table(rows(results));

function round(_key: string, value: unknown): unknown {
  return typeof value === 'number' ? Math.round(value * 1000) / 1000 : value;
}

function rows({
  ingest: web,
  portal: names,
  portalEvents: events,
  claim: claims,
  soak: day,
  imports: file,
}: Results): object[] {
  const row = (what: string, measured: string | number, bar: string): object => ({ what, measured, bar });
  const fixed = (value: number | undefined, digits = 2): string => (value ?? Number.NaN).toFixed(digits);
  return [
    ...Object.entries(web?.ratios ?? {}).map(([what, ratio]) => row(what, fixed(ratio), '')),
    ...(web ? [row('webhook answer p99, gateway web, ms', web.loads['gateway, ROLE=web']?.p99 ?? '', '< 100')] : []),
    ...(web ? [row('memory after the load, MB', web.memoryMb, '< 256')] : []),
    ...(names
      ? [
          row('10,000 renames / what the limits allow', fixed(names.drain.ratio), '<= 1.1'),
          row('503 and 429 provoked', names.drain.refused, '0'),
          row('burst of 1,000 renames, calls', names.burst.calls, '<= 2'),
          row('idle webhook to portal, more than a direct call, ms', fixed(names.latency.differenceMs, 1), '<= 25'),
        ]
      : []),
    ...(events ? [row('answer to an event of Bitrix24, p99, ms', fixed(events.p99, 1), '< 50')] : []),
    ...(file ? [row('100,000 lines of an import stored, s', fixed(file.stored, 1), '< 120')] : []),
    ...(day
      ? [row('503 and 429 in 24 virtual hours', day.refused, '0'), row('wrong titles after them', day.wrongTitles, '0')]
      : []),
    ...(claims ? [row('claim with 1,000,000 waiting / with 1,000', fixed(claims.ratio), '<= 2')] : []),
  ];
}
