import type { Database, Listening } from '../db/database.ts';
import type { Logger } from '../kit/logger.ts';

const CHANNEL = 'gateway_wake';
/**
 * NOTIFY inside a transaction serialises all commits behind one lock and halves their number; sent afterwards and
 * at most once per interval it costs nothing. A notice that is lost is covered by the workers' sweep.
 */
const NOTIFY_EVERY_MS = 10;

/** Tells the workers of all processes that gates have work. */
export interface Wake {
  all(gateIds: readonly string[]): void;
  onWake(listener: (gateId: string) => void): void;
  start(): Promise<void>;
  stop(): Promise<void>;
}

export function createWake(deps: { db: Database; log: Logger }): Wake {
  const listeners: ((gateId: string) => void)[] = [];
  const pending = new Set<string>();
  let timer: NodeJS.Timeout | undefined;
  let sending: Promise<void> | undefined;
  let others: Listening | undefined;
  const here = (gateId: string): void => listeners.forEach((listener) => listener(gateId));

  function notifySoon(): void {
    if (pending.size > 0 && others && !sending) timer ??= setTimeout(() => void notify(), NOTIFY_EVERY_MS);
  }

  /** One at a time: a connection has one statement under way. */
  async function notify(): Promise<void> {
    timer = undefined;
    const gateIds = [...pending];
    pending.clear();
    sending = others?.notify(gateIds).catch((error: unknown) => deps.log.debug('wake.lost', { error }));
    await sending;
    sending = undefined;
    notifySoon();
  }

  return {
    all(gateIds) {
      for (const gateId of gateIds) {
        here(gateId);
        pending.add(gateId);
      }
      notifySoon();
    },
    onWake(listener) {
      listeners.push(listener);
    },
    async start() {
      others = await deps.db.listen(CHANNEL, here);
    },
    async stop() {
      clearTimeout(timer);
      await sending;
      if (pending.size > 0) await notify();
      await others?.stop();
      others = undefined;
    },
  };
}
