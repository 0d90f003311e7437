// npm run test:races [races] [crashes]: 10,000 races and 1,000 crashes by default, on new and old portals, with and
// without lost answers; prints which conversations have not exactly one companion chat.
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { startEmbeddedPostgres } from '../../src/db/embedded.ts';
import { applyMigrations } from '../../src/db/migrate.ts';
import type { Profile } from '../../src/sandbox/portalRow.ts';
import { raceForCompanions } from './companions.ts';

const races = Number(process.argv[2] ?? 10_000);
const crashes = Number(process.argv[3] ?? 1_000);
const profiles: Profile[] = ['cloud', 'box-without-imbot-v2'];
const runs = profiles.flatMap((profile) => [
  { profile, conversations: crashes * 2, racers: 2, crashes, lostAnswers: 0 },
  { profile, conversations: crashes, racers: 2, crashes: Math.ceil(crashes / 2), lostAnswers: 0.5 },
  { profile, conversations: Math.ceil(races / profiles.length), racers: 3, crashes: 0, lostAnswers: 0 },
]);

const home = await mkdtemp(path.join(tmpdir(), 'gateway-races-'));
await chmod(home, 0o755);
const server = await startEmbeddedPostgres({ home, fast: true });
let faults = 0;
try {
  for (const [index, run] of runs.entries()) {
    const databaseUrl = await server.database(`races_${index}`);
    await applyMigrations(databaseUrl, 'prisma/migrations');
    const startedAt = performance.now();
    const report = await raceForCompanions({ ...run, databaseUrl });
    faults += report.wrong.length + report.unsettled;
    console.log({ ...run, ...report, seconds: Math.round((performance.now() - startedAt) / 1000) });
  }
  process.exitCode = faults === 0 ? 0 : 1;
} finally {
  await server.stop();
  await rm(home, { recursive: true, force: true });
}
