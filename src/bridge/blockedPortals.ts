import type { Call } from '../bitrix24/portalApi.ts';
import { appInfo, grantedScopes, missingScopes } from '../bitrix24/users.ts';
import type { Database } from '../db/database.ts';
import { DeliveryError } from '../kit/errors.ts';
import type { Logger } from '../kit/logger.ts';
import { createRounds } from '../kit/rounds.ts';
import type { Blocked, Gate } from '../outbox/gate.ts';
import type { Wake } from '../outbox/wake.ts';
import type { PortalCalls } from './portals.ts';

/**
 * A blocked portal is asked again by one light call, soon at first and then less and less often. No job is tried, and
 * none uses up an attempt, before that call has gone through.
 */

const LOOK_EVERY_MS = 1_000;
const TRY_WITHIN_MS = 20_000;
/** Keys of portals' gates begin like this. */
const PORTAL_GATES = 'portal:';

export interface BlockedPortals {
  start(): void;
  stop(): Promise<void>;
}

interface BlockedPortalsDeps {
  db: Database;
  portals: PortalCalls;
  gate: Gate;
  wake: Wake;
  log: Logger;
}

export function createBlockedPortals(deps: BlockedPortalsDeps): BlockedPortals {
  const { db, portals, gate, log } = deps;
  const underWay = new Set<Promise<void>>();
  const stopping = new AbortController();

  async function recheck({ gateId, reason, rechecks }: Blocked): Promise<void> {
    const where = { gateId: BigInt(gateId), uninstalledAt: null };
    const portal = await db.prisma.portal.findFirst({ where, select: { id: true } });
    if (!portal) return;
    const signal = AbortSignal.any([stopping.signal, AbortSignal.timeout(TRY_WITHIN_MS)]);
    const cause = await causeOf(reason, await portals.live(portal.id, { evenBlocked: true, signal }));
    if (cause === undefined) await resume({ portalId: portal.id, gateId, reason }, deps);
    else log.info('portal.stillBlocked', { portalId: portal.id, reason, rechecks, code: cause.code });
  }

  async function look(): Promise<void> {
    for (const blocked of await gate.dueRechecks(PORTAL_GATES)) {
      const done = recheck(blocked)
        .catch((error: unknown) => log.warn('portal.notRechecked', { gateId: blocked.gateId, error }))
        .finally(() => underWay.delete(done));
      underWay.add(done);
    }
  }

  const rounds = createRounds(LOOK_EVERY_MS, () =>
    look().catch((error: unknown) => log.debug('portals.notRechecked', { error })),
  );
  return {
    start: () => rounds.start(),
    async stop() {
      stopping.abort();
      await rounds.stop();
      await Promise.all(underWay);
    },
  };
}

/** What still keeps the portal from answering us; undefined when it does answer. */
export async function causeOf(reason: string, call: Call): Promise<DeliveryError | undefined> {
  try {
    // The call that was refused may have needed a scope that a light call does not.
    if (reason === 'insufficient_scope') requireScopes(await grantedScopes(call));
    const { installed, paid } = await appInfo(call);
    if (installed && paid) return undefined;
    const code = installed ? 'PAYMENT_REQUIRED' : 'not_installed';
    return new DeliveryError({
      verdict: 'blocked',
      code,
      detail: 'the portal answers, but lets the application do nothing',
    });
  } catch (error) {
    if (error instanceof DeliveryError) return error;
    throw error;
  }
}

function requireScopes(granted: readonly string[]): void {
  const missing = missingScopes(granted);
  if (missing.length === 0) return;
  throw new DeliveryError({ verdict: 'blocked', code: 'insufficient_scope', detail: `missing: ${missing.join(', ')}` });
}

/**
 * Opens the gate; what waits for it goes on at once. What was blocked anew for another reason while `reason` was looked
 * into stays blocked: an erased portal, for one.
 */
export async function resume(
  portal: { portalId: string; gateId: string; reason?: string | null },
  { gate, wake, log }: Pick<BlockedPortalsDeps, 'gate' | 'wake' | 'log'>,
): Promise<void> {
  if (!(await gate.unblock(portal.gateId, portal.reason))) return;
  log.info('portal.resumed', { ...portal });
  wake.all([portal.gateId]);
}
