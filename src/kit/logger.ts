import winston from 'winston';
import { redact } from './redact.ts';

export type LogLevel = 'error' | 'warn' | 'info' | 'debug';
export type LogFields = Record<string, unknown>;

/** One wide line per finished unit of work: a constant event name (`job.attempted`), everything else as fields. */
export interface Logger {
  error(event: string, fields?: LogFields): void;
  warn(event: string, fields?: LogFields): void;
  info(event: string, fields?: LogFields): void;
  debug(event: string, fields?: LogFields): void;
}

const redacted = winston.format((info) => {
  const { level, message, ...fields } = info;
  return { ...(redact(fields) as LogFields), level, message, [Symbol.for('level')]: level };
});

/** For people at a terminal: `12:00:01 info  event.accepted accepted=1 duplicates=0`. */
const pretty = winston.format.printf(({ level, message, timestamp, ...fields }) => {
  const time = String(timestamp).slice(11, 19);
  const pairs = Object.entries(fields).map(([key, value]) =>
    typeof value === 'string' ? `${key}=${value}` : `${key}=${JSON.stringify(value)}`,
  );
  return [time, level.padEnd(5), String(message), ...pairs].join(' ');
});

export function createLogger(options: { level: LogLevel; format: 'json' | 'pretty' }): Logger {
  const { combine, timestamp, json } = winston.format;
  const logger = winston.createLogger({
    level: options.level,
    format: combine(redacted(), timestamp(), options.format === 'json' ? json() : pretty),
    transports: [new winston.transports.Console()],
  });
  // A line below the level costs nothing: winston would build it first.
  const write = (level: LogLevel): ((event: string, fields?: LogFields) => void) =>
    logger.isLevelEnabled(level) ? (event, fields = {}) => void logger.log(level, event, fields) : () => undefined;
  return { error: write('error'), warn: write('warn'), info: write('info'), debug: write('debug') };
}

/** For tests and tools that want no log. */
export const silentLogger: Logger = { error() {}, warn() {}, info() {}, debug() {} };
