/**
 * The statements of the outbox that Prisma cannot say. Lock order everywhere: state rows (a conversation), then the gate,
 * then lanes by (gate_id, key), then jobs; an unordered settle deadlocks with group-committed enqueues within seconds.
 *
 * `$at` is always the moment the statement acts at, or null for the database's own clock: processes on several
 * machines agree on the latter, and tests own the former.
 */

/** Follows a CTE `src(ord, gate_id, lane, class, kind, coalesce_key, payload, request_id, portal_id, conversation_id)`. */
export const enqueueFromSrc = (at: string): string => `
ln as (
  insert into lane (gate_id, key, class, tail, due_at)
  select gate_id, lane, min(class), count(*), coalesce(${at}::timestamptz, now()) from src group by 1, 2 order by 1, 2
  on conflict (gate_id, key) do update
    set tail = lane.tail + excluded.tail, due_at = coalesce(lane.due_at, excluded.due_at) -- never cuts a lease short
  returning id, gate_id, key, tail),
pos as (
  select s.*, l.id as lane_id,
    l.tail - count(*) over (partition by l.id) + row_number() over (partition by l.id order by s.ord) as seq,
    row_number() over (partition by l.id, coalesce(s.coalesce_key, '#' || s.ord) order by s.ord desc) as newest
  from src s join ln l on l.gate_id = s.gate_id and l.key = s.lane),
ins as (
  insert into job (lane_id, gate_id, seq, kind, coalesce_key, payload, request_id, portal_id, conversation_id)
  select lane_id, gate_id, seq, kind, coalesce_key, payload, request_id, portal_id, conversation_id
  from pos where newest = 1 order by lane_id, seq
  on conflict (lane_id, coalesce_key) where coalesce_key is not null and not started
    do update set payload = excluded.payload, request_id = excluded.request_id
    where job.payload <> excluded.payload -- the very same work is asked for again: nothing to write
  returning id, gate_id)`;

/** $1 jobs as JSON, $2 at. */
export const ENQUEUE = `
with src as (
  select row_number() over () as ord, s.*
  from jsonb_to_recordset($1::jsonb) as s(gate_id bigint, lane text, class text, kind text, coalesce_key text,
    payload jsonb, request_id text, portal_id uuid, conversation_id uuid)),
${enqueueFromSrc('$2')}
select distinct gate_id::text as "gateId" from ins`;

/**
 * Takes gate tokens, leases up to $3 due lanes of the gate and returns their head jobs.
 * $1 gate, $2 class, $3 limit, $4 lease ms, $5 spend 'each' | 'once', $6 at, $7 ms a lost call may still run,
 * $8 who claims bulk work: the gate's bulk slot is theirs from now on; null for live work. A job found `running` was interrupted: its process died, so it may have happened.
 * $9 lanes the claimer works on still: a lease that ran out because the clock was set or the machine slept is no death.
 */
export const CLAIM = `
with clock as (select coalesce($6::timestamptz, clock_timestamp()) as at),
g as materialized (
  select id, tat, step_ms, burst_ms * interval '1 ms' as burst
  from gate, clock where id = $1::bigint and not paused and (blocked_until is null or blocked_until <= at)
    and ($8::text is null or bulk_holder is null or bulk_holder = $8 or bulk_until <= at)
  for update of gate),
room as (
  select case
    when step_ms = 0 then $3::int
    when tat > at + burst then 0
    when $5 = 'once' then $3::int
    else least($3::int, 1 + floor(extract(epoch from at + burst - greatest(tat, at)) * 1000 / step_ms)::int) end as n
  from g, clock),
heads as (
  select l.id, l.due_at as was_due from lane l, clock
  where l.gate_id = $1::bigint and l.class = $2 and l.due_at <= at and l.id <> all ($9::bigint[])
  order by l.due_at limit coalesce((select n from room), 0) for update of l skip locked),
leased as (
  update lane l set due_at = at + $4::int * interval '1 ms', claim_no = l.claim_no + 1
  from heads h, clock where l.id = h.id returning l.id, l.claim_no, l.tail, l.head, h.was_due),
h as (
  select l.*, j.id as job_id, j.state as was from leased l left join lateral (
    select id, state from job where lane_id = l.id and state in ('waiting', 'running') and seq > l.head
    order by seq limit 1) j on true),
act as (
  -- A holder that died used its attempt up for nothing: whoever goes on has it.
  update job j set state = 'running', started = true,
    attempts = j.attempts + case when h.was = 'running' then 0 else 1 end,
    doubt = j.doubt or h.was = 'running',
    may_run_until = case when h.was = 'running' then h.was_due + $7::int * interval '1 ms' else j.may_run_until end
  from h where j.id = h.job_id returning j.*),
spend as (
  update gate set
    tat = case when gate.step_ms = 0 then gate.tat else greatest(gate.tat, at) + gate.step_ms * interval '1 ms'
      * case when $5 = 'once' then 1 else c.n end end,
    bulk_holder = coalesce($8, gate.bulk_holder),
    bulk_until = case when $8 is null then gate.bulk_until else at + $4::int * interval '1 ms' end
  from (select count(*)::int as n from act) c, clock
  where gate.id = $1::bigint and c.n > 0 and (gate.step_ms > 0 or $8 is not null) returning 1)
select h.id::text as "laneId", h.claim_no::text as "claimNo", h.tail::text as tail,
  (select step_ms from g) as "stepMs",
  a.id::text as "jobId", a.seq::text as seq, a.kind, a.payload, a.attempts, a.doubt,
  (extract(epoch from a.may_run_until) * 1000)::float8 as "mayRunUntil",
  a.request_id as "requestId", a.portal_id::text as "portalId", a.conversation_id::text as "conversationId"
from h left join act a on a.id = h.job_id`;

/**
 * Settles claimed lanes. $1 settlements as JSON, $2 at. Returns the lanes whose claim still held (the fence).
 * An enqueue committed after this statement's snapshot has raised the lane's tail above the claim's, so the lane
 * stays due although the new job cannot be seen here.
 */
export const SETTLE = `
with r as (
  select * from jsonb_to_recordset($1::jsonb) as r(lane_id bigint, claim_no bigint, tail bigint, job_id bigint,
    seq bigint, outcome text, delay_ms float8, counts boolean, progress boolean, doubt boolean, may_run_until float8,
    verdict text, code text, detail text, status int, started_at float8, duration_ms int)),
clock as (select coalesce($2::timestamptz, clock_timestamp()) as at),
lk as (
  select l.id, l.claim_no from lane l join r on r.lane_id = l.id and r.claim_no = l.claim_no
  order by l.gate_id, l.key for update of l),
ln as (
  update lane l set
    claim_no = l.claim_no + 1, -- a late heartbeat must not lease it again
    head = case when r.outcome = 'retry' then l.head else greatest(l.head, coalesce(r.seq, r.tail)) end,
    due_at = case
      when r.outcome = 'retry' then at + r.delay_ms * interval '1 ms'
      when l.tail > r.tail or exists (select 1 from job j
        where j.lane_id = l.id and j.state in ('waiting', 'running') and j.seq > coalesce(r.seq, r.tail)) then at
      end
  from r join lk on lk.id = r.lane_id and lk.claim_no = r.claim_no, clock where l.id = lk.id returning r.*),
del as (delete from job using ln where job.id = ln.job_id and ln.outcome = 'done' returning job.*),
fin as (
  insert into finished_job (id, lane_id, kind, payload, attempts, request_id, portal_id, conversation_id, created_at)
  select id, lane_id, kind, payload, attempts, request_id, portal_id, conversation_id, created_at from del),
upd as (
  update job j set
    state = case ln.outcome when 'retry' then 'waiting' else ln.outcome end,
    attempts = case when ln.progress then 0 when ln.counts then j.attempts else j.attempts - 1 end,
    doubt = j.doubt or ln.doubt,
    may_run_until = coalesce(to_timestamp(ln.may_run_until / 1000), j.may_run_until),
    last_code = ln.code, last_error = ln.detail
  from ln where j.id = ln.job_id and ln.outcome <> 'done'),
att as (
  insert into attempt (job_id, outcome, code, status, detail, started_at, duration_ms)
  select job_id, coalesce(verdict, outcome), code, status, detail, to_timestamp(started_at / 1000), duration_ms
  from ln where job_id is not null)
select lane_id::text as "laneId" from ln`;

/** Extends leases of claims that still hold. $1 [{lane_id, claim_no}] as JSON, $2 lease ms, $3 at. */
export const RENEW = `
update lane l set due_at = coalesce($3::timestamptz, clock_timestamp()) + $2::int * interval '1 ms'
from jsonb_to_recordset($1::jsonb) as r(lane_id bigint, claim_no bigint)
where l.id = r.lane_id and l.claim_no = r.claim_no returning l.id::text as "laneId"`;

/** Gates with due lanes. $1 at. */
export const SWEEP = `
select g.id::text as "gateId" from gate g
where not g.paused and (g.blocked_until is null or g.blocked_until <= coalesce($1::timestamptz, now()))
  and exists (select 1 from lane l where l.gate_id = g.id and l.class in ('live', 'bulk')
    and l.due_at <= coalesce($1::timestamptz, now()))`;

/** Keeps the bulk slots of a process. $1 holder, $2 lease ms, $3 at. */
export const HOLD_BULK = `
update gate set bulk_until = coalesce($3::timestamptz, clock_timestamp()) + $2::int * interval '1 ms'
where bulk_holder = $1`;

/** $1 gate, $2 holder. */
export const RELEASE_BULK = `
update gate set bulk_holder = null, bulk_until = null where id = $1::bigint and bulk_holder = $2`;

/**
 * When the gate's lanes may be claimed, ms from now; no row when it is paused. $1 gate, $2 at, $3 who would claim bulk
 * work, $4 lanes of a full party. Reads without locks: it is what keeps CLAIM from being asked for nothing.
 */
export const LOOK = `
with clock as (select coalesce($2::timestamptz, clock_timestamp()) as at)
select
  (extract(epoch from greatest(case when g.step_ms > 0 then g.tat - g.burst_ms * interval '1 ms' end, g.blocked_until)
    - at) * 1000)::float8 as "openMs",
  (extract(epoch from (
    select min(due_at) from lane where gate_id = g.id and class = 'live' and due_at is not null) - at) * 1000)::float8
    as "liveMs",
  (extract(epoch from (
    select greatest(min(due_at), case when g.bulk_holder <> $3 then g.bulk_until end)
    from lane where gate_id = g.id and class = 'bulk' and due_at is not null having count(due_at) > 0) - at) * 1000)::float8
    as "bulkMs",
  (select count(*)::int from (
    select 1 from lane where gate_id = g.id and class = 'bulk' and due_at <= at limit $4::int) l) as "bulkCount"
from gate g, clock where g.id = $1::bigint and not g.paused`;

/**
 * Puts dead or parked jobs back at the end of their lanes. $1 job ids, $2 at, $3 doubt stays.
 * Skips a job whose coalescing key has a newer one waiting: that one does the work.
 */
export const REPLAY = `
with picked as (
  select j.id, j.lane_id from job j join jsonb_array_elements_text($1::jsonb) i(id) on j.id = i.id::bigint
  where j.state in ('dead', 'parked')
    and not (j.coalesce_key is not null and exists (select 1 from job n where n.lane_id = j.lane_id
      and n.coalesce_key = j.coalesce_key and not n.started))),
lk as (
  select l.id from lane l where l.id in (select lane_id from picked) order by l.gate_id, l.key for update of l),
ln as (
  update lane l set tail = l.tail + c.n, due_at = coalesce(l.due_at, coalesce($2::timestamptz, now()))
  from (select lane_id, count(*) as n from picked group by 1) c join lk on lk.id = c.lane_id
  where l.id = c.lane_id returning l.id, l.gate_id, l.tail),
pos as (
  select p.id, l.gate_id, l.tail - count(*) over (partition by l.id)
    + row_number() over (partition by l.id order by p.id) as seq
  from picked p join ln l on l.id = p.lane_id),
upd as (
  update job j set state = 'waiting', seq = pos.seq, attempts = 0, doubt = j.doubt and $3::boolean
  from pos where j.id = pos.id and j.state in ('dead', 'parked') returning j.id)
select upd.id::text as id, pos.gate_id::text as "gateId" from upd join pos using (id)`;

/**
 * Lets lanes that back off (not those that are leased) run now. $1 conversation ids as JSON, $2 at. A lane that is leased
 * while this waits for its row has another claim number than it was seen with: the jobs are as they were seen.
 */
export const HASTEN = `
update lane l set due_at = coalesce($2::timestamptz, now())
from lane seen
where seen.id = l.id and seen.claim_no = l.claim_no
  and l.due_at > coalesce($2::timestamptz, now()) and l.id in (
    select j.lane_id from job j join jsonb_array_elements_text($1::jsonb) c(id) on j.conversation_id = c.id::uuid
    where j.state = 'waiting')
  and not exists (select 1 from job r where r.lane_id = l.id and r.state = 'running')
returning l.gate_id::text as "gateId"`;

/** A waiting or parked job that shall not run. $1 job id, $2 reason. \`started\`: it must not absorb newer ones. */
export const CANCEL = `
update job set state = 'dead', started = true, last_code = 'cancelled', last_error = $2
where id = $1::bigint and state in ('waiting', 'parked') returning id::text as id`;

/** A dead or parked job a person knows to have happened. $1 job id, $2 what they said, $3 at. */
export const CONFIRM = `
with clock as (select coalesce($3::timestamptz, clock_timestamp()) as at),
del as (delete from job where id = $1::bigint and state in ('dead', 'parked') returning job.*),
fin as (
  insert into finished_job (id, lane_id, kind, payload, attempts, request_id, portal_id, conversation_id, created_at)
  select id, lane_id, kind, payload, attempts, request_id, portal_id, conversation_id, created_at from del),
att as (
  insert into attempt (job_id, outcome, code, detail, started_at, duration_ms)
  select id, 'done', 'confirmed', $2, at, 0 from del, clock)
select id::text as id from del`;

/**
 * $1 gate, $2 at, $3 whether a block is no hindrance. One row: \`taken\`, else how long until a token is free; \`blocked\`
 * reason when nothing passes.
 */
export const TAKE_TOKEN = `
with clock as (select coalesce($2::timestamptz, clock_timestamp()) as at),
taken as (
  update gate set tat = case when step_ms = 0 then tat else greatest(tat, at) + step_ms * interval '1 ms' end
  from clock where id = $1::bigint and not paused and ($3::boolean or blocked_until is null or blocked_until <= at)
    and (step_ms = 0 or tat <= at + burst_ms * interval '1 ms') returning 1)
select exists (select 1 from taken) as taken,
  g.paused or (not $3::boolean and coalesce(g.blocked_until > at, false)) as blocked, g.blocked_reason as reason,
  greatest(0, extract(epoch from g.tat - g.burst_ms * interval '1 ms' - at) * 1000)::float8 as "afterMs"
from gate g, clock where g.id = $1::bigint`;

export const GIVE_BACK = `
update gate set tat = tat - step_ms * interval '1 ms' where id = $1::bigint and step_ms > 0`;

/** The cause of a block is looked for soon, and less and less often while it stays. `rechecks`: how often it was in vain. */
export const recheckAfter = (rechecks: string): string =>
  `least(600, 30 * power(2, least(${rechecks}, 10))) * interval '1 second'`;

/**
 * $1 gate, $2 ms, $3 reason, $4 at. A gate that is closed again soon after it was opened goes on where it was, so that
 * a cause that only seems to be gone is not tried every half minute.
 */
export const BLOCK = `
with clock as (select coalesce($4::timestamptz, clock_timestamp()) as at),
patience as (
  select id, case when recheck_at > at - interval '20 minutes' then rechecks else 0 end as rechecks
  from gate, clock where id = $1::bigint)
update gate set blocked_reason = $3, blocked_until = at + $2::float8 * interval '1 ms', rechecks = patience.rechecks,
  recheck_at = at + ${recheckAfter('patience.rechecks')}
from patience, clock where gate.id = patience.id`;

/** Lets a gate pass again what it holds back. $1 gate, $2 why it must be blocked, null: whyever. */
export const UNBLOCK = `
update gate set blocked_until = null, blocked_reason = null
where id = $1::bigint and blocked_reason is not null and ($2::text is null or blocked_reason = $2::text)
returning 1 as opened`;

/**
 * Blocked gates whose cause is to be looked for now; whoever gets a row looks. Nothing else opens the gate until the next
 * look, unless no process looks any more: then a job tries in the end. $1 start of the keys, $2 at.
 */
export const CLAIM_RECHECKS = `
with clock as (select coalesce($2::timestamptz, clock_timestamp()) as at)
update gate g set rechecks = g.rechecks + 1, recheck_at = at + ${recheckAfter('(g.rechecks + 1)')},
  blocked_until = greatest(g.blocked_until, at + ${recheckAfter('(g.rechecks + 1)')} + interval '10 minutes')
from clock
where starts_with(g.key, $1) and g.blocked_reason is not null and not g.paused
  and g.blocked_until > at and g.recheck_at <= at
returning g.id::text as "gateId", g.blocked_reason as reason, g.rechecks`;
