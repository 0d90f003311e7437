import type { Clock } from '../kit/clock.ts';
import { DeliveryError } from '../kit/errors.ts';
import type { OAuth, TokenPair } from './oauth.ts';
import { hasCode } from './wire.ts';

/** What is stored of the right to call one portal. `expiresAt` in milliseconds since the epoch. */
export interface Grant {
  accessToken: string;
  refreshToken: string;
  expiresAt: number;
  /** REST base of the portal, ends with `/rest/`. */
  endpoint: string;
  serverEndpoint: string;
}

/** The grant of one portal where all processes share it. */
export interface GrantStore {
  read(): Promise<Grant>;
  /**
   * Runs `work` while nobody else does, with the grant as it is under the lock. Resolves only after what `save`
   * stored is committed: a refresh token works once, so a pair must be durable before it is used.
   */
  exclusively<T>(work: (grant: Grant, save: (pair: TokenPair) => Promise<void>) => Promise<T>): Promise<T>;
  /** The grant is dead; an administrator has to open the application. */
  lost(reason: string): Promise<void>;
}

export interface Access {
  token: string;
  endpoint: string;
}

export interface Tokens {
  /** A token that is not known to be expired. Renews only because a call must be made now, never on a timer. */
  current(): Promise<Access>;
  /** A token other than the one the portal just rejected. @throws DeliveryError */
  renew(failedToken: string): Promise<Access>;
  /** Drops what is cached, for example after a new installation stored another grant. */
  forget(): void;
}

/** A token this close to its end is renewed first: it could die on its way to the portal. */
const MARGIN_MS = 60_000;

/**
 * Renewal is single flight twice: in this process by sharing one promise, between processes by the store's lock
 * (contract platform §2.5: parallel refreshes end in `invalid_grant` storms).
 */
export function createTokens({ oauth, store, clock }: { oauth: OAuth; store: GrantStore; clock: Clock }): Tokens {
  let cached: Grant | undefined;
  let flight: Promise<Grant> | undefined;

  const isFresh = (grant: Grant): boolean => grant.expiresAt - MARGIN_MS > clock.now();

  const renewLocked = (failedToken: string): Promise<Grant> =>
    store.exclusively(async (grant, save) => {
      if (grant.accessToken !== failedToken && isFresh(grant)) return grant;
      const pair = await oauth.refresh(grant.refreshToken, grant.serverEndpoint);
      const complete = { ...pair, clientEndpoint: pair.clientEndpoint || grant.endpoint };
      await save(complete);
      return grantOf(complete);
    });

  /** The loser of a race sees `invalid_grant` too: only an unchanged grant is dead. */
  const renewOrLose = async (failedToken: string): Promise<Grant> => {
    try {
      return await renewLocked(failedToken);
    } catch (error) {
      if (!hasCode(error, 'invalid_grant')) throw error;
      const grant = await store.read();
      if (grant.accessToken !== failedToken && isFresh(grant)) return grant;
      await store.lost('invalid_grant');
      throw new DeliveryError({
        verdict: 'blocked',
        code: 'invalid_grant',
        detail: 'the grant of the portal is dead; an administrator has to open the application',
        cause: error,
      });
    }
  };

  const fly = async (failedToken: string): Promise<Grant> => {
    flight ??= renewOrLose(failedToken).finally(() => {
      flight = undefined;
    });
    const grant = await flight;
    cached = grant;
    return grant;
  };

  const renew = async (failedToken: string): Promise<Access> => {
    if (cached && cached.accessToken !== failedToken && isFresh(cached)) return accessOf(cached);
    const grant = await fly(failedToken);
    // We may have joined a flight that started for an older token and brought the very one that failed.
    return accessOf(grant.accessToken === failedToken ? await fly(failedToken) : grant);
  };

  return {
    renew,
    async current() {
      if (cached && isFresh(cached)) return accessOf(cached);
      const grant = await store.read();
      if (!isFresh(grant)) return renew(grant.accessToken);
      cached = grant;
      return accessOf(grant);
    },
    forget() {
      cached = undefined;
    },
  };
}

const accessOf = (grant: Grant): Access => ({ token: grant.accessToken, endpoint: grant.endpoint });

const grantOf = (pair: TokenPair): Grant => ({
  accessToken: pair.accessToken,
  refreshToken: pair.refreshToken,
  expiresAt: pair.expiresAt,
  endpoint: pair.clientEndpoint,
  serverEndpoint: pair.serverEndpoint,
});
