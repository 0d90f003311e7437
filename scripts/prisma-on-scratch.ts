// Runs a prisma command that needs a server (`migrate diff`, `migrate dev`) against a throw-away PostgreSQL, so that
// neither a developer nor CI has to have one: node --import tsx scripts/prisma-on-scratch.ts migrate diff ...
import { spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { startEmbeddedPostgres } from '../src/db/embedded.ts';

const home = await mkdtemp(path.join(tmpdir(), 'gateway-scratch-pg-'));
const server = await startEmbeddedPostgres({ home, fast: true });
try {
  const prisma = fileURLToPath(new URL('./prisma.mjs', import.meta.url));
  const { status } = spawnSync(process.execPath, [prisma, ...process.argv.slice(2)], {
    stdio: 'inherit',
    env: { ...process.env, DATABASE_URL: server.url('postgres') },
  });
  process.exitCode = status ?? 1;
} finally {
  await server.stop();
  await rm(home, { recursive: true, force: true });
}
