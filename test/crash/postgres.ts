import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { startEmbeddedPostgres } from '../../src/db/embedded.ts';
import { applyMigrations } from '../../src/db/migrate.ts';
import { until } from '../support/until.ts';

/** A server of its own with one migrated database, which may be torn down while it is used. */
export interface CrashPostgres {
  databaseUrl: string;
  /** Ends it at once, as a power cut would, and starts it again at the same address. */
  crash(): Promise<void>;
  close(): Promise<void>;
}

const isThere = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

/** It waits for the disk at every commit: what was answered must be there after a crash. */
export async function startCrashPostgres(): Promise<CrashPostgres> {
  const home = await mkdtemp(path.join(tmpdir(), 'gateway-crash-'));
  await chmod(home, 0o755);
  let server = await startEmbeddedPostgres({ home });
  const databaseUrl = await server.database('crash');
  await applyMigrations(databaseUrl, 'prisma/migrations');
  const port = Number(new URL(databaseUrl).port);

  return {
    databaseUrl,
    async crash() {
      const pid = Number((await readFile(path.join(server.dataDir, 'postmaster.pid'), 'utf8')).split('\n')[0]);
      // An immediate shutdown: no checkpoint, no goodbye; the log is replayed at the next start.
      process.kill(pid, 'SIGQUIT');
      await until(() => !isThere(pid));
      server = await startEmbeddedPostgres({ home, port });
    },
    async close() {
      await server.stop();
      await rm(home, { recursive: true, force: true });
    },
  };
}
