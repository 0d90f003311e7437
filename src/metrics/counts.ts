import type { Sql } from '../db/database.ts';

/**
 * Counts that stay cheap however many rows there are: through an index up to a limit, by a sample of the table beyond
 * it. Who looks at a million wants to know whether it shrinks; who looks at three wants to know three.
 */

/** As far as rows are counted one by one. */
export const COUNTED = 10_000;
/** Pages of 8 kB a sample reads: more than 10,000 rows of any of our tables, within milliseconds. */
const SAMPLE_PAGES = 400;

export interface Count {
  key: string;
  n: number;
}

/** `counted` stops at COUNTED; what reached it, and what it does not name, is estimated. */
export async function completed(
  sql: Sql,
  counted: readonly Count[],
  { table, key }: { table: string; key: string },
  options: { always?: boolean } = {},
): Promise<Map<string, number>> {
  const counts = new Map(counted.map((one) => [one.key, one.n]));
  if (!options.always && counted.every(({ n }) => n < COUNTED)) return counts;
  const estimates = await sample(sql, table, key);
  for (const [one, n] of counts) if (n >= COUNTED) counts.set(one, Math.max(n, estimates.get(one) ?? 0));
  for (const [one, n] of estimates) if (!counts.has(one)) counts.set(one, n);
  return counts;
}

async function sample(sql: Sql, table: string, key: string): Promise<Map<string, number>> {
  const [size] = await sql.rows<{ pages: number }>(
    `select (pg_relation_size($1::regclass) / 8192)::float8 as pages`,
    table,
  );
  const percent = Math.min(100, (100 * SAMPLE_PAGES) / Math.max(1, size?.pages ?? 1));
  const rows = await sql.rows<Count>(
    `select ${key} as key, count(*)::float8 as n from ${table} tablesample system ($1::float4) group by 1`,
    percent,
  );
  return new Map(rows.map((row) => [row.key, Math.round((row.n * 100) / percent)]));
}
