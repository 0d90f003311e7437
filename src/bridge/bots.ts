import type { BotProfile, BotRef, Bots } from '../bitrix24/bots/bots.ts';
import { hasCode } from '../bitrix24/wire.ts';
import type { Database, Prisma } from '../db/database.ts';
import type { Clock } from '../kit/clock.ts';
import type { Logger } from '../kit/logger.ts';
import type { Vault } from '../kit/secrets.ts';
import type { Handler, Job, OutboxTx, Result } from '../outbox/job.ts';
import type { BotAccess } from './botAccess.ts';
import { BOT_CODES, botTrouble } from './botTrouble.ts';
import { hashOf } from './companionPlan.ts';
import { withoutCode } from './companionSteps.ts';
import { convergeCompanion } from './jobs.ts';
import { EVENTS_PATH } from './setUp.ts';

/** A code is unique among all bots of a portal, not per application (contract imbot trap 9), and at most 50 characters. */
const MAX_CODE = 50;

/** Codes of this installation begin like this. */
export const botCodePrefix = (installationId: string): string => `ocg_${installationId}_`;

/** The code the portal knows a bot by. */
export const portalBotCode = (installationId: string, code: string): string =>
  `${botCodePrefix(installationId)}${code}`.slice(0, MAX_CODE);

interface BotDeps {
  db: Database;
  bots: BotAccess;
  vault: Vault;
  clock: Clock;
  log: Logger;
  installationId: string;
  /** Base URL under which the portal reaches us. */
  publicUrl: () => string;
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

/** Events are fetched where that is possible; the deprecated API posts them to us instead, and insists on it. */
const wishOf = (generation: Bots['generation'], row: BotRow, publicUrl: string): BotWish => ({
  profile: profileOf(row),
  ...(generation === 'legacy' ? { webhook: `${publicUrl}${EVENTS_PATH}` } : {}),
});

interface BotWish {
  profile: BotProfile;
  webhook?: string;
}

/** What `appliedHash` is when the portal has taken everything. */
export const wantedHashOf = (generation: Bots['generation'], row: BotRow, publicUrl: string): string =>
  hashOf(JSON.stringify([generation, wishOf(generation, row, publicUrl)]));

/** Registers a companion bot, and keeps its profile, its handler and its token in step. */
export function createBotConvergence(deps: BotDeps): Handler {
  const { db, vault, clock, log } = deps;

  /** Registering is idempotent, and changes nothing of a bot that exists: its id is all we learn. */
  async function register(bots: Bots, row: BotRow, token: string): Promise<string> {
    const code = portalBotCode(deps.installationId, row.code);
    const { botId } = await bots.register({ code, token, ...wish(bots, row) });
    log.info('bot.registered', { botId: row.id, portalId: row.portalId });
    return botId;
  }

  const wish = ({ generation }: Bots, row: BotRow): BotWish => wishOf(generation, row, deps.publicUrl());

  /** The whole profile, always: the portal takes what is missing as cleared (contract imbot §5.2). */
  async function update(bots: Bots, bot: BotRef, row: BotRow): Promise<'updated' | 'gone' | Note> {
    const nextToken = row.nextToken === null ? {} : { nextToken: vault.decrypt(row.nextToken) };
    try {
      await bots.update({ ...bot, ...wish(bots, row), ...nextToken });
      return 'updated';
    } catch (error) {
      if (hasCode(error, 'BOT_NOT_FOUND', 'BOT_ID_ERROR')) return 'gone';
      // An earlier try may have rotated it, and nobody heard: then the bot listens to the next token only.
      const rotated = nextToken.nextToken !== undefined && hasCode(error, 'BOT_OWNERSHIP_ERROR');
      const renewed = { ...bot, token: nextToken.nextToken ?? '' };
      if (rotated && (await bots.get(renewed))?.ours) return 'updated';
      if (row.nextToken === null || !hasCode(error, 'unsupported_by_portal')) throw error;
      // The bot goes on under the token it has; everything else about it is brought in step.
      const outcome = await update(bots, bot, { ...row, nextToken: null });
      const said = { lastError: error.code, lastErrorDetail: withoutCode(error) };
      return outcome === 'updated' ? said : outcome;
    }
  }

  return {
    async run(job, run): Promise<Result> {
      const row = await db.prisma.bot.findUnique({ where: { id: job.payload.botId ?? '' } });
      if (!row) return { outcome: 'done' };
      const bots = await deps.bots.of(row.portalId, () => run.token());
      const token = vault.decrypt(row.token);
      const wantedHash = wantedHashOf(bots.generation, row, deps.publicUrl());
      let botId = row.botId === null ? await register(bots, row, token) : String(row.botId);
      const isDue = row.appliedHash !== wantedHash || row.nextToken !== null || row.state === 'failed';
      const outcome = isDue ? await update(bots, { botId, token }, row) : 'updated';
      if (outcome === 'gone') botId = await register(bots, row, token);
      const applied = {
        botId: Number(botId),
        appliedHash: wantedHash,
        registeredAt: row.registeredAt ?? new Date(clock.now()),
        ...(Number(botId) === row.botId ? {} : { eventOffset: 0n }),
      };
      const rotated = row.nextToken !== null && outcome === 'updated';
      const note = outcome === 'updated' || outcome === 'gone' ? {} : outcome;
      return { outcome: 'done', commit: (tx) => settle(tx, row, { ...applied, ...note }, rotated, job) };
    },
    async failed(tx, job, failure) {
      const state = failure.outcome === 'retry' ? {} : { state: 'failed' };
      const where = { id: job.payload.botId ?? '' };
      const { code, detail } =
        botTrouble(failure.code === 'APP_ID_ERROR' ? 'BOT_CODE_ALREADY_TAKEN' : failure.code) ?? failure;
      await tx.prisma.bot.updateMany({ where, data: { ...state, lastError: code, lastErrorDetail: detail } });
    },
  };
}

/** What could not be done, and needs nobody: the bot works. */
interface Note {
  lastError: string;
  lastErrorDetail: string;
}

interface AppliedBot extends Partial<Note> {
  botId: number;
  appliedHash: string;
  registeredAt: Date;
  eventOffset?: bigint;
}

/** What waited for the bot, or failed for want of it, goes on; a bot of another number has to be let into every chat again. */
async function settle(tx: OutboxTx, before: BotRow, applied: AppliedBot, rotated: boolean, job: Job): Promise<void> {
  const { id, nextToken } = before;
  const token = rotated && nextToken !== null ? { token: nextToken } : {};
  const clear = { state: 'ready', lastError: null, lastErrorDetail: null, nextToken: null };
  await tx.prisma.bot.update({ where: { id }, data: { ...clear, ...token, ...applied } });
  const replaced = before.botId !== null && before.botId !== applied.botId;
  const waiting = { state: 'failed', lastError: { in: ['bot_failed', ...BOT_CODES] } };
  const where = { botId: id, ...(replaced ? { state: { not: 'archived' } } : waiting) };
  const companions = await tx.prisma.companion.findMany({
    where,
    select: { id: true, key: true, conversationId: true },
  });
  await tx.prisma.companion.updateMany({
    where: { id: { in: companions.map((one) => one.id) } },
    data: { state: 'pending' },
  });
  const { gateId, portalId, requestId } = job;
  const common = { gateId, portalId: portalId ?? before.portalId, ...(requestId === undefined ? {} : { requestId }) };
  await tx.enqueue(
    companions.map(({ id: companionId, key, conversationId }) =>
      convergeCompanion(key, { ...common, conversationId, payload: { companionId } }),
    ),
  );
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
