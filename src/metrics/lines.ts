import type { LogFields } from '../kit/logger.ts';
import type { Instruments } from './instruments.ts';

/**
 * What is counted of the lines of the log, by event. A line is written once per finished unit of work, at whatever
 * level, so that it is the one place to measure that work too.
 */
export const LINES: Readonly<Record<string, (to: Instruments, line: LogFields) => void>> = {
  'webhook.answered'(to, { code, accepted, duplicates, durationMs }) {
    const isOk = code === 'ok';
    to.count('ocg_webhooks_total', { code: text(code) });
    to.observe('ocg_webhook_duration_seconds', { outcome: isOk ? 'accepted' : 'refused' }, seconds(durationMs));
    if (!isOk) return;
    to.count('ocg_webhook_events_total', { outcome: 'accepted' }, Number(accepted));
    to.count('ocg_webhook_events_total', { outcome: 'duplicate' }, Number(duplicates));
  },
  'portalEvent.received'(to, { accepted }) {
    to.count('ocg_portal_events_total', { outcome: accepted === false ? 'duplicate' : 'accepted' });
  },
  'portalEvent.refused'(to) {
    to.count('ocg_portal_events_total', { outcome: 'refused' });
  },
  'job.attempted'(to, { kind, outcome, verdict }) {
    to.count('ocg_attempts_total', { kind: text(kind), outcome: text(outcome), verdict: text(verdict ?? '') });
  },
  'portal.called'(to, { method, code, durationMs }) {
    to.count('ocg_portal_calls_total', { method: text(method), code: text(code) });
    to.observe('ocg_portal_call_duration_seconds', { method: text(method) }, seconds(durationMs));
  },
  'messenger.called'(to, { messenger, code, durationMs }) {
    to.count('ocg_deliveries_total', { messenger: text(messenger), code: text(code) });
    to.observe('ocg_delivery_duration_seconds', { messenger: text(messenger) }, seconds(durationMs));
  },
  'name.converged'(to, { lagMs }) {
    if (lagMs !== undefined) to.observe('ocg_name_lag_seconds', {}, seconds(lagMs));
  },
};

/** Codes come from other sides: what is no code says nothing. */
const text = (value: unknown): string => {
  const plain = typeof value === 'string' || typeof value === 'number' ? String(value) : '';
  return /^[\w.:-]{0,64}$/.test(plain) ? plain : 'other';
};
const seconds = (ms: unknown): number => Math.max(0, Number(ms) || 0) / 1000;
