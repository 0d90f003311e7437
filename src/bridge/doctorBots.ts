import type { Prisma } from '../db/database.ts';
import { wantedHashOf } from './bots.ts';
import { type Examine, haveDone, type Look, notMade, type Ward, workOf } from './doctorContext.ts';
import { type Diagnosis, diagnosis, fine, type Judgement, type Remedy, trouble } from './doctorFinding.ts';
import { convergeBot } from './jobs.ts';
import { type ForgottenBot, forgottenRepair, type Presence, readPortalBots } from './portalBots.ts';

/** The companion bots: alive on the portal, ours, and as they shall be. */

type BotRow = Prisma.BotGetPayload<object>;

const REGISTERS = 'it is registered again, and let into its chats where that is possible';
const UPDATES = 'its profile and its handler are brought in step';

/** `wantedHash`: of what the portal shall have taken. */
export function judgeBot(
  row: {
    botId: number | null;
    state: string;
    lastError: string | null;
    lastErrorDetail: string | null;
    appliedHash: string | null;
  },
  presence: Presence | undefined,
  wantedHash: string,
): Judgement {
  if (presence === 'taken') {
    const repair = 'delete that bot on the portal, then check again with repair=true';
    return trouble(
      'bot_not_ours',
      'the portal has a bot of its number or code that belongs to another application',
      repair,
    );
  }
  if (presence === 'replaced') return trouble('bot_replaced', 'the portal has it under another number', REGISTERS);
  if (presence === 'missing') return trouble('bot_deleted', 'the portal does not have it', REGISTERS);
  if (row.state === 'failed') {
    return trouble(row.lastError ?? 'failed', row.lastErrorDetail ?? 'it could not be brought in step', UPDATES);
  }
  if (row.appliedHash !== wantedHash)
    return trouble('not_in_step', 'the portal has an earlier profile or handler', UPDATES);
  return fine(`alive as user ${row.botId ?? ''} of the portal, and ours`);
}

/** Nothing of it is believed any more, so that everything is applied. */
const converge =
  (look: Look, { id: botId, code }: BotRow): Remedy =>
  async () => {
    const data = { state: 'pending', appliedHash: null, lastError: null, lastErrorDetail: null };
    await look.db.prisma.bot.update({ where: { id: botId }, data });
    await haveDone(look, [convergeBot(code, { ...workOf(look.portal), payload: { botId } })]);
  };

/** Whether it is still needed, only a person can tell: chats may belong to it. */
const forgotten = ({ portalCode, code, botId }: ForgottenBot): Diagnosis => {
  const said = `user ${botId} of the portal is a bot of this installation that the gateway does not know`;
  return diagnosis('bot', portalCode, trouble('bot_forgotten', said, forgottenRepair(code)));
};

const examine: Examine = async (look) => {
  const { db, portal, vault, installationId, publicUrl } = look;
  const rows = await db.prisma.bot.findMany({ where: { portalId: portal.id }, orderBy: { createdAt: 'asc' } });
  try {
    const bots = await look.bots.live(portal.id, { evenBlocked: true, signal: look.signal });
    const { presence, forgotten: others } = await readPortalBots(bots, rows, { vault, installationId });
    const findings = rows.map((row) => {
      const judgement = judgeBot(row, presence.get(row.id), wantedHashOf(bots.generation, row, publicUrl()));
      return diagnosis('bot', row.code, judgement, judgement.code !== 'bot_not_ours' && converge(look, row));
    });
    return [...findings, ...others.map(forgotten)];
  } catch (error) {
    return rows.map((row) => diagnosis('bot', row.code, notMade(error)));
  }
};

export const botsWard: Ward = { checks: ['bot'], examine };
