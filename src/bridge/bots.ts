import type { BotProfile, BotRef, Bots } from '../bitrix24/bots/bots.ts';
import type { Database, Prisma } from '../db/database.ts';
import type { Clock } from '../kit/clock.ts';
import { DeliveryError } from '../kit/errors.ts';
import type { Logger } from '../kit/logger.ts';
import type { Vault } from '../kit/secrets.ts';
import type { Handler } from '../outbox/job.ts';
import type { BotAccess } from './botAccess.ts';
import { hashOf } from './companionPlan.ts';

/** A code is unique among all bots of a portal, not per application (contract imbot trap 9), and at most 50 characters. */
const MAX_CODE = 50;

/** The code the portal knows a bot by. */
export const portalBotCode = (installationId: string, code: string): string =>
  `ocg_${installationId}_${code}`.slice(0, MAX_CODE);

interface BotDeps {
  db: Database;
  bots: BotAccess;
  vault: Vault;
  clock: Clock;
  log: Logger;
  installationId: string;
}

type BotRow = Prisma.BotGetPayload<object>;

const profileOf = (bot: BotRow): BotProfile => ({
  name: bot.name,
  ...(bot.lastName === null ? {} : { lastName: bot.lastName }),
  ...(bot.workPosition === null ? {} : { workPosition: bot.workPosition }),
  ...(bot.color === null ? {} : { color: bot.color }),
  ...(bot.gender === null ? {} : { gender: bot.gender as 'M' | 'F' }),
  ...(bot.avatar === null ? {} : { avatar: bot.avatar }),
});

/** Registers a companion bot, and keeps its profile in step. */
export function createBotConvergence(deps: BotDeps): Handler {
  const { db, vault, clock, log } = deps;

  /** Registering is idempotent, and changes nothing of a bot that exists: its id is all we learn. */
  async function register(bots: Bots, row: BotRow, token: string): Promise<string> {
    const code = portalBotCode(deps.installationId, row.code);
    const { botId } = await bots.register({ code, token, profile: profileOf(row) });
    log.info('bot.registered', { botId: row.id, portalId: row.portalId });
    return botId;
  }

  /** The whole profile, always: the portal takes what is missing as cleared (contract imbot §5.2). */
  async function update(bots: Bots, bot: BotRef, row: BotRow): Promise<'updated' | 'gone'> {
    try {
      await bots.update({ ...bot, profile: profileOf(row) });
      return 'updated';
    } catch (error) {
      if (error instanceof DeliveryError && error.code === 'BOT_NOT_FOUND') return 'gone';
      throw error;
    }
  }

  return {
    async run(job, run) {
      const row = await db.prisma.bot.findUnique({ where: { id: job.payload.botId ?? '' } });
      if (!row) return { outcome: 'done' };
      const bots = await deps.bots.of(row.portalId, () => run.token());
      const token = vault.decrypt(row.token);
      const wantedHash = hashOf(JSON.stringify(profileOf(row)));
      let botId = row.botId === null ? await register(bots, row, token) : String(row.botId);
      if (row.appliedHash !== wantedHash && (await update(bots, { botId, token }, row)) === 'gone') {
        botId = await register(bots, row, token);
      }
      const data = {
        botId: Number(botId),
        state: 'ready',
        lastError: null,
        appliedHash: wantedHash,
        registeredAt: row.registeredAt ?? new Date(clock.now()),
      };
      return {
        outcome: 'done',
        commit: async (tx) => void (await tx.prisma.bot.update({ where: { id: row.id }, data })),
      };
    },
    async failed(tx, job, failure) {
      const state = failure.outcome === 'retry' ? {} : { state: 'failed' };
      const where = { id: job.payload.botId ?? '' };
      await tx.prisma.bot.updateMany({ where, data: { ...state, lastError: failure.code } });
    },
  };
}

/** The row is gone already; what the portal needs is in the job. The token is sealed there too. */
export function createBotRemoval({ bots, vault }: Pick<BotDeps, 'bots' | 'vault'>): Handler {
  return {
    async run(job, run) {
      const { portalId = '', botId = '', token = '' } = job.payload;
      const access = await bots.of(portalId, () => run.token());
      await access.unregister({ botId, token: vault.decrypt(token) });
      return { outcome: 'done' };
    },
  };
}
