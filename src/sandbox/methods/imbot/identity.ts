import { toText } from '../../php/values.ts';
import type { MethodCall } from '../method.ts';

/** The only prefix that tells a token from a client id (contract imbot §2.1). */
export function tokenIdentity(token: string): string {
  return token === '' ? '' : `custom${token}`;
}

/**
 * Which application speaks: that of the OAuth token, whatever else was sent, or the bot token of an inbound webhook.
 * The same word as legacy CLIENT_ID and as v2 botToken is the same identity; empty: none was given.
 */
export function identityOf({ application, params }: MethodCall, more: readonly unknown[] = []): string {
  if (application) return application.clientId;
  const words = [params.botToken, params.BOT_TOKEN, params.clientId, params.CLIENT_ID, ...more];
  return tokenIdentity(words.map(toText).find((word) => word !== '') ?? '');
}
