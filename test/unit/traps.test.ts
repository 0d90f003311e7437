import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** docs/traps.md promises tests: they have to exist. */

const root = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url));
const rows = readFileSync(root('docs/traps.md'), 'utf8')
  .split('\n')
  .flatMap((line) => {
    const [, file, name] = /\| `((?:unit|integration|e2e)\/[\w/]+)` (.+?) *\|$/.exec(line) ?? [];
    return file === undefined || name === undefined ? [] : [[file, name] as const];
  });

test('the list of traps is not empty', () => {
  expect(rows.length).toBeGreaterThan(50);
});

test.each(rows)('%s: %s', (file, name) => {
  const path = root(`test/${file}.test.ts`);
  expect(existsSync(path)).toBe(true);
  expect(readFileSync(path, 'utf8').replaceAll("\\'", "'")).toContain(name);
});
