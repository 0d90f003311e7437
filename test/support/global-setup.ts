import { readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/db/embedded.ts';
import { applyMigrations } from '../../src/db/migrate.ts';

declare global {
  var testPostgres: { server: EmbeddedPostgres; home: string } | undefined;
}

const migrations = fileURLToPath(new URL('../../prisma/migrations', import.meta.url));
const HOME_PREFIX = 'gateway-test-pg-';

function isAlive(pid: number): boolean {
  try {
    return pid > 0 && process.kill(pid, 0);
  } catch {
    return false;
  }
}

/** Homes of runs that were killed before their teardown; a home carries the process id of its run. */
async function removeAbandonedHomes(): Promise<void> {
  for (const entry of await readdir(tmpdir())) {
    if (!entry.startsWith(HOME_PREFIX) || isAlive(Number(entry.slice(HOME_PREFIX.length)))) continue;
    const home = path.join(tmpdir(), entry);
    const server = await startEmbeddedPostgres({ home, fast: true }).catch(() => undefined);
    await server?.stop();
    await rm(home, { recursive: true, force: true });
  }
}

/** One throw-away cluster per run, so that two runs never meet; each test file clones the migrated template. */
export default async function globalSetup(): Promise<void> {
  let admin = process.env.TEST_DATABASE_URL;
  if (!admin) {
    await removeAbandonedHomes();
    const home = path.join(tmpdir(), `${HOME_PREFIX}${process.pid}`);
    globalThis.testPostgres = { server: await startEmbeddedPostgres({ home, fast: true }), home };
    admin = globalThis.testPostgres.server.url('postgres');
  }
  const template = `gateway_test_${process.pid}_template`;
  const client = new pg.Client({ connectionString: admin });
  await client.connect();
  await client.query(`DROP DATABASE IF EXISTS "${template}" WITH (FORCE)`);
  await client.query(`CREATE DATABASE "${template}"`);
  await client.end();
  const url = new URL(admin);
  url.pathname = `/${template}`;
  await applyMigrations(url.href, migrations);
  process.env.TEST_ADMIN_URL = admin;
  process.env.TEST_TEMPLATE = template;
}
