import type { Prisma } from '../db/database.ts';
import type { OutboxTx } from '../outbox/job.ts';
import { reconcileCompanions, reconcileNames, recoverReplies } from './jobs.ts';
import type { PortalRunKind, RunOptions } from './model.ts';
import { sessionsKnownAt } from './sessionSweep.ts';

/** Long work over all conversations of a portal. */

export interface NewRun {
  kind: PortalRunKind;
  portal: { id: string; gateId: bigint };
  dryRun: boolean;
  now: Date;
  options?: RunOptions;
  requestId?: string | undefined;
}

/** A new kind of run is one row here, and a handler of its job. */
const jobOf = { recoverReplies, reconcileCompanions, reconcileNames } satisfies Record<PortalRunKind, unknown>;

/** Stores the run and queues its job. Returns its id. */
export async function startRun(
  tx: OutboxTx,
  { kind, portal, dryRun, now, options = {}, requestId }: NewRun,
): Promise<string> {
  const wanted = kind === 'recoverReplies' ? await withSessions(tx, portal.id, now, options) : options;
  const data = { kind, portalId: portal.id, dryRun, createdAt: now, options: wanted as Prisma.InputJsonObject };
  const { id: runId } = await tx.prisma.run.create({ data });
  const job = { gateId: portal.gateId.toString(), portalId: portal.id, requestId, payload: { runId } };
  await tx.enqueue([jobOf[kind](job)]);
  return runId;
}

async function withSessions(tx: OutboxTx, portalId: string, now: Date, options: RunOptions): Promise<RunOptions> {
  const { silentSince } = options;
  const sessionsAfter = await sessionsKnownAt(tx, portalId, silentSince === undefined ? now : new Date(silentSince));
  return sessionsAfter === undefined ? options : { ...options, sessionsAfter };
}

/** Conversations that have a dialog; of them those in which somebody may be speaking, where the run is about these. */
export const inPortal = (portalId: string, { activeSince, sweep }: RunOptions) => ({
  channel: { portalId },
  chatId: { not: null },
  ...(activeSince === undefined ? {} : active(new Date(activeSince), Object.keys(sweep?.begun ?? {}))),
});

const active = (since: Date, begun: string[]) => ({
  OR: [{ sessionOpen: true }, { messages: { some: { createdAt: { gte: since } } } }, { id: { in: begun } }],
});

/** Conversations that have a companion, or shall have one. */
export const withCompanion = (portalId: string) => ({
  channel: { portalId },
  companion: { is: { state: { not: 'archived' } } },
});

/** Conversations whose dialog can be asked for: known, or with a key that can be made without the portal's help. */
export const findable = (portalId: string) => ({
  channel: { portalId },
  OR: [{ chatId: { not: null } }, { bitrixUserId: { not: null } }, { channel: { connector: { kind: 'group' } } }],
});
