import type { Prisma } from '../../db/database.ts';
import { startRun } from '../runs.ts';
import type { PortalRunKind } from '../model.ts';
import type { Administration, Page } from './deps.ts';
import { getInstalled } from './portals.ts';
import { noSuch, unknownReference } from './refusals.ts';

export type RunRow = Prisma.RunGetPayload<object>;
export type FindingRow = Prisma.RunFindingGetPayload<object>;
export type RunWithFindings = RunRow & { findings: FindingRow[] };

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

export async function getRun({ db }: Administration, id: string): Promise<RunWithFindings> {
  const findings = { orderBy: { id: 'asc' as const }, take: MAX_FINDINGS };
  const run = await db.prisma.run.findUnique({ where: { id }, include: { findings } });
  if (!run) throw noSuch('run');
  return run;
}

/** All that were kept, oldest first. */
export async function listFindings({ db }: Administration, runId: string, page: Page): Promise<FindingRow[]> {
  if (!(await db.prisma.run.findUnique({ where: { id: runId }, select: { id: true } }))) throw noSuch('run');
  const after = page.cursor === undefined ? {} : { id: { gt: BigInt(page.cursor) } };
  return db.prisma.runFinding.findMany({
    where: { runId, ...after },
    orderBy: { id: 'asc' },
    take: page.limit + 1,
  });
}

export async function createRun(
  deps: Administration,
  { portalId, ...run }: { kind: PortalRunKind; portalId: string; dryRun: boolean; unmarked: boolean },
  requestId: string,
): Promise<RunWithFindings> {
  if (!(await deps.db.prisma.portal.findUnique({ where: { id: portalId } }))) {
    throw unknownReference('/portalId', 'portal');
  }
  const portal = await getInstalled(deps, portalId);
  const { kind, dryRun, unmarked } = run;
  const now = new Date(deps.clock.now());
  const id = await deps.outbox.transaction((tx) =>
    startRun(tx, { kind, portal, dryRun, now, options: { unmarked }, requestId }),
  );
  return getRun(deps, id);
}
