import type { Sql } from '../db/database.ts';
import type { Clock } from '../kit/clock.ts';
import { completed, COUNTED, type Count } from './counts.ts';
import type { Instruments } from './instruments.ts';
import type { NameOf } from './table.ts';

/** What the database knows better than any one process. All processes show the same values. */
export interface Readings {
  /** Reads everything again unless it is fresh. Never throws: a database that is gone is a value too. */
  take(): Promise<void>;
}

export interface ReadingsDeps {
  sql: Sql;
  clock: Clock;
  /** All there are: a kind without jobs is shown as 0. */
  kinds: readonly string[];
  /** Seconds of execution a method may use in its window. */
  operatingLimitS: number;
  staleSecrets: () => Promise<number>;
}

/** Scrapes within this time share a reading; one that took long is kept for longer. */
const FRESH_MS = 10_000;
const COSTLY = 20;
const JOB_STATES = ['waiting', 'running', 'dead', 'parked'];

/**
 * Index probes only. The planner must not come to read the table, for a kind that is rare among a million others: an
 * order that only the index has leaves it no choice, and equality would make that order worthless.
 */
const OF_SORT = `(kind, state, id) > (k.kind, s.state, 0) and (kind, state, id) < (k.kind, s.state, 9223372036854775807)
  order by kind, state, id`;

/** $1 kinds, $2 states, $3 limit. */
const JOBS = `
select k.kind || ' ' || s.state as key, c.n
from unnest($1::text[]) as k(kind), unnest($2::text[]) as s(state), lateral (
  select count(*)::int as n from (select from job where ${OF_SORT} limit $3::int) x) c`;

/** $1 kinds, $2 at. */
const OLDEST = `
select k.kind as key, coalesce((
  select greatest(0, extract(epoch from $2::timestamptz - created_at)) from job where ${OF_SORT} limit 1), 0)::float8 as n
from unnest($1::text[]) as k(kind), (values ('waiting')) as s(state)`;

/** $1 at. */
const LANES_DUE = `
select c.class as key, sum(d.n)::int as n
from gate g, unnest(array['live', 'bulk']) as c(class), lateral (
  select count(*)::int as n from (
    select from lane where gate_id = g.id and class = c.class and due_at <= $1::timestamptz
    order by due_at limit 1000) x) d
group by 1`;

/** $1 limit. Names that are applied are what is left. */
const NAMES = `
select s.state as key, c.n from unnest(array['pending', 'waitingForDialog', 'failed']) as s(state), lateral (
  select count(*)::int as n from (
    select from conversation where name_state >= s.state and name_state <= s.state and name_state <> 'applied'
    order by name_state, id limit $1::int) x) c`;

const COMPANIONS = `
select s.state as key, c.n from unnest(array['pending', 'failed', 'archived']) as s(state), lateral (
  select count(*)::int as n from (
    select from companion where state >= s.state and state <= s.state and state <> 'ready'
    order by state limit $1::int) x) c`;

interface PortalRow {
  id: string;
  state: string;
  requestsLeft: number | null;
  operatingS: number;
}

/** The bucket as the outbox keeps it (GCRA). $1 at. */
const PORTALS = `
select p.id::text as id,
  case when p.uninstalled_at is not null then 'uninstalled' when g.paused then 'paused'
    when g.blocked_until > $1::timestamptz then 'blocked' else 'active' end as state,
  case when g.step_ms > 0 then greatest(0, 1 + floor((g.burst_ms - greatest(0,
    extract(epoch from g.tat - $1::timestamptz) * 1000)) / g.step_ms))::float8 end as "requestsLeft",
  coalesce((select max(operating_s) from method_limit m
    where m.portal_id = p.id and m.reset_at > $1::timestamptz), 0)::float8 as "operatingS"
from portal p join gate g on g.id = p.gate_id`;

/** $1 at. */
const MESSENGERS = `
select m.slug, case when g.paused then 'paused' when m.delivery_url is null then 'off'
  when g.blocked_until > $1::timestamptz then 'blocked' else 'on' end as state
from messenger m join gate g on g.id = m.delivery_gate_id`;

type Reading = (deps: ReadingsDeps, at: Date, to: Instruments) => Promise<void>;

const jobs: Reading = async ({ sql, kinds }, at, to) => {
  const counted = await sql.rows<Count>(JOBS, kinds, JOB_STATES, COUNTED);
  const counts = await completed(sql, counted, { table: 'job', key: "kind || ' ' || state" });
  for (const { key } of counted) {
    const [kind = '', state = ''] = key.split(' ');
    to.set('ocg_jobs', { kind, state }, counts.get(key) ?? 0);
  }
  for (const { key, n } of await sql.rows<Count>(OLDEST, kinds, at)) {
    to.set('ocg_job_oldest_age_seconds', { kind: key }, n);
  }
};

const lanes: Reading = async ({ sql }, at, to) => {
  for (const { key, n } of await sql.rows<Count>(LANES_DUE, at)) to.set('ocg_lanes_due', { class: key }, n);
};

const conversations: Reading = async ({ sql }, _at, to) => {
  const counted = await sql.rows<Count>(NAMES, COUNTED);
  const counts = await completed(sql, counted, { table: 'conversation', key: 'name_state' }, { always: true });
  for (const [state, n] of new Map([['applied', 0], ...counts])) to.set('ocg_conversations', { name_state: state }, n);
};

const companions: Reading = async ({ sql }, _at, to) => {
  const counted = await sql.rows<Count>(COMPANIONS, COUNTED);
  const counts = await completed(sql, counted, { table: 'companion', key: 'state' }, { always: true });
  for (const [state, n] of new Map([['ready', 0], ...counts])) to.set('ocg_companions', { state }, n);
};

const PORTAL_STATES = ['active', 'paused', 'blocked', 'uninstalled'];
const portals: Reading = async ({ sql, operatingLimitS }, at, to) => {
  to.clear(['ocg_portal_state', 'ocg_portal_requests_left', 'ocg_portal_operating_seconds_left']);
  for (const { id: portal, state, requestsLeft, operatingS } of await sql.rows<PortalRow>(PORTALS, at)) {
    for (const one of PORTAL_STATES) to.set('ocg_portal_state', { portal, state: one }, one === state ? 1 : 0);
    if (requestsLeft !== null) to.set('ocg_portal_requests_left', { portal }, requestsLeft);
    to.set('ocg_portal_operating_seconds_left', { portal }, Math.max(0, operatingLimitS - operatingS));
  }
};

const MESSENGER_STATES = ['on', 'off', 'paused', 'blocked'];
const messengers: Reading = async ({ sql }, at, to) => {
  to.clear(['ocg_messenger_state']);
  for (const { slug, state } of await sql.rows<{ slug: string; state: string }>(MESSENGERS, at)) {
    for (const one of MESSENGER_STATES)
      to.set('ocg_messenger_state', { messenger: slug, state: one }, one === state ? 1 : 0);
  }
};

const secrets: Reading = async ({ staleSecrets }, _at, to) =>
  to.set('ocg_secrets_under_old_keys', {}, await staleSecrets());

const READINGS: readonly Reading[] = [jobs, lanes, conversations, companions, portals, messengers, secrets];

/** Of a database that is gone nothing is known. */
const OF_DATABASE: readonly NameOf<'gauge'>[] = [
  'ocg_jobs',
  'ocg_job_oldest_age_seconds',
  'ocg_lanes_due',
  'ocg_conversations',
  'ocg_companions',
  'ocg_portal_state',
  'ocg_portal_requests_left',
  'ocg_portal_operating_seconds_left',
  'ocg_messenger_state',
  'ocg_secrets_under_old_keys',
];

export function createReadings(deps: ReadingsDeps, to: Instruments): Readings {
  let freshUntil = -Infinity;
  let reading: Promise<void> | undefined;

  async function read(): Promise<void> {
    const startedAt = performance.now();
    const now = deps.clock.now();
    const at = new Date(now);
    try {
      for (const one of READINGS) await one(deps, at, to);
      const tookMs = performance.now() - startedAt;
      to.set('ocg_reading_seconds', {}, tookMs / 1000);
      to.set('ocg_database_up', {}, 1);
      freshUntil = now + Math.max(FRESH_MS, COSTLY * tookMs);
    } catch {
      to.clear(OF_DATABASE);
      to.set('ocg_database_up', {}, 0);
    }
  }

  return {
    async take() {
      if (deps.clock.now() < freshUntil) return;
      await (reading ??= read().finally(() => (reading = undefined)));
    },
  };
}
