/** When a gate has something to claim. Times are milliseconds from now; nothing above 0 may be claimed yet. */
export interface Due {
  /** Until the gate lets a request through: its bucket has a token and its portal is not blocked. */
  openMs: number;
  /** Until the first live lane is due; undefined when none waits. */
  liveMs: number | undefined;
  /** Until the first bulk lane is due and the bulk slot is free for whoever looks; undefined when none waits. */
  bulkMs: number | undefined;
  /** Bulk lanes that are due, counted no further than a full party. */
  bulkCount: number;
}

const isPast = (ms: number | undefined): boolean => ms !== undefined && ms <= 0;

export const isLiveDue = (due: Due): boolean => due.openMs <= 0 && isPast(due.liveMs);

export const isBulkDue = (due: Due): boolean => due.openMs <= 0 && isPast(due.bulkMs);

/** Whether bulk work waits for nothing but its turn. */
export const isBulkWaiting = (due: Due): boolean => isPast(due.bulkMs);

/** Until something may be claimed; undefined when nothing waits. `bulkPaceMs`: bulk work goes no sooner than this. */
export function untilDueMs(due: Due, bulkPaceMs = 0): number | undefined {
  const live = due.liveMs ?? Infinity;
  const bulk = due.bulkMs === undefined ? Infinity : Math.max(due.bulkMs, bulkPaceMs);
  const first = Math.min(live, bulk);
  return first === Infinity ? undefined : Math.max(due.openMs, first);
}
