/** Work that is done again and again for as long as the process lives, one round at a time. */
export interface Rounds {
  start(): void;
  /** A round now; the one that is under way, if one is. */
  now(): Promise<void>;
  /** No further round; resolves when the one under way is over. */
  stop(): Promise<void>;
}

/** `round` never fails: it tells the log itself. */
export function createRounds(everyMs: number, round: () => Promise<void>): Rounds {
  let timer: NodeJS.Timeout | undefined;
  let underWay: Promise<void> | undefined;
  const now = (): Promise<void> => (underWay ??= round().finally(() => (underWay = undefined)));
  return {
    start: () => void (timer = setInterval(() => void now(), everyMs)),
    now,
    async stop() {
      clearInterval(timer);
      await underWay;
    },
  };
}
