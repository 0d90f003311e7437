import type { Clock } from '../kit/clock.ts';
import { DeliveryError } from '../kit/errors.ts';
import type { OAuth, TokenPair } from './oauth.ts';
import { hasCode } from './wire.ts';

/** What is stored of the right to call one portal as one of its users. `expiresAt` in milliseconds since the epoch. */
export interface Grant {
  id: string;
  accessToken: string;
  refreshToken: string;
  expiresAt: number;
  /** REST base of the portal, ends with `/rest/`. */
  endpoint: string;
  serverEndpoint: string;
}

/** The grants of one portal where all processes share them: the installer's first, other administrators' as reserve. */
export interface GrantStore {
  /** The first usable one. @throws DeliveryError blocked `no_grant` */
  read(): Promise<Grant>;
  /**
   * Runs `work` while nobody else does, with the grant as it is under the lock. Resolves only after what `save`
   * stored is committed: a refresh token works once, so a pair must be durable before it is used.
   */
  exclusively<T>(work: (grant: Grant, save: (pair: TokenPair) => Promise<void>) => Promise<T>): Promise<T>;
  /** This pair is dead, if it still is the stored one; the next grant becomes the first. */
  lost(grant: Grant, reason: string): Promise<void>;
  /** The portal turns this user away now: the next grant becomes the first. False when there is no other. */
  setAside(grant: Grant, reason: string): Promise<boolean>;
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
  /** The access of another user, after the portal turned the one of this token away; undefined when there is none. */
  instead(failedToken: string, reason: string): Promise<Access | undefined>;
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

  const renewLocked = (failedToken: string, tried: (grant: Grant) => void): Promise<Grant> =>
    store.exclusively(async (grant, save) => {
      if (grant.accessToken !== failedToken && isFresh(grant)) return grant;
      tried(grant);
      const pair = await oauth.refresh(grant.refreshToken, grant.serverEndpoint);
      const complete = { ...pair, clientEndpoint: pair.clientEndpoint || grant.endpoint };
      await save(complete);
      return grantOf(grant.id, complete);
    });

  /** The loser of a race sees `invalid_grant` too: only an unchanged grant is dead, and then a reserve may live. */
  const renewOrLose = async (failedToken: string): Promise<Grant> => {
    let tried: Grant | undefined;
    try {
      return await renewLocked(failedToken, (grant) => (tried = grant));
    } catch (error) {
      if (!hasCode(error, 'invalid_grant') || !tried) throw error;
      const grant = await store.read();
      if (grant.accessToken !== failedToken && isFresh(grant)) return grant;
      if (grant.refreshToken !== tried.refreshToken) return renewOrLose(grant.accessToken);
      await store.lost(tried, 'invalid_grant');
      return reserve(error);
    }
  };

  const reserve = async (cause: DeliveryError): Promise<Grant> => {
    try {
      const next = await store.read();
      return isFresh(next) ? next : await renewOrLose(next.accessToken);
    } catch (error) {
      if (!hasCode(error, 'no_grant')) throw error;
      throw new DeliveryError({
        verdict: 'blocked',
        code: 'invalid_grant',
        detail: 'the grants of the portal are dead; an administrator has to open the application',
        cause,
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

  const current = async (): Promise<Access> => {
    if (cached && isFresh(cached)) return accessOf(cached);
    const grant = await store.read();
    if (!isFresh(grant)) return renew(grant.accessToken);
    cached = grant;
    return accessOf(grant);
  };

  return {
    renew,
    current,
    async instead(failedToken, reason) {
      cached = undefined;
      const grant = await store.read();
      if (grant.accessToken === failedToken && !(await store.setAside(grant, reason))) {
        // The last one, unless another caller has just set it aside.
        if ((await store.read()).id === grant.id) return undefined;
      }
      return current();
    },
    forget() {
      cached = undefined;
    },
  };
}

const accessOf = (grant: Grant): Access => ({ token: grant.accessToken, endpoint: grant.endpoint });

const grantOf = (id: string, pair: TokenPair): Grant => ({
  id,
  accessToken: pair.accessToken,
  refreshToken: pair.refreshToken,
  expiresAt: pair.expiresAt,
  endpoint: pair.clientEndpoint,
  serverEndpoint: pair.serverEndpoint,
});
