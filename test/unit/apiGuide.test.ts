import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { PROBLEMS } from '../../src/kit/errors.ts';

const guide = readFileSync(new URL('../../docs/api.md', import.meta.url), 'utf8');

test('the guide lists every code an error can have, with its status and meaning', () => {
  const rows = [...guide.matchAll(/^\| (\d{3}) +\| `(\w+)` +\| (.+?) +\|/gm)];
  const listed = rows.map(([, status, code, title]) => [code, { status: Number(status), title }]);
  expect(Object.fromEntries(listed)).toEqual(PROBLEMS);
  expect(listed).toHaveLength(Object.keys(PROBLEMS).length);
});
