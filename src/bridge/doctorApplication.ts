import {
  type AppState,
  currentUser,
  grantedScopes,
  missingScopes,
  NEEDED_SCOPES,
  serverTime,
} from '../bitrix24/users.ts';
import { DeliveryError } from '../kit/errors.ts';
import { blockRepair, checked, type Examine, type Look, span, type Ward } from './doctorContext.ts';
import { type Diagnosis, diagnosis, fine, type Judgement, type Remedy, trouble } from './doctorFinding.ts';
import { REVERSIBLE_REASONS } from './grants.ts';

/** Our application on the portal: whether it is there, what it may do, and as whom. */

/** Tokens are renewed a minute before their end, and signatures live five minutes. */
const MAX_SKEW_MS = 60_000;
/** A refresh token lives 180 days (contract platform §2.4); the gateway renews one long before. */
const OLD_GRANT_MS = 170 * 86_400_000;

const OPEN_APPLICATION = 'an administrator of the portal opens the application there once';

export function judgeInstallation({ installed, paid, version }: AppState): Judgement {
  if (!installed) {
    const repair = 'an administrator opens the application on the portal and finishes its installation';
    return trouble('not_installed', 'the installation was not finished, so no events are sent', repair);
  }
  if (!paid) return trouble('PAYMENT_REQUIRED', 'the application is not paid for', 'its subscription has to be paid');
  return fine(`version ${version} is installed and active`);
}

export function judgeScopes(granted: readonly string[]): Judgement {
  const missing = missingScopes(granted);
  if (missing.length === 0) return fine(`all that is needed: ${NEEDED_SCOPES.join(', ')}`);
  const repair = 'add them to the permissions of the application on the portal, then install it again';
  return trouble('insufficient_scope', `missing: ${missing.join(', ')}`, repair);
}

/** `aheadMs`: of the portal's clock before ours. */
export function judgeClock(aheadMs: number | undefined): Judgement {
  if (aheadMs === undefined) return fine('the portal does not tell its time');
  const said = `the portal's clock and ours are ${span(Math.abs(aheadMs))} apart`;
  if (Math.abs(aheadMs) <= MAX_SKEW_MS) return fine(said);
  return trouble('clock_skew', said, 'let NTP set the clock of the machine the gateway runs on');
}

interface GrantState {
  userId: string;
  refreshedAt: Date;
  lostReason: string | null;
}

/** `caller`: as whom the portal sees us now. */
export function judgeGrants(
  grants: readonly GrantState[],
  caller: { id: string; admin?: boolean } | undefined,
  now: number,
): Judgement {
  const lost = grants.filter(({ lostReason }) => lostReason !== null);
  const names = lost.map(({ userId, lostReason }) => `user ${userId} (${lostReason ?? ''})`).join(', ');
  const [used] = grants.filter(({ lostReason, userId }) => lostReason === null && (!caller || caller.id === userId));
  if (!caller || !used) {
    return trouble('no_grant', lost.length === 0 ? 'none is stored' : `all are lost: ${names}`, OPEN_APPLICATION);
  }
  const age = now - used.refreshedAt.getTime();
  const reserve = grants.length - lost.length - 1;
  const said = `calls are made as user ${caller.id}, by a grant renewed ${span(age)} ago; in reserve: ${reserve}${names && `; lost: ${names}`}`;
  if (caller.admin === false) return trouble('not_admin', `${said}; that user is no administrator`, OPEN_APPLICATION);
  if (age > OLD_GRANT_MS) return trouble('grant_old', said, OPEN_APPLICATION);
  return fine(said);
}

/** Turned away by the portal, which may have changed: tried again. */
const tryAgain =
  ({ db, portal, portals }: Look): Remedy =>
  async () => {
    const where = { portalId: portal.id, lostReason: { in: REVERSIBLE_REASONS } };
    await db.prisma.grant.updateMany({ where, data: { lostReason: null } });
    portals.forget(portal.id);
  };

async function examineGrants(look: Look): Promise<Diagnosis> {
  const read = (): Promise<GrantState[]> =>
    look.db.prisma.grant.findMany({ where: { portalId: look.portal.id }, orderBy: { createdAt: 'asc' } });
  try {
    const caller = await currentUser(look.call);
    // Read afterwards: the call may have found out that one is lost.
    return diagnosis('grant', null, judgeGrants(await read(), caller, look.clock.now()));
  } catch (error) {
    if (!(error instanceof DeliveryError) || error.verdict !== 'blocked' || error.code === 'gate_closed') throw error;
    const grants = await read();
    const mayReturn = grants.some(({ lostReason }) => REVERSIBLE_REASONS.includes(lostReason ?? ''));
    const judgement = grants.every(({ lostReason }) => lostReason !== null)
      ? judgeGrants(grants, undefined, look.clock.now())
      : trouble(error.code, 'the portal turns the user of the grant away', blockRepair(error.code));
    return diagnosis('grant', null, judgement, mayReturn && tryAgain(look));
  }
}

async function skew({ call, clock }: Look): Promise<number | undefined> {
  const sentAt = clock.now();
  const theirs = await serverTime(call);
  return theirs === undefined ? undefined : theirs - (sentAt + clock.now()) / 2;
}

const examine: Examine = async (look) => [
  await checked('installation', null, async () => judgeInstallation(await look.app())),
  await checked('scopes', null, async () => judgeScopes(await grantedScopes(look.call))),
  await examineGrants(look),
  await checked('clock', null, async () => judgeClock(await skew(look))),
];

export const applicationWard: Ward = { checks: ['installation', 'scopes', 'grant', 'clock'], examine };
