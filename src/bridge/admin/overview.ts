import { type ActivityRow, bucketOf, countActivity, countBacklog } from '../activity.ts';
import type { Administration } from './deps.ts';

/** How everything is at a glance. Every statement reads a few rows, or an index of what is not well. */

export interface Overview {
  at: Date;
  jobs: { open: number; dead: number; parked: number; oldestDueAt: Date | null };
  names: { pending: number; waitingForDialog: number; failed: number };
  decisions: Decision[];
  activity: ActivityRow[];
}

/** Something that does not become well without a person. */
export interface Decision {
  kind: DecisionKind;
  /** How many; counted up to `COUNTED`. */
  count: number;
  /** Of the portal, messenger, channel, connector or bot it is about. */
  id: string | null;
  /** Domain, slug or code of the same. */
  name: string | null;
  portalId: string | null;
  /** A code. */
  reason: string | null;
}

export const DECISIONS = [
  'portalBlocked',
  'portalUnauthorized',
  'portalPaused',
  'deliveriesStopped',
  'connectorFailed',
  'botFailed',
  'channelFailed',
  'channelDisconnected',
  'jobsParked',
  'jobsDead',
  'namesFailed',
  'companionsFailed',
] as const;
export type DecisionKind = (typeof DECISIONS)[number];

/** Counting stops here: a person needs no more to know that it is much. */
export const COUNTED = 1_000;
/** Of one kind, named one by one. */
const NAMED = 20;

/** $1 the count to stop at. One index of its own each. */
const COUNTS = `
select
  (select count(*)::int from (select 1 from job where state = 'dead' limit $1::int) s) as dead,
  (select count(*)::int from (select 1 from job where state = 'parked' limit $1::int) s) as parked,
  (select count(*)::int from (select 1 from conversation where name_state = 'pending' limit $1::int) s) as pending,
  (select count(*)::int from (select 1 from conversation where name_state = 'waitingForDialog' limit $1::int) s)
    as "waitingForDialog",
  (select count(*)::int from (select 1 from conversation where name_state = 'failed' limit $1::int) s) as "namesFailed",
  (select count(*)::int from (select 1 from companion where state = 'failed' limit $1::int) s) as "companionsFailed",
  (select min(d) from (select (select min(due_at) from lane l where l.gate_id = g.id and l.class = c.class) as d
    from gate g, (values ('live'), ('bulk')) c(class)) due) as "oldestDueAt"`;

/** $1 now, $2 how many of each kind. What is not installed needs nothing. */
const WIRING = `
with live as (select * from portal where uninstalled_at is null)
(select 'portalBlocked' as kind, p.id::text as id, p.domain as name, p.id::text as "portalId",
  g.blocked_reason as reason
  from live p join gate g on g.id = p.gate_id where not g.paused and g.blocked_until > $1::timestamptz limit $2::int)
union all
(select 'portalPaused', p.id::text, p.domain, p.id::text, null
  from live p join gate g on g.id = p.gate_id where g.paused limit $2::int)
union all
(select 'portalUnauthorized', p.id::text, p.domain, p.id::text,
  (select lost_reason from "grant" o where o.portal_id = p.id order by refreshed_at desc limit 1)
  from live p where not exists (select 1 from "grant" o where o.portal_id = p.id and o.lost_reason is null)
  limit $2::int)
union all
(select 'deliveriesStopped', m.id::text, m.slug, null, g.blocked_reason
  from messenger m join gate g on g.id = m.delivery_gate_id
  where g.paused or g.blocked_until > $1::timestamptz limit $2::int)
union all
(select 'connectorFailed', c.id::text, c.code, c.portal_id::text, c.last_error
  from connector c join live p on p.id = c.portal_id where c.state = 'failed' limit $2::int)
union all
(select 'botFailed', b.id::text, b.code, b.portal_id::text, b.last_error
  from bot b join live p on p.id = b.portal_id where b.state = 'failed' limit $2::int)
union all
(select case c.state when 'failed' then 'channelFailed' else 'channelDisconnected' end, c.id::text,
  m.slug || ' on line ' || c.line_id, c.portal_id::text, c.last_error
  from channel c join live p on p.id = c.portal_id join messenger m on m.id = c.messenger_id
  where c.state in ('failed', 'disconnected') limit $2::int)`;

interface Counts {
  dead: number;
  parked: number;
  pending: number;
  waitingForDialog: number;
  namesFailed: number;
  companionsFailed: number;
  oldestDueAt: Date | null;
}

export async function readOverview({ db, clock }: Administration, hours: number): Promise<Overview> {
  const now = clock.now();
  const [counts, wiring, backlog, activity] = await Promise.all([
    db.sql.rows<Counts>(COUNTS, COUNTED).then(([row]) => row ?? NOTHING),
    db.sql.rows<Omit<Decision, 'count'>>(WIRING, new Date(now), NAMED),
    countBacklog(db),
    activityOf({ db }, now, hours),
  ]);
  const { dead, parked, pending, waitingForDialog, namesFailed, oldestDueAt } = counts;
  const bucket = { ...activity.current, backlog };
  return {
    at: new Date(now),
    jobs: { open: backlog, dead, parked, oldestDueAt: oldestDueAt && oldestDueAt.getTime() < now ? oldestDueAt : null },
    names: { pending, waitingForDialog, failed: namesFailed },
    decisions: [...wiring.map((one) => ({ ...one, count: 1 })), ...counted(counts)].sort(byWeight),
    activity: [...activity.past, bucket],
  };
}

const NOTHING: Counts = {
  dead: 0,
  parked: 0,
  pending: 0,
  waitingForDialog: 0,
  namesFailed: 0,
  companionsFailed: 0,
  oldestDueAt: null,
};

const counted = ({ dead, parked, namesFailed, companionsFailed }: Counts): Decision[] => {
  const kinds: [DecisionKind, number][] = [
    ['jobsParked', parked],
    ['jobsDead', dead],
    ['namesFailed', namesFailed],
    ['companionsFailed', companionsFailed],
  ];
  return kinds
    .filter(([, count]) => count > 0)
    .map(([kind, count]) => ({ kind, count, id: null, name: null, portalId: null, reason: null }));
};

/** What stops most comes first, as `DECISIONS` has it. */
const byWeight = (a: Decision, b: Decision): number => DECISIONS.indexOf(a.kind) - DECISIONS.indexOf(b.kind);

/** The buckets that are over, and what has happened in the one that is not. */
async function activityOf({ db }: Pick<Administration, 'db'>, now: number, hours: number) {
  const begun = bucketOf(now);
  const since = new Date(begun - hours * 3_600_000);
  const past = await db.prisma.activity.findMany({
    where: { at: { gt: since, lt: new Date(begun) } },
    orderBy: { at: 'asc' },
  });
  const [current] = await countActivity(db, begun, now + 1);
  return { past, current: current ?? { at: new Date(begun), received: 0, done: 0, failed: 0 } };
}
