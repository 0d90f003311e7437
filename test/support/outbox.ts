import { type Database, createDatabase } from '../../src/db/database.ts';
import type { Clock } from '../../src/kit/clock.ts';
import { systemClock } from '../../src/kit/clock.ts';
import { silentLogger } from '../../src/kit/logger.ts';
import { type Gate, type Rate, createGate, gateColumns } from '../../src/outbox/gate.ts';
import type { Handler } from '../../src/outbox/job.ts';
import { type Outbox, createOutbox } from '../../src/outbox/outbox.ts';
import { type Worker, type WorkerOptions, LEASE_MS, createWorker } from '../../src/outbox/worker.ts';
import { type Wake, createWake } from '../../src/outbox/wake.ts';
import { createTestDatabase } from './database.ts';

export interface OutboxBench {
  db: Database;
  outbox: Outbox;
  gate: Gate;
  wake: Wake;
  addGate(rate?: Rate): Promise<string>;
  startWorker(handlers: Record<string, Handler>, options?: Partial<WorkerOptions>): Worker;
  close(): Promise<void>;
}

/** An outbox on a database of its own; `close` stops every worker it started. */
export async function createOutboxBench(options: { clock?: Clock } = {}): Promise<OutboxBench> {
  const db = createDatabase({ url: await createTestDatabase() });
  const wake = createWake({ db, log: silentLogger });
  await wake.start();
  const clock = options.clock ? { clock: options.clock } : {};
  const outbox = createOutbox({ db, wake, ...clock });
  const gate = createGate({ sql: db.sql, ...clock });
  const workers: Worker[] = [];
  let gates = 0;

  return {
    db,
    outbox,
    gate,
    wake,
    async addGate(rate) {
      const row = await db.prisma.gate.create({ data: { key: `test:${gates++}`, ...gateColumns(rate) } });
      return row.id.toString();
    },
    startWorker(handlers, overrides = {}) {
      const worker = createWorker({
        outbox,
        gate,
        wake,
        handlers,
        clock: options.clock ?? systemClock,
        log: silentLogger,
        leaseMs: LEASE_MS,
        ...overrides,
      });
      worker.start();
      workers.push(worker);
      return worker;
    },
    async close() {
      await Promise.all(workers.map((worker) => worker.stop({ graceMs: 1_000 })));
      await wake.stop();
      await db.close();
    },
  };
}
