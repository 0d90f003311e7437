import { createDatabase } from '../src/db/database.ts';
import { silentLogger } from '../src/kit/logger.ts';
import { createOutbox } from '../src/outbox/outbox.ts';
import { createWake } from '../src/outbox/wake.ts';
import { median, percentile, startDatabase } from './parts.ts';

/** How long a claim of 50 lanes takes, with a thousand and with a million jobs waiting. */

const SIZES = [1_000, 100_000, 1_000_000];
const LANES = 1_000;
const CLAIMS = 100;

export interface ClaimResult {
  /** Milliseconds by number of waiting jobs. */
  p50: Record<number, number>;
  p99: Record<number, number>;
  /** A million against a thousand. */
  ratio: number;
}

export async function claim(): Promise<ClaimResult> {
  const result: ClaimResult = { p50: {}, p99: {}, ratio: Number.NaN };
  for (const size of SIZES) {
    const database = await startDatabase();
    const url = await database.migrated('claim');
    const db = createDatabase({ url, connections: 4 });
    const { id } = await db.prisma.gate.create({ data: { key: 'bench' } });
    await db.sql.rows(
      `insert into lane (gate_id, key, class, tail, due_at)
       select $1::bigint, 'lane-' || n, 'bulk', $2::int, now() from generate_series(1, $3::int) n`,
      id.toString(),
      size / LANES,
      LANES,
    );
    await db.sql.rows(
      `insert into job (lane_id, gate_id, seq, kind, payload)
       select l.id, l.gate_id, s, 'bench', '{}' from lane l, generate_series(1, $1::int) s`,
      size / LANES,
    );
    await db.sql.rows('analyze');
    const outbox = createOutbox({ db, wake: createWake({ db, log: silentLogger }) });
    const times: number[] = [];
    for (let n = 0; n < CLAIMS; n++) {
      const startedAt = performance.now();
      const claimed = await outbox.claim({
        gateId: id.toString(),
        class: 'bulk',
        limit: 50,
        leaseMs: 60_000,
        holder: 'a',
      });
      times.push(performance.now() - startedAt);
      await outbox.settle(
        claimed.map((one) => ({
          ...one,
          jobId: one.job?.id,
          outcome: 'retry' as const,
          delayMs: 0,
          startedAt: 0,
          durationMs: 0,
        })),
      );
    }
    result.p50[size] = median(times);
    result.p99[size] = percentile(times, 0.99);
    await db.close();
    await database.close();
  }
  result.ratio = (result.p50[1_000_000] ?? Number.NaN) / (result.p50[1_000] ?? Number.NaN);
  return result;
}
