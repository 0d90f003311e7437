import type { LogFields, Logger, LogLevel } from './logger.ts';

/**
 * Bounds what failures write: a portal that refuses a thousand calls a minute says the same thing a thousand times.
 * Lines of one event, portal (or messenger) and code are written up to a number in each window; what comes beyond is
 * counted, and told in one `log.suppressed` line when the window ends. Lines that tell of no failure always pass.
 */
export interface CalmLog extends Logger {
  /** Writes the summaries that are still due, and stops the timer. */
  close(): void;
}

export interface CalmOptions {
  windowMs?: number;
  /** Lines of one sort in one window. */
  lines?: number;
}

const WINDOW_MS = 10_000;
const LINES = 20;
/** Sorts that are told apart in one window; the rest shares one count per event. */
const MOST_SORTS = 1_000;

interface Sort {
  level: LogLevel;
  about: LogFields;
  seen: number;
}

export function calmLog(log: Logger, { windowMs = WINDOW_MS, lines = LINES }: CalmOptions = {}): CalmLog {
  const sorts = new Map<string, Sort>();
  let timer: NodeJS.Timeout | undefined;

  function sortOf(level: LogLevel, event: string, fields: LogFields): Sort {
    const exact = aboutOf(event, fields);
    const isTold = sorts.size < MOST_SORTS || sorts.has(keyOf(level, exact));
    const about = isTold ? exact : { of: event };
    const key = keyOf(level, about);
    const sort = sorts.get(key) ?? { level, about, seen: 0 };
    sorts.set(key, sort);
    return sort;
  }

  function endWindow(): void {
    timer = undefined;
    const ended = [...sorts.values()];
    sorts.clear();
    for (const { level, about, seen } of ended) {
      if (seen > lines) log[level]('log.suppressed', { ...about, suppressed: seen - lines, windowMs });
    }
  }

  const write =
    (level: LogLevel) =>
    (event: string, fields: LogFields = {}): void => {
      if (!tellsOfFailure(level, fields)) return log[level](event, fields);
      // The process may end without waiting for it: `close` tells what is left.
      timer ??= setTimeout(endWindow, windowMs).unref();
      const sort = sortOf(level, event, fields);
      sort.seen++;
      if (sort.seen <= lines) log[level](event, fields);
    };

  return {
    error: write('error'),
    warn: write('warn'),
    info: write('info'),
    debug: write('debug'),
    close() {
      clearTimeout(timer);
      endWindow();
    },
  };
}

const keyOf = (level: LogLevel, about: LogFields): string => JSON.stringify([level, about]);

const tellsOfFailure = (level: LogLevel, { code }: LogFields): boolean =>
  level === 'error' || level === 'warn' || (code !== undefined && code !== 'ok');

function aboutOf(event: string, { portalId, messenger, code, error }: LogFields): LogFields {
  return { of: event, portalId, messenger, code, ...(error instanceof Error ? { at: placeOf(error) } : {}) };
}

/** Two bugs that strike under the same event are two sorts: the line of code tells them apart, their messages may not. */
const placeOf = (error: Error): string => /^\s+at .*$/m.exec(error.stack ?? '')?.[0].trim() ?? error.name;
