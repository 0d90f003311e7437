import type { Prisma } from '../../db/database.ts';
import { startRun } from '../runs.ts';
import type { RunKind } from '../model.ts';
import type { Administration, Page } from './deps.ts';
import { getInstalled } from './portals.ts';
import { noSuch, unknownReference } from './refusals.ts';

export type RunRow = Prisma.RunGetPayload<object>;
export type FindingRow = Prisma.RunFindingGetPayload<object>;

/** Shown with a run; the others are counted. */
const MAX_FINDINGS = 1_000;

/** Newest first. */
export function listRuns(
  { db }: Administration,
  { portalId, kind, state }: { portalId?: string | undefined; kind?: string | undefined; state?: string | undefined },
  { limit, cursor }: Page,
): Promise<RunRow[]> {
  const where = {
    ...(portalId === undefined ? {} : { portalId }),
    ...(kind === undefined ? {} : { kind }),
    ...(state === undefined ? {} : { state }),
    ...(cursor === undefined ? {} : { id: { lt: cursor } }),
  };
  return db.prisma.run.findMany({ where, orderBy: { id: 'desc' }, take: limit + 1 });
}

export async function getRun({ db }: Administration, id: string): Promise<RunRow & { findings: FindingRow[] }> {
  const findings = { orderBy: { id: 'asc' as const }, take: MAX_FINDINGS };
  const run = await db.prisma.run.findUnique({ where: { id }, include: { findings } });
  if (!run) throw noSuch('run');
  return run;
}

export async function createRun(
  deps: Administration,
  { portalId, ...run }: { kind: RunKind; portalId: string; dryRun: boolean; unmarked: boolean },
  requestId: string,
): Promise<RunRow & { findings: FindingRow[] }> {
  if (!(await deps.db.prisma.portal.findUnique({ where: { id: portalId } }))) {
    throw unknownReference('/portalId', 'portal');
  }
  const portal = await getInstalled(deps, portalId);
  const { kind, dryRun, unmarked } = run;
  const id = await deps.outbox.transaction((tx) =>
    startRun(tx, { kind, portal, dryRun, options: { unmarked }, requestId }),
  );
  return getRun(deps, id);
}
