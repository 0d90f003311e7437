// npm run bench [ingest|claim|portal|portalEvents|soak|imports|others|processes]: measures, prints a table of ratios against their bars, writes bench/results.json.
import { readFile, writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { claim, type ClaimResult } from './claim.ts';
import { imports, type ImportResult } from './import.ts';
import { ingest, type IngestResult } from './ingest.ts';
import { others, type OthersResult } from './others.ts';
import { portal, type PortalResult } from './portal.ts';
import { portalEvents, type PortalEventsResult } from './portalEvents.ts';
import { processes, type ProcessesResult } from './processes.ts';
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
  others?: OthersResult;
  processes?: ProcessesResult;
}

const FILE = 'bench/results.json';
const parts = { ingest, claim, portal, portalEvents, soak, imports, others, processes };
const chosen = process.argv.slice(2).filter((name): name is keyof typeof parts => name in parts);

const before = JSON.parse(await readFile(FILE, 'utf8').catch(() => '{}')) as Results;
const results: Results = { ...before, node: process.version, cpus: cpus().length };
for (const name of chosen.length > 0 ? chosen : (Object.keys(parts) as (keyof typeof parts)[])) {
  console.log(`measuring: ${name}`);
  Object.assign(results, { [name]: await parts[name]() });
  await writeFile(FILE, `${JSON.stringify(results, round, 2)}\n`);
}

function round(_key: string, value: unknown): unknown {
  return typeof value === 'number' ? Math.round(value * 1000) / 1000 : value;
}

const row = (what: string, measured: string | number, bar = ''): object => ({ what, measured, bar });
const fixed = (value: number | undefined, digits = 2): string => (value ?? Number.NaN).toFixed(digits);

/** What the table says of a part. */
const tables: { [Part in keyof typeof parts]: (result: NonNullable<Results[Part]>) => object[] } = {
  ingest: ({ ratios, loads, memoryMb }) => [
    ...Object.entries(ratios).map(([what, ratio]) => row(what, fixed(ratio))),
    row('webhook answer p99, gateway web, ms', loads['gateway, ROLE=web']?.p99 ?? '', '< 100'),
    row('memory after the load, MB', memoryMb, '< 256'),
  ],
  claim: ({ ratio }) => [row('claim with 1,000,000 waiting / with 1,000', fixed(ratio), '<= 2')],
  portal: ({ drain, burst, latency }) => [
    row('10,000 renames / what the limits allow', fixed(drain.ratio), '<= 1.1'),
    row('503 and 429 provoked', drain.refused, '0'),
    row('burst of 1,000 renames, calls', burst.calls, '<= 2'),
    row('idle webhook to portal, more than a direct call, ms', fixed(latency.differenceMs, 1), '<= 25'),
  ],
  portalEvents: ({ p99 }) => [row('answer to an event of Bitrix24, p99, ms', fixed(p99, 1), '< 50')],
  soak: ({ refused, wrongTitles }) => [
    row('503 and 429 in 24 virtual hours', refused, '0'),
    row('wrong titles after them', wrongTitles, '0'),
  ],
  imports: ({ stored }) => [row('100,000 lines of an import stored, s', fixed(stored, 1), '< 120')],
  others: ({ renames, ratios }) => [
    row(`${renames} renames one by one / through the gateway`, fixed(ratios.oneByOne, 1)),
    row(`${renames} renames with the official SDK / through the gateway`, fixed(ratios.officialSdk, 1)),
  ],
  processes: ({ perSecond, ratio, outOfOrder }) => [
    row('messages per second to ten portals, one process', fixed(perSecond[1], 0)),
    row('two processes / one', fixed(ratio[2])),
    row('four processes / one', fixed(ratio[4])),
    row('conversations out of order', outOfOrder, '0'),
  ],
};

function rowsOf<Part extends keyof typeof parts>(part: Part): object[] {
  const result = results[part];
  return result ? tables[part](result) : [];
}

console.table((Object.keys(parts) as (keyof typeof parts)[]).flatMap((part) => rowsOf(part)));
