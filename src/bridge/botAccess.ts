import type { Bots } from '../bitrix24/bots/bots.ts';
import { createBots, type Generation, probeGeneration } from '../bitrix24/bots/generation.ts';
import type { Call } from '../bitrix24/portalApi.ts';
import type { Database } from '../db/database.ts';
import type { PortalCalls } from './portals.ts';

/** The bot methods of a portal, in the generation it has: probed once, and remembered. */
export interface BotAccess {
  of(portalId: string, token: () => Promise<void>): Promise<Bots>;
  /** For somebody who waits for the answer. */
  live(portalId: string): Promise<Bots>;
}

export function createBotAccess({ db, portals }: { db: Database; portals: PortalCalls }): BotAccess {
  async function choose(portalId: string, call: Call): Promise<Bots> {
    const portal = await db.prisma.portal.findUniqueOrThrow({ where: { id: portalId } });
    if (portal.botGeneration !== 'unknown') return createBots(call, portal.botGeneration as Generation);
    const generation = await probeGeneration(call);
    await db.prisma.portal.update({ where: { id: portalId }, data: { botGeneration: generation } });
    return createBots(call, generation);
  }

  return {
    of: (portalId, token) => choose(portalId, portals.of(portalId, token)),
    live: async (portalId) => choose(portalId, await portals.live(portalId)),
  };
}
