import { type Command, type Outcome, runBatch } from '../bitrix24/batch.ts';
import type { Client } from '../bitrix24/client.ts';
import { plainHost } from '../bitrix24/endpoint.ts';
import type { OAuth } from '../bitrix24/oauth.ts';
import { type Call, createPortalCall, type OperatingBudget } from '../bitrix24/portalApi.ts';
import { type Tokens, createTokens } from '../bitrix24/tokens.ts';
import type { Database } from '../db/database.ts';
import type { Clock } from '../kit/clock.ts';
import { RequestError } from '../kit/errors.ts';
import type { Logger } from '../kit/logger.ts';
import type { Vault } from '../kit/secrets.ts';
import type { Gate } from '../outbox/gate.ts';
import type { Run } from '../outbox/job.ts';
import { createGrantStore } from './grants.ts';
import { createOperatingBudget } from './operatingBudget.ts';

/** Calls to portals, with the right tokens and paid at the right gate. */
export interface PortalCalls {
  /** `token` is awaited before every request: the place to pay at the portal's gate. */
  of(portalId: string, token: () => Promise<void>): Call;
  /** For bulk work: what jobs that run together ask for goes out as one batch. What must not be repeated goes alone. */
  packed(portalId: string, run: Pick<Run, 'token' | 'party'>): Call;
  /** For somebody who waits for the answer: pays at the gate itself. @throws RequestError not_found */
  live(portalId: string, options?: LiveOptions): Promise<Call>;
  /** Drops cached tokens, after another grant was stored. */
  forget(portalId: string): void;
}

export interface LiveOptions {
  /** For whoever looks whether the portal is still closed to us. */
  evenBlocked?: boolean;
  /** When nobody waits any more. */
  signal?: AbortSignal;
}

export interface PortalDeps {
  db: Database;
  client: Client;
  oauth: OAuth;
  vault: Vault;
  gate: Gate;
  clock: Clock;
  log: Logger;
}

/** How often the OAuth server is asked about the same redirect that it did not confirm. */
const ASK_AGAIN_MS = 600_000;

/** What is kept in memory of a portal that is being called. */
interface Known {
  tokens: Tokens;
  budget: OperatingBudget;
  askedAboutMove: number;
}

export function createPortalCalls(deps: PortalDeps): PortalCalls {
  const { db, oauth, clock, log } = deps;
  const portals = new Map<string, Known>();

  function knownOf(portalId: string): Known {
    let known = portals.get(portalId);
    if (!known) {
      const tokens = createTokens({ oauth, clock, store: createGrantStore(portalId, deps) });
      known = { tokens, budget: createOperatingBudget(portalId, deps), askedAboutMove: -Infinity };
      portals.set(portalId, known);
    }
    return known;
  }

  /** A redirect may come from anybody on the way: the OAuth server's word is what moves a portal (contract platform §2.7). */
  async function moved(portalId: string, endpoint: string, token: string): Promise<void> {
    const known = knownOf(portalId);
    if (clock.now() - known.askedAboutMove < ASK_AGAIN_MS) return;
    known.askedAboutMove = clock.now();
    const info = await oauth.appInfo(token).catch(() => undefined);
    const { host } = new URL(endpoint);
    const confirmed = info !== undefined && plainHost(info.domain) === plainHost(host);
    log.warn('portal.moved', { portalId, confirmed });
    if (!confirmed) return;
    const data = { clientEndpoint: endpoint, domain: plainHost(host) };
    await db.prisma.portal.update({ where: { id: portalId, memberId: info.memberId }, data });
    known.tokens.forget();
  }

  function of(portalId: string, token: () => Promise<void>, signal?: AbortSignal): Call {
    const { tokens, budget } = knownOf(portalId);
    return createPortalCall({
      client: deps.client,
      tokens,
      budget,
      beforeCall: token,
      onMoved: (endpoint, accessToken) => moved(portalId, endpoint, accessToken),
      portalId,
      ...(signal === undefined ? {} : { signal }),
    });
  }

  function packed(portalId: string, { token, party }: Pick<Run, 'token' | 'party'>): Call {
    const single = of(portalId, token);
    if (!party) return single;
    const send = async (commands: Command[]): Promise<Outcome[]> => {
      const [only] = commands;
      if (!only || commands.length > 1) return runBatch(single, commands, { clock: deps.clock });
      return [{ ok: true, result: await single(only.method, only.params, { repeatable: only.repeatable }) }];
    };
    return async (method, params, { repeatable = false } = {}) => {
      if (!repeatable) return single(method, params);
      const outcome = await party.share({ method, params, repeatable }, send);
      if (!outcome.ok) throw outcome.failure;
      return outcome.result;
    };
  }

  return {
    of: (portalId, token) => of(portalId, token),
    packed,
    async live(portalId, { evenBlocked = false, signal } = {}) {
      const portal = await deps.db.prisma.portal.findUnique({ where: { id: portalId } });
      if (!portal) throw new RequestError('not_found', 'There is no such portal');
      const patience = { maxWaitMs: 10_000, evenBlocked, ...(signal === undefined ? {} : { signal }) };
      return of(portalId, () => deps.gate.take(portal.gateId.toString(), patience), signal);
    },
    forget(portalId) {
      portals.get(portalId)?.tokens.forget();
    },
  };
}
