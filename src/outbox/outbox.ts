import type { Database, Sql } from '../db/database.ts';
import type { Clock } from '../kit/clock.ts';
import type { Due } from './due.ts';
import type { Job, LaneClass, NewJob, OutboxTx } from './job.ts';
import * as statements from './statements.ts';
import type { Wake } from './wake.ts';

/** A leased lane with its head job, or without one when there was nothing left to do in it. */
export interface Claimed {
  laneId: string;
  claimNo: string;
  tail: string;
  seq: string | undefined;
  job: Job | undefined;
  /** Milliseconds between two requests this gate allows in the long run; 0: no limit, and no token taken by the claim. */
  stepMs: number;
}

export interface Settlement {
  laneId: string;
  claimNo: string;
  tail: string;
  seq: string | undefined;
  jobId: string | undefined;
  outcome: 'done' | 'retry' | 'dead' | 'parked';
  delayMs?: number;
  /** Uses up an attempt. */
  counts?: boolean;
  /** Attempts begin anew. */
  progress?: boolean;
  doubt?: boolean;
  mayRunUntil?: number;
  /** What the attempt is recorded as, when that says more than the outcome. */
  verdict?: string;
  code?: string;
  detail?: string;
  status?: number;
  startedAt: number;
  durationMs: number;
}

interface ClaimRow {
  laneId: string;
  claimNo: string;
  tail: string;
  stepMs: number;
  jobId: string | null;
  seq: string | null;
  kind: string;
  payload: Record<string, string>;
  attempts: number;
  doubt: boolean;
  mayRunUntil: number | null;
  requestId: string | null;
  portalId: string | null;
  conversationId: string | null;
}

/** A call to a portal may go on this long after its client has died: the cloud cuts requests off at 60 s. */
const LOST_CALL_MAY_RUN_MS = 62_000;

export interface Outbox {
  /** One transaction; workers are woken after its commit. */
  transaction<T>(work: (tx: OutboxTx) => Promise<T>): Promise<T>;
  /** Enqueues in a transaction of its own. */
  enqueue(jobs: readonly NewJob[]): Promise<void>;
  /**
   * Leases due lanes of a gate. Live jobs pay a token each; bulk jobs share one, and the gate's bulk slot belongs to
   * `holder` until it is released or its lease runs out. Lanes in `except` are left alone: the caller works on them.
   */
  claim(options: {
    gateId: string;
    class: LaneClass;
    limit: number;
    leaseMs: number;
    holder: string;
    except?: readonly string[];
  }): Promise<Claimed[]>;
  /** Keeps the bulk slots of this process. */
  holdBulk(holder: string, leaseMs: number): Promise<void>;
  releaseBulk(gateId: string, holder: string): Promise<void>;
  /** Returns the lanes whose claim still held; nothing is written for the others. */
  settle(settlements: readonly Settlement[], sql?: Sql): Promise<Set<string>>;
  /** Extends leases; returns the lanes that are still held. */
  renew(claims: readonly Pick<Claimed, 'laneId' | 'claimNo'>[], leaseMs: number, sql?: Sql): Promise<string[]>;
  gatesWithWork(): Promise<string[]>;
  /** When `holder` may claim something of this gate, whose full party has `party` lanes; undefined when it is paused. */
  look(gateId: string, options: { holder: string; party: number }): Promise<Due | undefined>;
  /** Puts dead or parked jobs back at the end of their lanes. Returns the ids that were. */
  replay(jobIds: readonly string[], options?: { keepDoubt: boolean }): Promise<string[]>;
  /** Lets the lanes of these conversations stop backing off. */
  hasten(conversationIds: readonly string[], tx?: OutboxTx): Promise<void>;
  cancel(jobId: string, reason: string): Promise<boolean>;
  /** A dead or parked job counts as done, because a person says so. Returns whether it was one. */
  confirm(jobId: string, reason: string, tx: OutboxTx): Promise<boolean>;
}

const toRow = (job: NewJob): Record<string, unknown> => ({
  gate_id: job.gateId,
  lane: job.lane,
  class: job.class,
  kind: job.kind,
  coalesce_key: job.coalesceKey ?? null,
  payload: job.payload,
  request_id: job.requestId ?? null,
  portal_id: job.portalId ?? null,
  conversation_id: job.conversationId ?? null,
});

const settlementRow = (s: Settlement): Record<string, unknown> => ({
  lane_id: s.laneId,
  claim_no: s.claimNo,
  tail: s.tail,
  seq: s.seq ?? null,
  job_id: s.jobId ?? null,
  outcome: s.outcome,
  delay_ms: s.delayMs ?? 0,
  counts: s.counts ?? true,
  progress: s.progress ?? false,
  doubt: s.doubt ?? false,
  may_run_until: s.mayRunUntil ?? null,
  verdict: s.verdict ?? null,
  code: s.code ?? null,
  detail: s.detail?.slice(0, 1000) ?? null,
  status: s.status ?? null,
  started_at: s.startedAt,
  duration_ms: s.durationMs,
});

function toClaimed(row: ClaimRow, gateId: string): Claimed {
  const job: Job | undefined = row.jobId
    ? {
        id: row.jobId,
        gateId,
        kind: row.kind,
        payload: row.payload,
        attempts: row.attempts,
        doubt: row.doubt ? { until: row.mayRunUntil ?? 0 } : undefined,
        requestId: row.requestId ?? undefined,
        portalId: row.portalId ?? undefined,
        conversationId: row.conversationId ?? undefined,
      }
    : undefined;
  return {
    laneId: row.laneId,
    claimNo: row.claimNo,
    tail: row.tail,
    seq: row.seq ?? undefined,
    job,
    stepMs: row.stepMs,
  };
}

/** Times as PostgreSQL answers them: null where nothing waits or nothing is in the way. */
type Looked = { [Key in Exclude<keyof Due, 'bulkCount'>]: number | null } & Pick<Due, 'bulkCount'>;

/** `clock` only where time must be owned (tests, a soak on a virtual clock); the database's clock otherwise. */
export function createOutbox(deps: { db: Database; wake: Wake; clock?: Clock }): Outbox {
  const { db, wake } = deps;
  const at = (): Date | null => (deps.clock ? new Date(deps.clock.now()) : null);

  async function enqueueIn(sql: Sql, jobs: readonly NewJob[]): Promise<string[]> {
    if (jobs.length === 0) return [];
    const rows = await sql.rows<{ gateId: string }>(statements.ENQUEUE, JSON.stringify(jobs.map(toRow)), at());
    return rows.map((row) => row.gateId);
  }

  return {
    async transaction(work) {
      const toWake = new Set<string>();
      const wakeAfterCommit = (gateIds: readonly string[]): void => gateIds.forEach((id) => toWake.add(id));
      const result = await db.transaction((tx) => {
        toWake.clear();
        return work({
          ...tx,
          wakeAfterCommit,
          enqueue: async (jobs) => wakeAfterCommit(await enqueueIn(tx.sql, jobs)),
        });
      });
      wake.all([...toWake]);
      return result;
    },
    async enqueue(jobs) {
      wake.all(await enqueueIn(db.sql, jobs));
    },
    async claim({ gateId, class: laneClass, limit, leaseMs, holder, except = [] }) {
      const isBulk = laneClass === 'bulk';
      const rows = await db.sql.rows<ClaimRow>(
        statements.CLAIM,
        gateId,
        laneClass,
        limit,
        leaseMs,
        isBulk ? 'once' : 'each',
        at(),
        LOST_CALL_MAY_RUN_MS,
        isBulk ? holder : null,
        except,
      );
      return rows.map((row) => toClaimed(row, gateId));
    },
    async settle(settlements, sql = db.sql) {
      const rows = await sql.rows<{ laneId: string }>(
        statements.SETTLE,
        JSON.stringify(settlements.map(settlementRow)),
        at(),
      );
      return new Set(rows.map((row) => row.laneId));
    },
    async renew(claims, leaseMs, sql = db.sql) {
      const input = claims.map((claim) => ({ lane_id: claim.laneId, claim_no: claim.claimNo }));
      const rows = await sql.rows<{ laneId: string }>(statements.RENEW, JSON.stringify(input), leaseMs, at());
      return rows.map((row) => row.laneId);
    },
    async gatesWithWork() {
      return (await db.sql.rows<{ gateId: string }>(statements.SWEEP, at())).map((row) => row.gateId);
    },
    async holdBulk(holder, leaseMs) {
      await db.sql.rows(statements.HOLD_BULK, holder, leaseMs, at());
    },
    async releaseBulk(gateId, holder) {
      await db.sql.rows(statements.RELEASE_BULK, gateId, holder);
    },
    async look(gateId, { holder, party }) {
      const [row] = await db.sql.rows<Looked>(statements.LOOK, gateId, at(), holder, party);
      if (!row) return undefined;
      const { openMs, liveMs, bulkMs, bulkCount } = row;
      return { openMs: openMs ?? 0, liveMs: liveMs ?? undefined, bulkMs: bulkMs ?? undefined, bulkCount };
    },
    async replay(jobIds, options = { keepDoubt: true }) {
      const rows = await db.sql.rows<{ id: string; gateId: string }>(
        statements.REPLAY,
        JSON.stringify(jobIds),
        at(),
        options.keepDoubt,
      );
      wake.all([...new Set(rows.map((row) => row.gateId))]);
      return rows.map((row) => row.id);
    },
    async hasten(conversationIds, tx) {
      const sql = tx?.sql ?? db.sql;
      const lanes = await sql.rows<{ gateId: string }>(statements.HASTEN, JSON.stringify(conversationIds), at());
      const gateIds = [...new Set(lanes.map((lane) => lane.gateId))];
      if (tx) tx.wakeAfterCommit(gateIds);
      else wake.all(gateIds);
    },
    async cancel(jobId, reason) {
      return (await db.sql.rows(statements.CANCEL, jobId, reason)).length > 0;
    },
    async confirm(jobId, reason, tx) {
      return (await tx.sql.rows(statements.CONFIRM, jobId, reason, at())).length > 0;
    },
  };
}
