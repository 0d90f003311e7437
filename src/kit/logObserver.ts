import type { LogFields, Logger, LogLevel } from './logger.ts';

/** Told of every line, whatever its level and whether it is written or not. Must not throw. */
export type LogObserver = (level: LogLevel, event: string, fields: LogFields) => void;

/** What is worth a line is worth a count: whoever measures reads the same lines as everybody else. */
export function observedLog(log: Logger, observe: LogObserver): Logger {
  const write =
    (level: LogLevel) =>
    (event: string, fields: LogFields = {}): void => {
      observe(level, event, fields);
      log[level](event, fields);
    };
  return { error: write('error'), warn: write('warn'), info: write('info'), debug: write('debug') };
}
