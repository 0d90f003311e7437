import { DeliveryError } from '../../kit/errors.ts';
import type { Call } from '../portalApi.ts';
import { asFields, asId, hasCode } from '../wire.ts';

/**
 * The entity type of companions. Exactly `CHAT` keeps the chat an ordinary one; any other value makes it impossible to
 * change for ever, for its owner too (contract imbot §3, trap 2).
 */
export const COMPANION_ENTITY = 'CHAT';

/** Only the deprecated API looks a chat up by its key, whichever API created it (contract imbot §12). */
export async function findChat(call: Call, key: string): Promise<string | undefined> {
  const params = { ENTITY_TYPE: COMPANION_ENTITY, ENTITY_ID: key };
  return asId(asFields(await call('imbot.chat.get', params, { repeatable: true })).ID);
}

/** `lightBlue` → `LIGHT_BLUE`: every portal takes this spelling, the first v2 portals no other (contract imbot §4.5). */
export const portalColor = (color: string): string => color.replace(/([a-z])([A-Z])/g, '$1_$2').toUpperCase();

/** The work done, or undefined where it failed with one of the codes that mean "there is nothing to do". */
export async function ignoring<T>(codes: readonly string[], work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (hasCode(error, ...codes)) return undefined;
    throw error;
  }
}

export const unsupported = (what: string): DeliveryError =>
  new DeliveryError({ verdict: 'refused', code: 'unsupported_by_portal', detail: `${what} needs imbot.v2` });
