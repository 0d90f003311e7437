import { type Examine, type Look, span, type Ward } from './doctorContext.ts';
import { diagnosis, fine, type Judgement, trouble } from './doctorFinding.ts';

/** The gateway itself: its database, and what waits in it. */

const SLOW_MS = 1_000;
/** Work that is due and not taken for so long: nobody works, or more comes than the portal takes. */
const LATE_MS = 5 * 60_000;

/** Lanes of the portal's gate. $1 gate, $2 now. */
const BACKLOG = `
select count(*) filter (where l.due_at <= $2::timestamptz)::int as due,
  count(*) filter (where l.due_at > $2::timestamptz)::int as later,
  coalesce(extract(epoch from $2::timestamptz - min(l.due_at)) * 1000, 0)::float8 as "lateMs"
from lane l where l.gate_id = $1::bigint and l.due_at is not null`;

/** What waits for a person. $1 portal. */
const UNDECIDED = `
select count(*) filter (where state = 'dead')::int as dead, count(*) filter (where state = 'parked')::int as parked
from job where portal_id = $1::uuid and state in ('dead', 'parked')`;

export interface Backlog {
  due: number;
  later: number;
  lateMs: number;
  dead: number;
  parked: number;
}

export function judgeBacklog({ due, later, lateMs, dead, parked }: Backlog): Judgement {
  const undecided = dead + parked > 0 ? `; ${dead} dead and ${parked} parked jobs wait for a decision` : '';
  const said = `${due} lanes are due, ${later} wait for their time${undecided}`;
  if (due === 0 || lateMs < LATE_MS) return fine(said);
  const repair = 'see whether a process with ROLE=all or worker runs, and what the other findings say of the portal';
  return trouble('backlog', `${said}; the oldest has been due for ${span(lateMs)}`, repair);
}

export function judgeDatabase(tookMs: number): Judgement {
  const said = `it answered in ${Math.round(tookMs)} ms`;
  return tookMs < SLOW_MS ? fine(said) : trouble('database_slow', said, 'look at the load of the PostgreSQL server');
}

async function readBacklog({ db, portal, clock }: Look): Promise<Backlog> {
  const none = { due: 0, later: 0, lateMs: 0 };
  const now = new Date(clock.now());
  const [lanes = none] = await db.sql.rows<typeof none>(BACKLOG, portal.gateId, now);
  const [jobs = { dead: 0, parked: 0 }] = await db.sql.rows<{ dead: number; parked: number }>(UNDECIDED, portal.id);
  return { ...lanes, ...jobs };
}

const examine: Examine = async (look) => {
  const startedAt = performance.now();
  await look.db.sql.rows('select 1 as one');
  const database = diagnosis('database', null, judgeDatabase(performance.now() - startedAt));
  const wake = (): Promise<void> => Promise.resolve(look.wake.all([look.portal.gateId.toString()]));
  return [database, diagnosis('backlog', null, judgeBacklog(await readBacklog(look)), wake)];
};

export const gatewayWard: Ward = { checks: ['database', 'backlog'], examine };
