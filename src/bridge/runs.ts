import type { Prisma } from '../db/database.ts';
import type { OutboxTx } from '../outbox/job.ts';
import { reconcileCompanions, recoverReplies } from './jobs.ts';
import type { RunKind, RunOptions } from './model.ts';

/** Long work over all conversations of a portal. */

export interface NewRun {
  kind: RunKind;
  portal: { id: string; gateId: bigint };
  dryRun: boolean;
  options?: RunOptions;
  requestId?: string | undefined;
}

/** A new kind of run is one row here, and a handler of its job. */
const jobOf = { recoverReplies, reconcileCompanions } satisfies Record<RunKind, unknown>;

/** Stores the run and queues its job. Returns its id. */
export async function startRun(
  tx: OutboxTx,
  { kind, portal, dryRun, options = {}, requestId }: NewRun,
): Promise<string> {
  const total = await tx.prisma.conversation.count({ where: SCOPES[kind](portal.id) });
  const data = { kind, portalId: portal.id, dryRun, total, options: options as Prisma.InputJsonObject };
  const { id: runId } = await tx.prisma.run.create({ data });
  const job = { gateId: portal.gateId.toString(), portalId: portal.id, requestId, payload: { runId } };
  await tx.enqueue([jobOf[kind](job)]);
  return runId;
}

/** Conversations that have a dialog. */
export const inPortal = (portalId: string) => ({ channel: { portalId }, chatId: { not: null } });

/** Conversations that have a companion, or shall have one. */
export const withCompanion = (portalId: string) => ({
  channel: { portalId },
  companion: { is: { state: { not: 'archived' } } },
});

const SCOPES = { recoverReplies: inPortal, reconcileCompanions: withCompanion } satisfies Record<RunKind, unknown>;
