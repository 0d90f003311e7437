import type { Tx } from '../db/database.ts';
import type { DeliveryError } from '../kit/errors.ts';
import type { Party } from './party.ts';

/**
 * `live` work goes out one call at a time with low latency; `bulk` work yields to it and may share a request.
 */
export type LaneClass = 'live' | 'bulk';

/** Work that must happen. Ids only as payload: everything else is read again when the job runs. */
export interface NewJob {
  gateId: string;
  /** Key of the lane below its gate. Jobs of one lane run one after the other, in the order they were enqueued. */
  lane: string;
  class: LaneClass;
  kind: string;
  payload: Record<string, string>;
  /** A waiting job of the same lane and key that never started absorbs this one. */
  coalesceKey?: string;
  portalId?: string;
  conversationId?: string;
  requestId?: string;
}

/** A transaction whose enqueued jobs wake the workers once it is committed. */
export interface OutboxTx extends Tx {
  enqueue(jobs: readonly NewJob[]): Promise<void>;
  /** Wakes the gates' workers after the commit, for jobs that a statement of its own enqueued. */
  wakeAfterCommit(gateIds: readonly string[]): void;
}

/** A job as its handler sees it. */
export interface Job {
  readonly id: string;
  readonly gateId: string;
  readonly kind: string;
  readonly payload: Readonly<Record<string, string>>;
  /** This attempt included. */
  readonly attempts: number;
  /**
   * An earlier attempt may have happened without our knowing (its answer or its process was lost). What cannot be
   * repeated safely is looked up first; a look-up that finds nothing is final only after `until` (ms since the epoch).
   */
  readonly doubt: { readonly until: number } | undefined;
  readonly requestId: string | undefined;
  readonly portalId: string | undefined;
  readonly conversationId: string | undefined;
}

/** What an attempt came to. A thrown `DeliveryError` says the same by its verdict. */
export type Result =
  | { outcome: 'done'; commit?: (tx: OutboxTx) => Promise<void> }
  /**
   * Not a failure and no attempt: look again later. Doubt stays. With `progress` a step is done for good: what failed
   * before it no longer counts, however many steps there are.
   */
  | {
      outcome: 'later';
      afterMs: number;
      reason: string;
      progress?: boolean;
      commit?: (tx: OutboxTx) => Promise<void>;
    }
  /** A person has to decide; the lane goes on without it. */
  | { outcome: 'parked'; code: string; reason: string; commit?: (tx: OutboxTx) => Promise<void> };

export interface Run {
  /** Aborts when the process stops or the lane was lost to another process. */
  readonly signal: AbortSignal;
  /** Waits for the gate; to be awaited before every request. The claim has already paid for the first one. */
  token(): Promise<void>;
  /** The jobs that were claimed together with this one and may share a request with it. Only for bulk work. */
  readonly party?: Party;
  /** Commits a step in the middle of the work. @throws when the lane was lost to another process. */
  checkpoint(work: (tx: OutboxTx) => Promise<void>): Promise<void>;
}

/** How a failed attempt ended, for the state rows that show it. */
export interface Failure {
  outcome: 'retry' | 'dead' | 'parked';
  code: string;
  detail: string;
  /** The side that failed said that nothing of this scope passes. */
  blocked?: DeliveryError['scope'];
}

/** One kind of job. */
export interface Handler {
  run(job: Job, run: Run): Promise<Result>;
  /** Written in the same transaction as the failed attempt. */
  failed?(tx: OutboxTx, job: Job, failure: Failure): Promise<void>;
}
