// npm run test:crash [kills]: 1,000 kill points by default; prints what was lost, doubled or out of order.
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { startEmbeddedPostgres } from '../../src/db/embedded.ts';
import { applyMigrations } from '../../src/db/migrate.ts';
import { crash } from './crash.ts';

const kills = Number(process.argv[2] ?? 1_000);
const home = await mkdtemp(path.join(tmpdir(), 'gateway-crash-'));
await chmod(home, 0o755);
const server = await startEmbeddedPostgres({ home, fast: true });
try {
  const databaseUrl = await server.database('crash');
  await applyMigrations(databaseUrl, 'prisma/migrations');
  const report = await crash({
    databaseUrl,
    kills,
    onProgress: (kill) => kill % 10 === 0 && console.log(`${kill} of ${kills} kills`),
  });
  console.log(report);
  const faults = [report.lost, report.doubled, report.outOfOrder, report.wrongNames, report.companions].flat();
  process.exitCode = faults.length === 0 ? 0 : 1;
} finally {
  await server.stop();
  await rm(home, { recursive: true, force: true });
}
