import { randomBytes } from 'node:crypto';
import pg from 'pg';

/** A private, migrated database for one test file: a copy of the template that global-setup made. */
export async function createTestDatabase(): Promise<string> {
  const { TEST_ADMIN_URL: admin, TEST_TEMPLATE: template } = process.env;
  if (!admin || !template) throw new Error('global-setup has not run');
  const name = template.replace(/template$/, randomBytes(6).toString('hex'));
  const client = new pg.Client({ connectionString: admin });
  await client.connect();
  await client.query(`CREATE DATABASE ${name} TEMPLATE ${template} STRATEGY file_copy`);
  await client.end();
  const url = new URL(admin);
  url.pathname = `/${name}`;
  return url.href;
}
