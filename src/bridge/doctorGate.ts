import { PLANS, planOf, OPERATING_LIMIT_S } from '../bitrix24/limits.ts';
import { gateColumns } from '../outbox/gate.ts';
import { causeOf, resume } from './blockedPortals.ts';
import {
  blockRepair,
  checked,
  type ExaminedPortal,
  type Examine,
  type Look,
  span,
  type Ward,
} from './doctorContext.ts';
import { type Diagnosis, diagnosis, fine, type Judgement, trouble } from './doctorFinding.ts';

/** Whether anything passes to the portal, and how much of its limits is left. */

/** Nobody has to wait longer than that for a request. */
const SHORT_WAIT_MS = 15_000;
/** Of the operating limit: from here on a method will have to wait soon. */
const NEARLY_USED = 0.9;

const INSTALL_AGAIN = 'install the application on the portal again; mappings and history are still there';

const isBlocked = ({ gate }: ExaminedPortal, now: number): boolean => (gate.blockedUntil?.getTime() ?? 0) > now;

/** A cause that is gone lets the portal go on at once: looking is all it takes. */
async function examineGate(look: Look): Promise<Diagnosis> {
  const { portal, clock } = look;
  const { gate, gateId, id: portalId } = portal;
  if (portal.uninstalledAt) {
    return diagnosis('gate', null, trouble('uninstalled', 'the application is not installed any more', INSTALL_AGAIN));
  }
  if (gate.paused) {
    const repair = 'PATCH /portals/{id} with {"paused": false} when it shall go on';
    return diagnosis('gate', null, trouble('paused', 'an administrator has paused it', repair));
  }
  if (!isBlocked(portal, clock.now())) return diagnosis('gate', null, fine('it is open'));
  const reason = gate.blockedReason ?? 'blocked';
  const cause = await causeOf(reason, look.call);
  if (cause === undefined) {
    await resume({ portalId, gateId: gateId.toString(), reason }, look);
    return { ...diagnosis('gate', null, fine(`it was blocked by ${reason}; that is over, so it goes on`)), done: true };
  }
  return diagnosis('gate', null, trouble(cause.code, `it is blocked by ${reason}`, blockRepair(cause.code)));
}

interface Bucket {
  stepMs: number;
  burstMs: number;
  /** When the bucket is full again, ms since the epoch. */
  tat: number;
}

export function judgeBucket({ stepMs, burstMs, tat }: Bucket, now: number): Judgement {
  if (stepMs === 0) return fine('no limit');
  const size = burstMs / stepMs + 1;
  const free = Math.max(0, Math.min(size, Math.floor((now + burstMs - tat) / stepMs + 1)));
  const said = `${free} of ${size} requests are free, and ${(1000 / stepMs).toFixed(1)} more every second`;
  const waitMs = tat - burstMs - now;
  if (waitMs < SHORT_WAIT_MS) return fine(said);
  return trouble(
    'bucket_empty',
    `${said}; the next one in ${span(waitMs)}`,
    'it fills by itself; look for who else calls this portal',
  );
}

/** A portal of the faster plan that is called at the pace of the ordinary one, or at the pace of no plan. */
async function judgePlan(look: Look): Promise<{ judgement?: Judgement; plan: keyof typeof PLANS }> {
  const { portal } = look;
  const told = planOf((await look.app()).license);
  const plan = told === 'enterprise' ? told : (portal.plan as keyof typeof PLANS);
  const wanted = gateColumns(PLANS[plan]);
  const isKept = portal.plan === plan && portal.gate.stepMs === wanted.stepMs && portal.gate.burstMs === wanted.burstMs;
  if (isKept) return { plan };
  const said = `the plan is ${plan}, but the pace is that of another`;
  return { plan, judgement: trouble('wrong_pace', said, 'the pace of the plan is set') };
}

async function examineBucket(look: Look): Promise<Diagnosis> {
  const { gate, gateId, id } = look.portal;
  const bucket = judgeBucket({ ...gate, tat: gate.tat.getTime() }, look.clock.now());
  try {
    const { plan, judgement } = await judgePlan(look);
    if (!judgement) return diagnosis('requestBucket', null, bucket);
    return diagnosis('requestBucket', null, judgement, () =>
      look.db.transaction(async ({ prisma }) => {
        await prisma.portal.update({ where: { id }, data: { plan } });
        await prisma.gate.update({ where: { id: gateId }, data: gateColumns(PLANS[plan]) });
      }),
    );
  } catch {
    // The bucket is ours: what the portal does not tell of its plan is no reason to say nothing of it.
    return diagnosis('requestBucket', null, bucket);
  }
}

export function judgeOperatingTime(
  uses: readonly { method: string; operatingS: number; resetAt: Date }[],
  now: number,
): Judgement {
  const current = uses.filter(({ resetAt }) => resetAt.getTime() > now);
  const used = current.filter(({ operatingS }) => operatingS >= OPERATING_LIMIT_S * NEARLY_USED);
  const [first] = used;
  if (!first) return fine(current.length === 0 ? 'no method comes near its limit' : 'all methods have time left');
  const names = used.map(({ method }) => method).join(', ');
  const until = span(Math.max(0, Math.max(...used.map(({ resetAt }) => resetAt.getTime())) - now));
  return trouble(
    'OPERATION_TIME_LIMIT',
    `used up: ${names}`,
    `nothing to do: their calls wait and go on within ${until}`,
  );
}

export const gateWard: Ward = { checks: ['gate'], examine: async (look) => [await examineGate(look)] };

const examineLimits: Examine = async (look) => [
  await examineBucket(look),
  await checked('operatingTime', null, async () => {
    const uses = await look.db.prisma.methodLimit.findMany({ where: { portalId: look.portal.id } });
    return judgeOperatingTime(uses, look.clock.now());
  }),
];

export const limitsWard: Ward = { checks: ['requestBucket', 'operatingTime'], examine: examineLimits };
