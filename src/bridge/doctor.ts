import { setMaxListeners } from 'node:events';
import { appInfo, type AppState } from '../bitrix24/users.ts';
import { RequestError } from '../kit/errors.ts';
import { applicationWard } from './doctorApplication.ts';
import { botsWard } from './doctorBots.ts';
import { connectorsWard } from './doctorConnectors.ts';
import { type DoctorDeps, type Look, notMade, type Ward } from './doctorContext.ts';
import { eventsWard } from './doctorEvents.ts';
import { CHECKS, type Diagnosis, diagnosis, type Finding } from './doctorFinding.ts';
import { gateWard, limitsWard } from './doctorGate.ts';
import { gatewayWard } from './doctorGateway.ts';
import { messengersWard } from './doctorMessengers.ts';
import { type PortalBots, readPortalBots } from './portalBots.ts';

/** A finding as it is shown. */
export interface Shown extends Finding {
  ok: boolean;
  /** Whether it can be put right without a person. */
  repairable: boolean;
  /** It was wrong, and is not any more. */
  repaired: boolean;
}

export interface Examination {
  items: Shown[];
  nextCursor: null;
  ok: boolean;
  /** How many findings were put right. */
  repaired: number;
  checkedAt: string;
  durationMs: number;
}

/** Looks at everything between a messenger and a portal, and repairs what it can. */
export interface Doctor {
  /** @throws RequestError not_found */
  examine(portalId: string, options: { repair: boolean; requestId: string }): Promise<Examination>;
  /** What the portal says of the bots of this installation. @throws DeliveryError, RequestError not_found */
  portalBots(portalId: string): Promise<PortalBots>;
}

const PATIENCE_MS = 20_000;

/** First the gate: what it lets pass again is what the others find. The rest is looked at side by side. */
const FIRST: readonly Ward[] = [gateWard];
const REST: readonly Ward[] = [
  gatewayWard,
  applicationWard,
  limitsWard,
  eventsWard,
  connectorsWard,
  botsWard,
  messengersWard,
];

export function createDoctor(deps: DoctorDeps): Doctor {
  const { db, portals, clock, log, patienceMs = PATIENCE_MS } = deps;

  async function lookAt(portalId: string, requestId: string): Promise<Look> {
    const portal = await db.prisma.portal.findUnique({ where: { id: portalId }, include: { gate: true } });
    if (!portal) throw new RequestError('not_found', 'There is no such portal');
    const signal = AbortSignal.timeout(patienceMs);
    // Every call of the look listens.
    setMaxListeners(0, signal);
    const call = await portals.live(portalId, { evenBlocked: true, signal });
    let app: Promise<AppState> | undefined;
    return { ...deps, portal, requestId, call, signal, app: () => (app ??= appInfo(call)) };
  }

  async function examineAll(wards: readonly Ward[], portalId: string, requestId: string): Promise<Visit[]> {
    const look = await lookAt(portalId, requestId);
    return Promise.all(wards.map(async (ward) => ({ ward, found: await visit(ward, look) })));
  }

  /** Whatever was wrong, or could not be seen, is looked at again after the repair. */
  async function repairAll(before: readonly Visit[], portalId: string, requestId: string): Promise<Visit[]> {
    const failures = await carryOut(before.flatMap(({ found }) => found));
    for (const [finding, error] of failures) {
      const { check, subject } = finding;
      log.warn('doctor.repairFailed', { portalId, requestId, check, subject, error });
    }
    const again = before.filter(({ found }) => found.some(({ state }) => state !== 'ok')).map(({ ward }) => ward);
    const after = await examineAll(again, portalId, requestId);
    return before.map((visit) => after.find(({ ward }) => ward === visit.ward) ?? visit);
  }

  return {
    async portalBots(portalId) {
      // Says so where there is no such portal.
      const bots = await deps.bots.live(portalId, { signal: AbortSignal.timeout(patienceMs) });
      return readPortalBots(bots, await db.prisma.bot.findMany({ where: { portalId } }), deps);
    },
    async examine(portalId, { repair, requestId }) {
      const startedAt = performance.now();
      const checkedAt = new Date(clock.now()).toISOString();
      const first = await examineAll(FIRST, portalId, requestId);
      const before = [...first, ...(await examineAll(REST, portalId, requestId))];
      const sick = before.some(({ found }) => found.some(({ remedy }) => remedy));
      const after = repair && sick ? await repairAll(before, portalId, requestId) : before;
      const items = shown(
        before.flatMap(({ found }) => found),
        after.flatMap(({ found }) => found),
      );
      const repaired = items.filter((item) => item.repaired).length;
      const durationMs = Math.round(performance.now() - startedAt);
      const troubles = items.filter(({ ok }) => !ok).map(({ check, code }) => `${check}:${code ?? ''}`);
      log.info('portal.checked', { portalId, requestId, repair, repaired, troubles, durationMs });
      return { items, nextCursor: null, ok: troubles.length === 0, repaired, checkedAt, durationMs };
    },
  };
}

interface Visit {
  ward: Ward;
  found: Diagnosis[];
}

/** One ward that cannot be looked at hides no other. */
async function visit({ checks, examine }: Ward, look: Look): Promise<Diagnosis[]> {
  try {
    return await Promise.race([examine(look), gaveUp(look.signal)]);
  } catch (error) {
    const { requestId, log, portal } = look;
    log.info('doctor.checkFailed', { portalId: portal.id, requestId, checks, error });
    return checks.map((check) => diagnosis(check, null, notMade(error)));
  }
}

/** A call that nobody stops must not keep the answer back. */
const gaveUp = (signal: AbortSignal): Promise<never> =>
  new Promise((_resolve, reject) => {
    const give = (): void => reject(signal.reason as Error);
    if (signal.aborted) give();
    else signal.addEventListener('abort', give, { once: true });
  });

/** One after the other: a remedy may be what the next one needs. Returns those that failed. */
async function carryOut(found: readonly Diagnosis[]): Promise<[Diagnosis, unknown][]> {
  const failures: [Diagnosis, unknown][] = [];
  for (const finding of inOrder(found)) {
    try {
      await finding.remedy?.();
    } catch (error) {
      failures.push([finding, error]);
    }
  }
  return failures;
}

const inOrder = <F extends Finding>(found: readonly F[]): F[] =>
  [...found].sort((left, right) => CHECKS.indexOf(left.check) - CHECKS.indexOf(right.check));

/** What is so now, and whether it was wrong before. */
function shown(before: readonly Diagnosis[], after: readonly Diagnosis[]): Shown[] {
  const wasWrong = (now: Finding): boolean =>
    before.some((one) => one.check === now.check && one.subject === now.subject && one.remedy !== undefined);
  return inOrder(after).map(({ remedy, done = false, ...finding }) => {
    const ok = finding.state === 'ok';
    return { ...finding, ok, repairable: remedy !== undefined, repaired: ok && (done || wasWrong(finding)) };
  });
}
