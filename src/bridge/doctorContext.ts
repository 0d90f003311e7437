import type { Call } from '../bitrix24/portalApi.ts';
import type { AppState } from '../bitrix24/users.ts';
import type { Database, Prisma } from '../db/database.ts';
import type { Clock } from '../kit/clock.ts';
import { DeliveryError } from '../kit/errors.ts';
import type { Logger } from '../kit/logger.ts';
import type { Vault } from '../kit/secrets.ts';
import type { MessengerProbe } from '../messenger/probe.ts';
import type { Gate } from '../outbox/gate.ts';
import type { NewJob } from '../outbox/job.ts';
import type { Outbox } from '../outbox/outbox.ts';
import type { Wake } from '../outbox/wake.ts';
import type { BotAccess } from './botAccess.ts';
import { type Check, type Diagnosis, diagnosis, type Judgement, type Remedy, unknown } from './doctorFinding.ts';
import type { PortalCalls } from './portals.ts';

/** What the doctor works with. */
export interface DoctorDeps {
  db: Database;
  outbox: Outbox;
  gate: Gate;
  wake: Wake;
  portals: PortalCalls;
  bots: BotAccess;
  vault: Vault;
  clock: Clock;
  log: Logger;
  messengers: MessengerProbe;
  installationId: string;
  publicUrl: () => string;
  /** How long a portal may take to answer everything; 20 seconds. */
  patienceMs?: number;
  /** How long an event may be on its way; 8 seconds. */
  eventPatienceMs?: number;
}

export type ExaminedPortal = Prisma.PortalGetPayload<{ include: { gate: true } }>;

/** One look at one portal. */
export interface Look extends DoctorDeps {
  portal: ExaminedPortal;
  requestId: string;
  /** Pays at the gate like everybody, but passes a block: to find out whether its cause is gone. */
  call: Call;
  /** Asked for once per look, whoever needs it. */
  app(): Promise<AppState>;
  /** Fires when nobody waits any more. */
  signal: AbortSignal;
}

/** Everything one part of the wiring says about itself. What it throws is the finding that it could not be looked at. */
export type Examine = (look: Look) => Promise<Diagnosis[]>;

/** Checks that belong together: they are asked together, and looked at again together. */
export interface Ward {
  checks: readonly Check[];
  examine: Examine;
}

/** The check as `judge` sees it, or that it could not be made. */
export async function checked(
  check: Check,
  subject: string | null,
  judge: () => Promise<Judgement>,
  remedy?: Remedy | false,
): Promise<Diagnosis> {
  try {
    return diagnosis(check, subject, await judge(), remedy);
  } catch (error) {
    return diagnosis(check, subject, notMade(error));
  }
}

/** Why something could not be looked at. An error that is none of the expected kind is a bug, and told by its name alone. */
export function notMade(error: unknown): Judgement {
  if (error instanceof DeliveryError) return refusedToTell(error);
  const { name } = (error ?? {}) as { name?: unknown };
  const gaveUp = name === 'AbortError' || name === 'TimeoutError';
  if (gaveUp)
    return unknown('timeout', 'the answer took too long', 'check again; if it stays so, see why the portal is slow');
  return unknown('internal', 'the check itself failed', 'look for doctor.checkFailed in the log');
}

function refusedToTell({ code, verdict }: DeliveryError): Judgement {
  if (code === 'gate_closed')
    return unknown('paused', 'the portal is paused, so it is not asked', 'see the finding `gate`');
  if (code === 'gate_busy')
    return unknown(code, 'all requests of the portal are in use', 'check again in half a minute');
  if (verdict === 'blocked') return unknown(code, `the portal refuses to answer us: ${code}`, blockRepair(code));
  if (verdict === 'refused') {
    return unknown(code, `the portal refuses to tell: ${code}`, 'see that the user of the grant is an administrator');
  }
  return unknown(
    code,
    `the portal gave no answer: ${code}`,
    'see that the portal is up and reachable, and check again',
  );
}

/** What a person can do about a block, by the code the portal gave. */
const BLOCKS: Readonly<Record<string, string>> = {
  PAYMENT_REQUIRED: 'the subscription of the portal has to be paid; the gateway goes on by itself then',
  ACCESS_DENIED:
    'the plan of the portal does not include REST: it has to be changed; the gateway goes on by itself then',
  APPLICATION_NOT_FOUND: 'the application was removed or switched off on the portal: install it again',
  not_installed: 'an administrator opens the application on the portal and finishes its installation',
  insufficient_scope: 'add the missing permissions to the application, see the finding `scopes`',
  OVERLOAD_LIMIT: 'Bitrix24 has blocked the application by hand: write to its support',
  PORTAL_DELETED: 'the portal is closed, perhaps for a time only: ask its owner',
  endpoint_not_allowed: 'its address is not a public https one: ALLOW_INSECURE_PORTALS=true accepts others',
};
const OPEN_APPLICATION =
  'an administrator of the portal opens the application there once; the gateway goes on at once then';

export const blockRepair = (code: string): string => BLOCKS[code] ?? OPEN_APPLICATION;

const PATIENCE_MS = 5_000;

/** Queues work that exists for this, and waits until it is over; it goes on by itself when that takes longer. */
export async function haveDone({ outbox, db, requestId, portal }: Look, jobs: readonly Omit<NewJob, 'requestId'>[]) {
  await outbox.enqueue(jobs.map((job) => ({ ...job, requestId })));
  const lanes = [...new Set(jobs.map(({ lane }) => lane))];
  const deadline = performance.now() + PATIENCE_MS;
  for (;;) {
    const busy = await db.sql.rows(LANES_AT_WORK, portal.gateId, JSON.stringify(lanes));
    if (busy.length === 0 || performance.now() > deadline) return;
    await new Promise((resolve) => setTimeout(resolve, 30));
  }
}

/** $1 gate, $2 keys of lanes as JSON. */
const LANES_AT_WORK = `
select 1 as busy from lane l join job j on j.lane_id = l.id and j.state in ('waiting', 'running')
where l.gate_id = $1::bigint and l.key in (select jsonb_array_elements_text($2::jsonb)) limit 1`;

/** What the jobs of a portal have in common. */
export const workOf = ({ id, gateId }: ExaminedPortal): { gateId: string; portalId: string } => ({
  gateId: gateId.toString(),
  portalId: id,
});

/** For people: `3 minutes`, `2 hours`, `5 days`. */
export function span(ms: number): string {
  const [size, word] =
    ms < 60_000
      ? [1_000, 'second']
      : ms < 3_600_000
        ? [60_000, 'minute']
        : ms < 86_400_000
          ? [3_600_000, 'hour']
          : [86_400_000, 'day'];
  const count = Math.round(ms / size);
  return `${count} ${word}${count === 1 ? '' : 's'}`;
}
