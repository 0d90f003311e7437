import type { Prisma } from '../../db/database.ts';
import { RequestError } from '../../kit/errors.ts';
import { randomToken } from '../../kit/secrets.ts';
import * as jobs from '../jobs.ts';
import type { Administration, Page } from './deps.ts';
import { inOrder } from './listing.ts';
import { getInstalled, getPortal } from './portals.ts';
import { noSuch, orConflict, orInUse } from './refusals.ts';
import { isOver, settled } from './settled.ts';

export type BotRow = Prisma.BotGetPayload<object>;

/** Null clears. */
export interface BotProfile {
  name?: string | undefined;
  lastName?: string | null | undefined;
  workPosition?: string | null | undefined;
  color?: string | null | undefined;
  gender?: 'M' | 'F' | null | undefined;
  avatar?: string | null | undefined;
}

/** The portal takes 40 characters; 24 bytes are 32 of them. */
const TOKEN_BYTES = 24;
const IN_USE = 'Companions belong to this bot: archive them first';

export async function listBots(deps: Administration, portalId: string, page: Page): Promise<BotRow[]> {
  await getPortal(deps, portalId);
  return deps.db.prisma.bot.findMany(inOrder(page, { portalId }));
}

/** By our id, or by the number of its user on the portal. */
export async function getBot({ db }: Administration, portalId: string, id: string): Promise<BotRow> {
  const by = /^\d+$/.test(id) ? { botId: Number(id) } : { id };
  const bot = await db.prisma.bot.findFirst({ where: { portalId, ...by } });
  if (!bot) throw noSuch('bot');
  return bot;
}

export async function createBot(
  deps: Administration,
  portalId: string,
  { code, name, ...profile }: BotProfile & { code: string; name: string },
  requestId: string,
): Promise<BotRow> {
  const portal = await getInstalled(deps, portalId);
  const create = deps.outbox.transaction(async (tx) => {
    // Stored before the portal hears of it: a lost token would make the bot uncontrollable (contract imbot trap 10).
    const token = deps.vault.encrypt(randomToken(TOKEN_BYTES));
    const row = await tx.prisma.bot.create({ data: { ...defined(profile), portalId, code, name, token } });
    const job = { gateId: portal.gateId.toString(), portalId, requestId };
    await tx.enqueue([jobs.convergeBot(code, { ...job, payload: { botId: row.id } })]);
    return row;
  });
  return whenSettled(deps, await orConflict(create, 'The portal already has a bot with this code'));
}

export async function changeBot(
  deps: Administration,
  portalId: string,
  id: string,
  profile: BotProfile,
  requestId: string,
): Promise<BotRow> {
  const portal = await getInstalled(deps, portalId);
  const bot = await getBot(deps, portalId, id);
  // A change repairs too: of a bot that failed, nothing is believed any more.
  const repair = bot.state === 'failed' ? { appliedHash: null } : {};
  return converged(deps, portal, bot, { ...defined(profile), ...repair }, requestId);
}

/** The next token is stored before the portal hears of it, so that neither of the two is ever lost. */
export async function rotateBotToken(
  deps: Administration,
  portalId: string,
  id: string,
  requestId: string,
): Promise<BotRow> {
  const portal = await getInstalled(deps, portalId);
  const bot = await getBot(deps, portalId, id);
  const nextToken = bot.nextToken ?? deps.vault.encrypt(randomToken(TOKEN_BYTES));
  return converged(deps, portal, bot, { nextToken }, requestId);
}

async function converged(
  deps: Administration,
  { gateId }: { gateId: bigint },
  { id, code, portalId }: BotRow,
  change: Prisma.BotUpdateInput,
  requestId: string,
): Promise<BotRow> {
  const row = await deps.outbox.transaction(async (tx) => {
    const data = { ...change, state: 'pending', lastError: null, lastErrorDetail: null };
    const changed = await tx.prisma.bot.update({ where: { id }, data });
    const job = { gateId: gateId.toString(), portalId, requestId };
    await tx.enqueue([jobs.convergeBot(code, { ...job, payload: { botId: id } })]);
    return changed;
  });
  return whenSettled(deps, row);
}

/** @returns whether the portal has removed it already. */
export async function removeBot(
  deps: Administration,
  portalId: string,
  id: string,
  requestId: string,
): Promise<boolean> {
  const portal = await getPortal(deps, portalId);
  const bot = await getBot(deps, portalId, id);
  const alive = { botId: bot.id, state: { not: 'archived' } };
  if ((await deps.db.prisma.companion.count({ where: alive })) > 0) throw new RequestError('in_use', IN_USE);
  const payload = { portalId, botId: String(bot.botId), token: bot.token };
  const job = jobs.removeBot(bot.code, { gateId: portal.gateId.toString(), portalId, requestId, payload });
  const remove = deps.outbox.transaction(async (tx) => {
    await tx.prisma.companion.deleteMany({ where: { botId: bot.id, state: 'archived' } });
    await tx.prisma.bot.delete({ where: { id: bot.id } });
    // One that was never registered, or whose portal has forgotten it, needs no removal.
    if (bot.botId !== null && !portal.uninstalledAt) await tx.enqueue([job]);
  });
  await orInUse(remove, IN_USE);
  return isOver(deps, job);
}

const whenSettled = async (deps: Administration, row: BotRow): Promise<BotRow> =>
  (await settled(deps, () => deps.db.prisma.bot.findUnique({ where: { id: row.id } }))) ?? row;

/** Prisma takes `undefined` as "leave it", but its types do not say so. */
const defined = <T extends object>(value: T): { [Key in keyof T]: Exclude<T[Key], undefined> } =>
  Object.fromEntries(Object.entries(value).filter(([, inner]) => inner !== undefined)) as {
    [Key in keyof T]: Exclude<T[Key], undefined>;
  };
