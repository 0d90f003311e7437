import { rm } from 'node:fs/promises';
import pg from 'pg';

export default async function globalTeardown(): Promise<void> {
  const running = globalThis.testPostgres;
  if (running) {
    await running.server.stop();
    await rm(running.home, { recursive: true, force: true });
    return;
  }
  // A server that is not ours stays up: drop what this run made on it.
  const client = new pg.Client({ connectionString: process.env.TEST_ADMIN_URL });
  await client.connect();
  const { rows } = await client.query<{ datname: string }>('SELECT datname FROM pg_database WHERE datname LIKE $1', [
    `gateway_test_${process.pid}_%`,
  ]);
  for (const { datname } of rows) await client.query(`DROP DATABASE "${datname}" WITH (FORCE)`);
  await client.end();
}
