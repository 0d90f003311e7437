import type { Bot, Bots } from '../bitrix24/bots/bots.ts';
import type { Vault } from '../kit/secrets.ts';
import { botCodePrefix, portalBotCode } from './bots.ts';

/** What a portal says of the bots of this installation, held against what we know. */

interface KnownBot {
  id: string;
  code: string;
  botId: number | null;
  token: string;
}

/** `taken`: another application has a bot of this number or code; `replaced`: ours has another number now. */
export type Presence = 'present' | 'missing' | 'taken' | 'replaced';

/** A bot with our prefix that no row of ours stands for: of another database of this installation, or of a lost one. */
export interface ForgottenBot {
  /** Its code with the portal, and without our prefix. */
  portalCode: string;
  code: string;
  botId: string;
}

export interface PortalBots {
  generation: Bots['generation'];
  presence: Map<string, Presence>;
  forgotten: ForgottenBot[];
}

/** One call, and one more for every bot on portals that tell whose it is. @throws DeliveryError */
export async function readPortalBots(
  bots: Bots,
  known: readonly KnownBot[],
  { vault, installationId }: { vault: Vault; installationId: string },
): Promise<PortalBots> {
  const [first] = known;
  const listed = await bots.list({ token: first ? vault.decrypt(first.token) : '' });
  const presence = new Map<string, Presence>();
  for (const row of known) {
    const there = bots.generation === 'legacy' ? ofNumber(listed, row) : await look(bots, row, vault);
    presence.set(row.id, presenceOf(row, there, listed, portalBotCode(installationId, row.code)));
  }
  return { generation: bots.generation, presence, forgotten: forgottenOf(listed, known, installationId) };
}

/** The deprecated API has nothing but the list (contract imbot trap 31). */
const ofNumber = (listed: readonly Bot[], { botId }: KnownBot): Bot | undefined =>
  listed.find((bot) => botId !== null && bot.botId === String(botId));

const look = async (bots: Bots, { botId, token }: KnownBot, vault: Vault): Promise<Bot | undefined> =>
  botId === null ? undefined : bots.get({ botId: String(botId), token: vault.decrypt(token) });

/** Pure. `there`: the bot of the number we know. */
export function presenceOf(
  row: { botId: number | null },
  there: Bot | undefined,
  listed: readonly Bot[],
  portalCode: string,
): Presence {
  if (there) return there.ours && there.code === portalCode ? 'present' : 'taken';
  const namesake = listed.find(({ code }) => code === portalCode);
  return namesake && row.botId !== Number(namesake.botId) ? 'replaced' : 'missing';
}

/** Pure. */
export function forgottenOf(
  listed: readonly Bot[],
  known: readonly { code: string }[],
  installationId: string,
): ForgottenBot[] {
  const prefix = botCodePrefix(installationId);
  const ours = new Set(known.map(({ code }) => portalBotCode(installationId, code)));
  return listed
    .filter(({ code }) => code.startsWith(prefix) && !ours.has(code))
    .map(({ botId, code }) => ({ botId, portalCode: code, code: code.slice(prefix.length) }));
}

/** What to do about a bot that nobody of ours remembers. */
export const forgottenRepair = (code: string): string =>
  `POST /portals/{id}/bots with the code ${code} takes it up again; who does not need it removes it on the portal`;

const REGISTER_AGAIN = 'POST /portals/{id}/check?repair=true registers it again';

/** What to do about a bot of ours; null where it is alive. */
export const presenceRepair: Readonly<Record<Presence, string | null>> = {
  present: null,
  missing: REGISTER_AGAIN,
  replaced: REGISTER_AGAIN,
  taken: 'delete that bot on the portal, then POST /portals/{id}/check?repair=true',
};
