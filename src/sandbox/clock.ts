/** Time of the sandbox in milliseconds. It runs with the real time and can be pushed forward, never back. */
export interface Clock {
  now(): number;
  advance(ms: number): void;
}

/** A clock that runs with `base` and keeps how far it was pushed forward. */
export function createClock(base: () => number = Date.now, startOffsetMs = 0): Clock & { offsetMs(): number } {
  let offset = startOffsetMs;
  return {
    now: () => base() + offset,
    advance(ms) {
      if (!(ms >= 0)) throw new RangeError('A clock only moves forward');
      offset += ms;
    },
    offsetMs: () => offset,
  };
}

/** Seconds of the clock, as Bitrix24 writes times on the wire. */
export function unixSeconds(clock: Clock): number {
  return Math.floor(clock.now() / 1000);
}

/** The date form of REST answers, e.g. 2026-09-25T10:00:00+00:00. */
export function isoSeconds(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}+00:00`;
}
