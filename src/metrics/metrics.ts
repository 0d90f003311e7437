import { Registry } from 'prom-client';
import type { LogObserver } from '../kit/logObserver.ts';
import { createInstruments, type Instruments } from './instruments.ts';
import { LINES } from './lines.ts';
import { readProcess } from './process.ts';
import { createReadings, type ReadingsDeps } from './readings.ts';

/** What one process knows of itself and of all of them, in the words of Prometheus. */
export interface Metrics {
  readonly contentType: string;
  /** Counts what the lines of the log tell. */
  observe: LogObserver;
  /** From now on what the database knows is shown too. */
  read(deps: ReadingsDeps & { lanesHeld: () => number }): void;
  /** The text of one scrape. */
  text(): Promise<string>;
  close(): void;
}

/** Of a registry of its own, never the global one: several gateways may live in one process. */
export function createMetrics(about: { version: string; role: string }, registry = new Registry()): Metrics {
  const instruments = createInstruments(registry);
  const ownProcess = readProcess(instruments);
  instruments.set('ocg_build_info', about, 1);
  let readDatabase = (): Promise<void> => Promise.resolve();
  let lanesHeld = (): number => 0;

  return {
    contentType: registry.contentType,
    observe: (level, event, fields) => count(instruments, level, event, fields),
    read(deps) {
      const readings = createReadings(deps, instruments);
      readDatabase = () => readings.take();
      ({ lanesHeld } = deps);
    },
    async text() {
      await readDatabase();
      ownProcess.take();
      instruments.set('ocg_lanes_held', {}, lanesHeld());
      return registry.metrics();
    },
    close() {
      ownProcess.stop();
      registry.clear();
    },
  };
}

function count(to: Instruments, ...[level, event, fields]: Parameters<LogObserver>): void {
  // The most frequent lines are of this level and written by nobody: their own counters are enough.
  if (level !== 'debug') to.count('ocg_log_lines_total', { level });
  LINES[event]?.(to, fields);
}
