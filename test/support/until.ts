import { setTimeout as sleep } from 'node:timers/promises';

/** Waits for a state, never for a time. Fails with what was seen last. */
export async function until<T>(
  read: () => T | Promise<T>,
  isReached: (value: T) => boolean = Boolean,
  options: { withinMs?: number } = {},
): Promise<T> {
  const deadline = Date.now() + (options.withinMs ?? 15_000);
  for (;;) {
    const value = await read();
    if (isReached(value)) return value;
    if (Date.now() > deadline)
      throw new Error(`the state was not reached; last seen: ${JSON.stringify(value, bigint)}`);
    await sleep(10);
  }
}

const bigint = (_key: string, value: unknown): unknown => (typeof value === 'bigint' ? value.toString() : value);
