import type { Call } from '../portalApi.ts';
import { hasCode } from '../wire.ts';
import type { Bots } from './bots.ts';
import { createLegacyBots } from './legacy.ts';
import { createV2Bots } from './v2.ts';

export type Generation = Bots['generation'];

/** The method is unknown to the portal, or its controller has no such action yet (contract imbot §13.2). */
const MISSING = ['ERROR_METHOD_NOT_FOUND', '22002'];

export const isMissing = (error: unknown): boolean => hasCode(error, ...MISSING);

/**
 * Which API a portal has (contract imbot §13.3). `Revision.get` is missing on the first portals with v2, so a second
 * method decides; any other answer to it, a refusal too, comes from v2. Ask again daily: portals are updated.
 * @throws DeliveryError when the portal cannot be asked now.
 */
export async function probeGeneration(call: Call): Promise<Generation> {
  return (await exists(call, 'imbot.v2.Revision.get', {})) || (await exists(call, 'imbot.v2.Bot.list', { limit: 1 }))
    ? 'v2'
    : 'legacy';
}

async function exists(call: Call, method: string, params: Record<string, unknown>): Promise<boolean> {
  try {
    await call(method, params, { repeatable: true });
    return true;
  } catch (error) {
    if (isMissing(error)) return false;
    if (hasCode(error, 'BOT_TOKEN_NOT_SPECIFIED', 'CLIENT_ID_NOT_SPECIFIED')) return true;
    throw error;
  }
}

export const createBots = (call: Call, generation: Generation): Bots =>
  generation === 'v2' ? createV2Bots(call) : createLegacyBots(call);
