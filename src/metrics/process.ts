import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Instruments } from './instruments.ts';

/** How this process is doing, under the names every Node.js dashboard knows. */
export interface ProcessReadings {
  /** To be called for every scrape. */
  take(): void;
  stop(): void;
}

const PRECISION_MS = 10;
const NS = 1e9;
const US = 1e6;

export function readProcess(to: Instruments): ProcessReadings {
  const delay = monitorEventLoopDelay({ resolution: PRECISION_MS });
  delay.enable();
  const startedAt = Date.now() / 1000 - process.uptime();
  let cpuS = 0;

  return {
    take() {
      const { rss, heapUsed, external } = process.memoryUsage();
      const { user, system } = process.cpuUsage();
      const usedS = (user + system) / US;
      to.count('process_cpu_seconds_total', {}, Math.max(0, usedS - cpuS));
      cpuS = usedS;
      to.set('process_start_time_seconds', {}, startedAt);
      to.set('process_resident_memory_bytes', {}, rss);
      to.set('nodejs_heap_size_used_bytes', {}, heapUsed);
      to.set('nodejs_external_memory_bytes', {}, external);
      // The first delay of an idle loop is its own resolution; nothing measured yet is NaN.
      const lag = (ns: number): number => (Number.isFinite(ns) ? Math.max(0, ns / NS - PRECISION_MS / 1000) : 0);
      to.set('nodejs_eventloop_lag_p99_seconds', {}, lag(delay.percentile(99)));
      to.set('nodejs_eventloop_lag_max_seconds', {}, lag(delay.max));
      delay.reset();
    },
    stop: () => void delay.disable(),
  };
}
