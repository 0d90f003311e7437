import { ipKeyGenerator, MemoryStore, type Options } from 'express-rate-limit';
import type { Request } from 'express';
import { RequestError } from '../kit/errors.ts';

/**
 * Who guesses keys is slowed down: so many wrong ones per minute and client address, and what comes after them is not
 * even looked up. Only failures count. A key that was right before is let through whatever its address did, so that
 * nobody behind the same proxy is locked out by somebody else's guesses.
 *
 * One for all doors that take a key (the administration, the console's sign-in, the metrics): they share the count.
 */
export interface WrongKeys {
  /**
   * The owner of a key; undefined when nobody has it, which was counted. `hash`: of the key as it was presented.
   * @throws RequestError `too_many_wrong_keys`, which is answered with `Retry-After`.
   */
  attempt<Owner>(req: Request, hash: string, find: Find<Owner>): Promise<Owner | undefined>;
}

type Find<Owner> = (hash: string) => Promise<Owner | undefined>;

export interface WrongKeysOptions {
  /** Wrong keys within the window; 20. */
  limit?: number;
  /** Milliseconds; a minute. */
  windowMs?: number;
  /** Once per address and window. An IPv6 address is its network (/56). */
  onThrottled?: (address: string) => void;
}

/** More keys than anybody has; the oldest is forgotten first, and has to be right once more. */
const REMEMBERED = 1_000;

export function createWrongKeys({ limit = 20, windowMs = 60_000, onThrottled }: WrongKeysOptions = {}): WrongKeys {
  const counts = new MemoryStore();
  counts.init({ windowMs } as Options);
  /** Hashes of keys that were right. */
  const right = new Set<string>();
  /** By address and hash: many requests with the same key at once are one try. */
  const trials = new Map<string, Promise<void>>();

  function remember(hash: string): void {
    right.delete(hash);
    right.add(hash);
    const [oldest] = right;
    if (right.size > REMEMBERED && oldest !== undefined) right.delete(oldest);
  }

  /** Counts before it looks, so that guesses made at the same moment are counted too. */
  async function tryOut(address: string, hash: string, find: Find<unknown>): Promise<void> {
    const { totalHits, resetTime } = await counts.increment(address);
    if (totalHits > limit) {
      if (totalHits === limit + 1) onThrottled?.(address);
      throw tooMany(resetTime);
    }
    const takeBack = (): Promise<void> => counts.decrement(address);
    const owner = await find(hash).catch(async (error: unknown) => {
      await takeBack();
      throw error;
    });
    if (owner === undefined) return;
    await takeBack();
    remember(hash);
  }

  return {
    async attempt(req, hash, find) {
      // Absent once the connection is gone: nobody gets the answer any more.
      const address = ipKeyGenerator(req.ip ?? '0.0.0.0');
      if (!right.has(hash)) {
        const trial = `${address} ${hash}`;
        const known = trials.get(trial);
        const ours = known ?? tryOut(address, hash, find).finally(() => trials.delete(trial));
        if (!known) trials.set(trial, ours);
        await ours;
        if (!right.has(hash)) return undefined;
      }
      const owner = await find(hash);
      if (owner === undefined) right.delete(hash);
      return owner;
    },
  };
}

function tooMany(resetTime: Date | undefined): RequestError {
  const afterMs = Math.max(1, (resetTime?.getTime() ?? 0) - Date.now());
  return new RequestError('too_many_wrong_keys', undefined, { retryAfterS: Math.ceil(afterMs / 1000) });
}
