import type { Database } from '../db/database.ts';
import type { Clock } from '../kit/clock.ts';
import type { Logger } from '../kit/logger.ts';
import type { OutboxTx } from '../outbox/job.ts';
import type { Outbox } from '../outbox/outbox.ts';
import type { RunOptions } from './model.ts';
import { type NewRun, startRun } from './runs.ts';

/** Notices that nobody was listening for a while, and has what was said meanwhile recovered. */
export interface Pulse {
  start(): Promise<void>;
  stop(): Promise<void>;
}

const KEY = 'listeningAt';
const EVERY_MS = 20_000;
/**
 * In a silence shorter than this, only where somebody may have been speaking is looked at: a restart shall not cost a
 * portal a request for every dialog it ever had.
 */
const LONG_MS = 60_000;
const ACTIVE_MS = 24 * 3_600_000;

/** One that has not begun looks at everything this one would: many restarts are one run. */
async function isWaiting({ prisma }: OutboxTx, { kind, portal, dryRun, options = {} }: NewRun): Promise<boolean> {
  const waiting = await prisma.run.findMany({ where: { kind, portalId: portal.id, dryRun, state: 'waiting' } });
  const isWhole = (all: RunOptions): boolean => all.activeSince === undefined;
  return waiting.some((run) => isWhole(run.options as RunOptions) || !isWhole(options));
}

export function createPulse(deps: { db: Database; outbox: Outbox; clock: Clock; log: Logger }): Pulse {
  const { db, outbox, clock, log } = deps;
  let timer: NodeJS.Timeout | undefined;
  let beating: Promise<unknown> = Promise.resolve();

  const beat = (): Promise<unknown> =>
    db.sql.rows(
      `insert into setting (key, value) values ('${KEY}', $1) on conflict (key) do update set value = excluded.value`,
      String(clock.now()),
    );

  /** Of several processes that start at once, one finds the old value. */
  async function silenceMs(): Promise<number> {
    const known = await db.prisma.setting.findUnique({ where: { key: KEY } });
    if (!known) return 0;
    const { count } = await db.prisma.setting.updateMany({
      where: { key: KEY, value: known.value },
      data: { value: String(clock.now()) },
    });
    return count === 0 ? 0 : clock.now() - Number(known.value);
  }

  async function recover(): Promise<void> {
    const silent = await silenceMs();
    if (silent <= 0) return;
    const now = new Date(clock.now());
    const options = silent < LONG_MS ? { activeSince: new Date(now.getTime() - ACTIVE_MS).toISOString() } : {};
    const portals = await db.prisma.portal.findMany({ where: { uninstalledAt: null } });
    for (const portal of portals) {
      const run = { kind: 'recoverReplies', portal, dryRun: false, now, options } as const;
      const runId = await outbox.transaction(async (tx) =>
        (await isWaiting(tx, run)) ? undefined : startRun(tx, run),
      );
      if (runId !== undefined) log.info('replies.recovering', { runId, portalId: portal.id, silentMs: silent });
    }
  }

  return {
    async start() {
      await recover();
      await beat();
      timer = setInterval(() => {
        beating = beat().catch((error: unknown) => log.warn('pulse.failed', { error }));
      }, EVERY_MS);
    },
    async stop() {
      clearInterval(timer);
      await beating;
      await beat().catch(() => undefined);
    },
  };
}
