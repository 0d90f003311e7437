import type { Bots } from '../bitrix24/bots/bots.ts';
import { createBots, type Generation, isMissing, probeGeneration } from '../bitrix24/bots/generation.ts';
import type { Call } from '../bitrix24/portalApi.ts';
import type { Database } from '../db/database.ts';
import type { Clock } from '../kit/clock.ts';
import { DeliveryError } from '../kit/errors.ts';
import type { Vault } from '../kit/secrets.ts';
import type { Outbox } from '../outbox/outbox.ts';
import { convergeBot } from './jobs.ts';
import type { LiveOptions, PortalCalls } from './portals.ts';

/** The bot methods of a portal, in the generation it has: probed, remembered, and probed again. */
export interface BotAccess {
  of(portalId: string, token: () => Promise<void>): Promise<Bots>;
  /** For somebody who waits for the answer. */
  live(portalId: string, options?: LiveOptions): Promise<Bots>;
}

export interface BotAccessDeps {
  db: Database;
  outbox: Outbox;
  portals: PortalCalls;
  clock: Clock;
}

/** A portal without v2 may have it after an update, of which nobody tells us (contract imbot §19.9). */
const PROBE_AGAIN_AFTER_MS = 24 * 3_600_000;

interface PortalRow {
  id: string;
  gateId: bigint;
  botGeneration: string;
  botProbedAt: Date | null;
}

export function createBotAccess({ db, outbox, portals, clock }: BotAccessDeps): BotAccess {
  async function choose(portalId: string, call: Call): Promise<Bots> {
    const portal = await db.prisma.portal.findUniqueOrThrow({ where: { id: portalId } });
    const stale = portal.botProbedAt === null || clock.now() - portal.botProbedAt.getTime() >= PROBE_AGAIN_AFTER_MS;
    const known = portal.botGeneration === 'v2' || (portal.botGeneration === 'legacy' && !stale);
    const generation = known ? (portal.botGeneration as Generation) : await probe(portal, call);
    return createBots(generation === 'v2' ? watchful(portal, call) : call, generation);
  }

  async function probe(portal: PortalRow, call: Call): Promise<Generation> {
    const generation = await probeGeneration(call);
    const before = portal.botGeneration;
    const data = { botGeneration: generation, botProbedAt: new Date(clock.now()) };
    if (before === generation || before === 'unknown') {
      await db.prisma.portal.update({ where: { id: portal.id }, data });
      return generation;
    }
    // Its bots speak the other API from now on: where their events go is part of their registration.
    await outbox.transaction(async (tx) => {
      await tx.prisma.portal.update({ where: { id: portal.id }, data });
      const bots = await tx.prisma.bot.findMany({ where: { portalId: portal.id } });
      const job = { gateId: portal.gateId.toString(), portalId: portal.id };
      await tx.enqueue(bots.map(({ id, code }) => convergeBot(code, { ...job, payload: { botId: id } })));
    });
    return generation;
  }

  /** A v2 method that is missing: the portal became another one, or its v2 is older than the method. */
  function watchful(portal: PortalRow, call: Call): Call {
    return async (method, params, options) => {
      try {
        return await call(method, params, options);
      } catch (error) {
        if (!isMissing(error) || !method.startsWith('imbot.v2.')) throw error;
        const became = await probe({ ...portal, botGeneration: 'v2' }, call);
        const detail = `${method} is unknown to the portal`;
        if (became === 'v2') throw new DeliveryError({ verdict: 'refused', code: 'unsupported_by_portal', detail });
        throw new DeliveryError({ verdict: 'retry', code: 'generation_changed', detail });
      }
    };
  }

  return {
    of: (portalId, token) => choose(portalId, portals.of(portalId, token)),
    live: async (portalId, options) => choose(portalId, await portals.live(portalId, options)),
  };
}

/** How a bot is spoken for; undefined until it is registered. */
export function botKey(
  bot: { botId: number | null; token: string },
  vault: Vault,
): { botId: string; token: string } | undefined {
  return bot.botId === null ? undefined : { botId: String(bot.botId), token: vault.decrypt(bot.token) };
}
