import { setTimeout as sleep } from 'node:timers/promises';

/** Waits a quarter longer than it has to, at most: looking at the state again and again is itself work for the gateway. */
const pauseMs = (waitedMs: number): number => Math.min(15 + waitedMs / 4, 200);

/** Waits for a state, never for a time. Fails with what was seen last. */
export async function until<T>(
  read: () => T | Promise<T>,
  isReached: (value: T) => boolean = Boolean,
  options: { withinMs?: number } = {},
): Promise<T> {
  const startedAt = Date.now();
  const withinMs = options.withinMs ?? 30_000;
  for (;;) {
    const value = await read();
    if (isReached(value)) return value;
    if (Date.now() - startedAt > withinMs)
      throw new Error(`the state was not reached; last seen: ${JSON.stringify(value, bigint)}`);
    await sleep(pauseMs(Date.now() - startedAt));
  }
}

const bigint = (_key: string, value: unknown): unknown => (typeof value === 'bigint' ? value.toString() : value);
