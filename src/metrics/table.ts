/**
 * Every metric there is. A new one is a row here and in docs/metrics.md, and where it comes from: a line of the log
 * (`lines.ts`), the database (`readings.ts`) or the process itself (`process.ts`).
 *
 * No personal data, and no label without bounds: portals and messengers are few, conversations are not.
 */

interface Definition {
  type: 'counter' | 'gauge' | 'histogram';
  labels: readonly string[];
  help: string;
  /** Upper bounds of a histogram, seconds. */
  buckets?: readonly number[];
}

const FAST_S = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5];
/** A call may last 65 s. */
const CALL_S = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 65];
const LAG_S = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1_800, 7_200];

export const METRICS = {
  ocg_webhooks_total: {
    type: 'counter',
    labels: ['code'],
    help: 'Webhooks answered: `ok`, or the code of the problem document',
  },
  ocg_webhook_events_total: { type: 'counter', labels: ['outcome'], help: 'Events in them: `accepted`, `duplicate`' },
  ocg_webhook_duration_seconds: {
    type: 'histogram',
    labels: ['outcome'],
    help: 'From the first byte to the answer: `accepted`, `refused`',
    buckets: FAST_S,
  },
  ocg_portal_events_total: {
    type: 'counter',
    labels: ['outcome'],
    help: 'Events from Bitrix24: `accepted`, `duplicate`, `refused`',
  },
  ocg_attempts_total: {
    type: 'counter',
    labels: ['kind', 'outcome', 'verdict'],
    help: 'Attempts of jobs by what was written (`done`, `retry`, `dead`, `parked`, `lost`) and why',
  },
  ocg_portal_calls_total: {
    type: 'counter',
    labels: ['method', 'code'],
    help: 'Requests to portals: `ok`, or the error code',
  },
  ocg_portal_call_duration_seconds: {
    type: 'histogram',
    labels: ['method'],
    help: 'Their duration',
    buckets: CALL_S,
  },
  ocg_deliveries_total: {
    type: 'counter',
    labels: ['messenger', 'code'],
    help: 'Requests to the deliveryUrl of messengers: `ok`, or the error code',
  },
  ocg_delivery_duration_seconds: {
    type: 'histogram',
    labels: ['messenger'],
    help: 'Their duration',
    buckets: CALL_S,
  },
  ocg_name_lag_seconds: {
    type: 'histogram',
    labels: [],
    help: 'From hearing a new name to the dialog having it, where a session was open',
    buckets: LAG_S,
  },
  ocg_log_lines_total: {
    type: 'counter',
    labels: ['level'],
    help: 'Lines of the log above `debug`, those held back included',
  },
  ocg_jobs: {
    type: 'gauge',
    labels: ['kind', 'state'],
    help: 'Jobs `waiting`, `running`, `dead`, `parked`; exact up to 10,000 of a sort, an estimate beyond',
  },
  ocg_job_oldest_age_seconds: { type: 'gauge', labels: ['kind'], help: 'Age of the oldest waiting job; 0: none' },
  ocg_lanes_due: {
    type: 'gauge',
    labels: ['class'],
    help: 'Lanes with work that could be claimed now; at most 1,000 are counted of one gate',
  },
  ocg_lanes_held: { type: 'gauge', labels: [], help: 'Lanes this process has leased' },
  ocg_conversations: { type: 'gauge', labels: ['name_state'], help: 'Conversations by the state of their name' },
  ocg_companions: { type: 'gauge', labels: ['state'], help: 'Companions by state' },
  ocg_portal_state: {
    type: 'gauge',
    labels: ['portal', 'state'],
    help: '1 for the state a portal is in: `active`, `paused`, `blocked`, `uninstalled`',
  },
  ocg_portal_requests_left: { type: 'gauge', labels: ['portal'], help: 'Requests its bucket allows at once' },
  ocg_portal_operating_seconds_left: {
    type: 'gauge',
    labels: ['portal'],
    help: 'Operating time left to the method that has used most of it',
  },
  ocg_messenger_state: {
    type: 'gauge',
    labels: ['messenger', 'state'],
    help: '1 for the state of its deliveries: `on`, `off`, `paused`, `blocked`',
  },
  ocg_secrets_under_old_keys: {
    type: 'gauge',
    labels: [],
    help: 'Stored secrets not sealed by the first ENCRYPTION_KEY; 0: the others may be dropped',
  },
  ocg_database_up: { type: 'gauge', labels: [], help: '1: the values of the database are at most a minute old' },
  ocg_reading_seconds: { type: 'gauge', labels: [], help: 'How long reading them took' },
  ocg_build_info: { type: 'gauge', labels: ['version', 'role'], help: 'Always 1' },
  process_start_time_seconds: { type: 'gauge', labels: [], help: 'Start of the process, unix time' },
  process_cpu_seconds_total: { type: 'counter', labels: [], help: 'CPU time, user and system' },
  process_resident_memory_bytes: { type: 'gauge', labels: [], help: 'Resident memory' },
  nodejs_heap_size_used_bytes: { type: 'gauge', labels: [], help: 'JavaScript heap in use' },
  nodejs_external_memory_bytes: { type: 'gauge', labels: [], help: 'Buffers and other memory outside the heap' },
  nodejs_eventloop_lag_p99_seconds: {
    type: 'gauge',
    labels: [],
    help: 'How late timers came since the last scrape, 99th percentile',
  },
  nodejs_eventloop_lag_max_seconds: { type: 'gauge', labels: [], help: 'The same, at worst' },
} as const satisfies Record<string, Definition>;

type Table = typeof METRICS;
export type MetricName = keyof Table;
export type NameOf<Type extends Definition['type']> = {
  [Name in MetricName]: Table[Name]['type'] extends Type ? Name : never;
}[MetricName];
export type LabelsOf<Name extends MetricName> = Record<Table[Name]['labels'][number], string>;
