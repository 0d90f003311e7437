/** Milliseconds since the epoch. Passed in wherever time decides something, so that tests own the time. */
export interface Clock {
  now(): number;
}

export const systemClock: Clock = { now: () => Date.now() };
