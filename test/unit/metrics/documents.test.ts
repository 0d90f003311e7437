import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { METRICS } from '../../../src/metrics/table.ts';
import { LINES } from '../../../src/metrics/lines.ts';

/** What is written about metrics, and whoever uses them, agrees with the metrics there are. */

const text = (file: string): string => readFileSync(new URL(`../../../${file}`, import.meta.url), 'utf8');
const alerts = text('deploy/alerts.yml');

interface Panel {
  title: string;
  targets?: { expr: string }[];
}
const dashboard = JSON.parse(text('deploy/grafana-dashboard.json')) as { panels: Panel[] };
const panels = dashboard.panels.filter(({ targets }) => targets !== undefined);

/** Every rule of the alerts with the lines that belong to it. */
const rules = alerts
  .split(/^ {6}- alert: /m)
  .slice(1)
  .map((block) => ({ name: block.slice(0, block.indexOf('\n')), block }));
const expressions = [
  ...panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr)),
  ...rules.map(({ block }) => /expr: ([\s\S]*?)\n {8}(?:for|labels):/.exec(block)?.[1] ?? ''),
];

const known: Record<string, { type: string; labels: readonly string[] }> = METRICS;

/** A series as a query names it: of a histogram there are three. */
function definitionOf(series: string): { labels: readonly string[] } | undefined {
  const [, stem = ''] = /^(.*)_(?:bucket|sum|count)$/.exec(series) ?? [];
  if (known[stem]?.type === 'histogram') return known[stem];
  return known[series]?.type === 'histogram' ? undefined : known[series];
}
const SERIES = /\b(?:ocg|process|nodejs)_\w+/g;

test('docs/metrics.md lists every metric with its type, labels and meaning, and no other', () => {
  const documented = [...text('docs/metrics.md').matchAll(/^\| `(\w+)` *\| (\w+) *\| (.*?) *\| (.*?) *\|$/gm)];
  const rows = documented.map(([, name, type, labels = '', help]) => [
    name,
    type,
    [...labels.matchAll(/`(\w+)`/g)].map(([, label]) => label),
    help,
  ]);
  expect(rows).toEqual(
    Object.entries(METRICS).map(([name, { type, labels, help }]) => [name, type, [...labels], help]),
  );
});

test('the dashboard and the alerts ask for nothing that does not exist', () => {
  expect(panels.length).toBeGreaterThan(20);
  expect(expressions.every((expr) => expr !== '')).toBe(true);
  const unknown = expressions.flatMap((expr) => expr.match(SERIES) ?? []).filter((series) => !definitionOf(series));
  expect(unknown).toEqual([]);
});

test('they select by labels the metrics have', () => {
  const GIVEN_BY_PROMETHEUS = ['job', 'instance'];
  const wrong = expressions.flatMap((expr) =>
    [...expr.matchAll(/\b((?:ocg|process|nodejs)_\w+)\{([^}]*)\}/g)].flatMap(
      ([selector, series = '', selected = '']) => {
        const labels = [...(definitionOf(series)?.labels ?? []), ...GIVEN_BY_PROMETHEUS];
        return [...selected.matchAll(/(\w+)(?:=~|!~|!=|=)"/g)].some(([, label = '']) => !labels.includes(label))
          ? [selector]
          : [];
      },
    ),
  );
  expect(wrong).toEqual([]);
});

test('every alert has its section in the runbook, every section of an alert its alert, and the link leads there', () => {
  const [, runbook = ''] = text('docs/operations.md').split(/^## Alerts$/m);
  const sections = [...runbook.split(/^## /m)[0]!.matchAll(/^### (\w+)$/gm)].map(([, name]) => name);
  expect(rules.length).toBeGreaterThan(10);
  expect(sections.sort()).toEqual(rules.map(({ name }) => name).sort());
  for (const { name, block } of rules) {
    expect(block).toContain(`runbook_url: docs/operations.md#${name.toLowerCase()}\n`);
  }
});

test('what is counted of the log is really logged', () => {
  const root = new URL('../../../src/', import.meta.url);
  const sources = readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !name.startsWith('generated') && !name.startsWith('metrics'))
    .map((name) => readFileSync(new URL(name, root), 'utf8'));
  const silent = Object.keys(LINES).filter((event) => !sources.some((source) => source.includes(`('${event}'`)));
  expect(silent).toEqual([]);
});
