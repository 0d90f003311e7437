import type { Clock } from '../kit/clock.ts';
import { RequestError } from '../kit/errors.ts';
import type { Logger } from '../kit/logger.ts';
import type { OutboxTx } from '../outbox/job.ts';
import type { Outbox } from '../outbox/outbox.ts';
import type { RunOptions } from './model.ts';
import { type NewRun, startRun } from './runs.ts';

/** Notices that nobody was listening for a while, and has what was said meanwhile recovered. */
export interface Pulse {
  start(): Promise<void>;
  /** Takes something a portal tells. When that fails, the portal never tells it again: it is looked for soon. */
  hear<Result>(take: () => Promise<Result>): Promise<Result>;
  stop(): Promise<void>;
}

const KEY = 'listeningAt';
const EVERY_MS = 20_000;
/** While something was missed, or the database does not answer. */
const SOON_MS = 2_000;
/**
 * Longer than between two beats. After a silence shorter than this only dialogs in which somebody may have been speaking
 * are looked at: a restart shall not cost a portal a request for every dialog it ever had.
 */
const LONG_MS = 60_000;
const ACTIVE_MS = 24 * 3_600_000;

/** A silence: milliseconds since the epoch. */
interface Silence {
  since: number;
  now: number;
}

/**
 * Runs that looked at nothing yet, and whose job waits or was left behind by a process that died: they will look at
 * everything. $1 kind, $2 portal, $3 now.
 */
const TO_COME = `
select r.options from job j join lane l on l.id = j.lane_id join run r on r.id::text = j.payload ->> 'runId'
where j.kind = $1 and j.portal_id = $2::uuid and r.state = 'waiting'
  and (j.state = 'waiting' or (j.state = 'running' and l.due_at <= $3))`;

/**
 * Many restarts are one run: one that is to come looks at all that this one would look at. One of an earlier version, or
 * of when no session was known, does not.
 */
async function isToCome({ sql }: OutboxTx, { kind, portal, now, options = {} }: NewRun): Promise<boolean> {
  const runs = await sql.rows<{ options: RunOptions }>(TO_COME, kind, portal.id, now);
  return runs.some(
    ({ options: { silentSince, sessionsAfter, activeSince } }) =>
      silentSince !== undefined &&
      sessionsAfter !== undefined &&
      (activeSince === undefined || options.activeSince !== undefined),
  );
}

async function recover(tx: OutboxTx, { since, now }: Silence): Promise<{ runId: string; portalId: string }[]> {
  // A clock that was set back tells nothing of how long it was.
  const isShort = now >= since && now - since < LONG_MS;
  const options = {
    silentSince: new Date(Math.min(since, now)).toISOString(),
    ...(isShort ? { activeSince: new Date(now - ACTIVE_MS).toISOString() } : {}),
  };
  const portals = await tx.prisma.portal.findMany({ where: { uninstalledAt: null } });
  const begun: { runId: string; portalId: string }[] = [];
  for (const portal of portals) {
    const run = { kind: 'recoverReplies', portal, dryRun: false, now: new Date(now), options } as const;
    if (!(await isToCome(tx, run))) begun.push({ runId: await startRun(tx, run), portalId: portal.id });
  }
  return begun;
}

/** The last beat, of whatever process; the row stays locked, so that processes look one after the other. */
async function lastBeat({ sql }: OutboxTx): Promise<number | undefined> {
  const [row] = await sql.rows<{ value: string }>('select value from setting where key = $1 for update', KEY);
  return row && Number(row.value);
}

const SAVE = 'insert into setting (key, value) values ($1, $2) on conflict (key) do update set value = excluded.value';

export function createPulse(deps: { outbox: Outbox; clock: Clock; log: Logger }): Pulse {
  const { outbox, clock, log } = deps;
  let timer: NodeJS.Timeout | undefined;
  let beating: Promise<void> = Promise.resolve();
  let stopped = false;
  /** Also true until the first beat: how the last process ended is not known. */
  let hasMissed = true;

  /** The beat and the runs are one commit: a silence is forgotten when what was said in it is being looked for. */
  async function beat(): Promise<void> {
    const wasMissed = hasMissed;
    hasMissed = false;
    try {
      const now = clock.now();
      const begun = await outbox.transaction(async (tx) => {
        const since = await lastBeat(tx);
        await tx.sql.rows(SAVE, KEY, String(now));
        if (since === undefined) return [];
        const wasSilent = Math.abs(now - since) > LONG_MS;
        return wasMissed || wasSilent ? recover(tx, { since, now }) : [];
      });
      for (const run of begun) log.info('replies.recovering', run);
    } catch (error) {
      hasMissed = true;
      log.warn('pulse.failed', { error });
    }
  }

  function plan(): void {
    clearTimeout(timer);
    if (!stopped)
      timer = setTimeout(() => void (beating = beating.then(beat).then(plan)), hasMissed ? SOON_MS : EVERY_MS);
  }

  return {
    async start() {
      await beat();
      plan();
    },
    async hear(take) {
      try {
        return await take();
      } catch (error) {
        if (!hasMissed && !(error instanceof RequestError)) {
          hasMissed = true;
          plan();
        }
        throw error;
      }
    },
    async stop() {
      stopped = true;
      clearTimeout(timer);
      await beating;
      await beat();
    },
  };
}
