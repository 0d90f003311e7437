import { auditChange } from '../../bridge/admin/audit.ts';
import type { Database, Tx } from '../../db/database.ts';
import { RequestError } from '../../kit/errors.ts';
import type { OutboxTx } from '../../outbox/job.ts';
import { auditableChange } from './auditable.ts';
import type { AdminDeps } from './deps.ts';
import { type Conditions, hasConditions, requireConditions } from './etag.ts';
import type { Answer, Context, Route } from './route.ts';

/**
 * A change to a resource, that is: to what the `GET` of the same path shows. Inside the transaction of the change its
 * rows are held, `If-Match` and `If-None-Match` are compared with what it looks like then, and what differs afterwards
 * is written to the audit. So of two writers with the same `If-Match` one finds the work of the other, and no entry
 * tells of a change that was rolled back.
 */
export interface GuardedChange {
  resource: Route;
  conditions: Conditions;
  context: Context<unknown, unknown, unknown>;
  auditId: string;
  /** Of the target. */
  type: string;
}

/** @throws RequestError precondition_failed, before anything is changed. */
export async function guardedChange(
  change: GuardedChange,
  work: (deps: AdminDeps) => Promise<Answer>,
): Promise<Answer> {
  const { deps } = change.context;
  let guarded = false;
  const transaction: AdminDeps['outbox']['transaction'] = async (step) => {
    if (guarded) return deps.outbox.transaction(step);
    const result = await deps.outbox.transaction((tx) => checked(change, tx, step));
    guarded = true;
    return result;
  };
  const answer = await work({ ...deps, outbox: { ...deps.outbox, transaction } });
  if (!guarded && hasConditions(change.conditions)) throw new Error('the change did not look at its conditions');
  return answer;
}

async function checked<T>(change: GuardedChange, tx: OutboxTx, step: (tx: OutboxTx) => Promise<T>): Promise<T> {
  const { resource, conditions, context, auditId, type } = change;
  await resource.hold?.(tx, context.params);
  const before = await look(resource, context, tx);
  requireConditions(conditions, before);
  const result = await step(tx);
  await auditChange(tx.sql, auditId, auditableChange(before, await look(resource, context, tx), type));
  return result;
}

/** What the resource shows within the transaction; undefined when there is none. */
async function look(
  resource: Route,
  { deps, ...context }: Context<unknown, unknown, unknown>,
  tx: Tx,
): Promise<unknown> {
  const db = { ...deps.db, sql: tx.sql, prisma: tx.prisma } as Database;
  try {
    return (await resource.handler({ ...context, deps: { ...deps, db }, query: {}, body: undefined })).body;
  } catch (error) {
    if (error instanceof RequestError && error.code === 'not_found') return undefined;
    throw error;
  }
}
