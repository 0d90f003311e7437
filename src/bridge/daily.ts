import type { OAuth } from '../bitrix24/oauth.ts';
import { hasCode } from '../bitrix24/wire.ts';
import type { Database } from '../db/database.ts';
import type { Clock } from '../kit/clock.ts';
import type { Logger } from '../kit/logger.ts';
import { createRounds } from '../kit/rounds.ts';
import type { Handler, NewJob, OutboxTx } from '../outbox/job.ts';
import type { Outbox } from '../outbox/outbox.ts';
import { type GrantDeps, REVERSIBLE_REASONS, withGrant } from './grants.ts';
import * as jobs from './jobs.ts';

const DAY_MS = 24 * 3_600_000;
/** A refresh token lives 180 days; nothing else renews that of a silent portal (contract platform §2.4). */
const IDLE_MS = 150 * DAY_MS;

/** A look costs nothing until a day has passed. */
const LOOK_EVERY_MS = 1_000;

/** What has to happen every day, once among all processes: the row tells when it was done last, the work is jobs. */
export interface DailyWork {
  /** Resolves when it is known when the next day begins. */
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** $1 now, $2 a day ago; milliseconds since the epoch. */
const CLAIM = `
update setting set value = $1::text where key = 'dailyWorkAt' and value::bigint <= $2::text::bigint
returning value`;

export function createDailyWork(deps: {
  db: Database;
  outbox: Outbox;
  clock: Clock;
  log: Logger;
  localGateId: string;
}): DailyWork {
  const { db, outbox, clock, log, localGateId } = deps;
  let nextAt = -Infinity;

  async function lastAt(): Promise<number> {
    const first = { key: 'dailyWorkAt', value: String(clock.now()) };
    await db.prisma.setting.createMany({ data: [first], skipDuplicates: true });
    return Number((await db.prisma.setting.findUniqueOrThrow({ where: { key: first.key } })).value);
  }

  async function queue(now: number): Promise<void> {
    await outbox.transaction(async (tx) => {
      const [claimed] = await tx.sql.rows(CLAIM, String(now), String(now - DAY_MS));
      if (!claimed) return;
      await giveAnotherChance(tx);
      const queued = [...(await checks(tx)), ...(await idleGrants(tx, now, localGateId))];
      await tx.enqueue(queued);
      log.info('daily.queued', { jobs: queued.length });
    });
  }

  async function look(): Promise<void> {
    const now = clock.now();
    if (now < nextAt) return;
    if (now - (await lastAt()) >= DAY_MS) await queue(now);
    nextAt = (await lastAt()) + DAY_MS;
  }

  const rounds = createRounds(LOOK_EVERY_MS, () =>
    look().catch((error: unknown) => log.warn('daily.failed', { error })),
  );
  return {
    start() {
      rounds.start();
      return rounds.now();
    },
    stop: () => rounds.stop(),
  };
}

/** Users the portal turned away may be welcome again; when not, their grants are set aside again. */
async function giveAnotherChance({ prisma }: OutboxTx): Promise<void> {
  await prisma.grant.updateMany({ where: { lostReason: { in: REVERSIBLE_REASONS } }, data: { lostReason: null } });
}

async function checks({ prisma }: OutboxTx): Promise<NewJob[]> {
  const portals = await prisma.portal.findMany({ where: { uninstalledAt: null }, select: { id: true, gateId: true } });
  return portals.map(({ id: portalId, gateId }) =>
    jobs.checkPortal({ gateId: gateId.toString(), portalId, payload: { portalId } }),
  );
}

/** Of all grants, the reserve too: nobody uses it, so nobody renews it. */
async function idleGrants({ prisma }: OutboxTx, now: number, gateId: string): Promise<NewJob[]> {
  const idle = { lostReason: null, refreshedAt: { lt: new Date(now - IDLE_MS) }, portal: { uninstalledAt: null } };
  const grants = await prisma.grant.findMany({ where: idle, select: { id: true, portalId: true } });
  return grants.map(({ id: grantId, portalId }) => jobs.keepGrant({ gateId, portalId, payload: { grantId } }));
}

/** Renews a grant that nobody used for long, before its refresh token ends. */
export function createGrantKeeping(deps: GrantDeps & { oauth: OAuth }): Handler {
  const { db, oauth, clock, log } = deps;
  return {
    async run(job) {
      const grantId = job.payload.grantId ?? '';
      await withGrant(grantId, deps, async (grant, save) => {
        const row = await db.prisma.grant.findUnique({ where: { id: grantId } });
        if (!row || clock.now() - row.refreshedAt.getTime() < IDLE_MS) return;
        try {
          await save(await oauth.refresh(grant.refreshToken, grant.serverEndpoint));
        } catch (error) {
          // What ends it shows at the next call of the portal, or tomorrow; here it would block the work of everybody.
          if (!isFinal(error)) throw error;
          log.warn('grant.notKept', { portalId: row.portalId, grantId, error });
        }
      });
      return { outcome: 'done' };
    },
  };
}

const isFinal = (error: unknown): boolean => hasCode(error, ...FINAL_CODES);
const FINAL_CODES = [
  'invalid_grant',
  'invalid_client',
  'invalid_request',
  'invalid_scope',
  'insufficient_scope',
  'PAYMENT_REQUIRED',
];
