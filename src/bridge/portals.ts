import { type Command, type Outcome, runBatch } from '../bitrix24/batch.ts';
import type { Client } from '../bitrix24/client.ts';
import type { OAuth, TokenPair } from '../bitrix24/oauth.ts';
import { type Call, createPortalCall } from '../bitrix24/portalApi.ts';
import { type Grant as OpenGrant, type GrantStore, type Tokens, createTokens } from '../bitrix24/tokens.ts';
import type { Database } from '../db/database.ts';
import type { Clock } from '../kit/clock.ts';
import { DeliveryError, RequestError } from '../kit/errors.ts';
import type { Logger } from '../kit/logger.ts';
import type { Vault } from '../kit/secrets.ts';
import type { Gate } from '../outbox/gate.ts';
import type { Run } from '../outbox/job.ts';

/** Calls to portals, with the right tokens and paid at the right gate. */
export interface PortalCalls {
  /** `token` is awaited before every request: the place to pay at the portal's gate. */
  of(portalId: string, token: () => Promise<void>): Call;
  /** For bulk work: what jobs that run together ask for goes out as one batch. What must not be repeated goes alone. */
  packed(portalId: string, run: Pick<Run, 'token' | 'party'>): Call;
  /** For somebody who waits for the answer: pays at the gate itself. @throws RequestError not_found */
  live(portalId: string): Promise<Call>;
  /** Drops cached tokens, after another grant was stored. */
  forget(portalId: string): void;
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

export function createPortalCalls(deps: PortalDeps): PortalCalls {
  const tokens = new Map<string, Tokens>();

  function tokensOf(portalId: string): Tokens {
    let own = tokens.get(portalId);
    if (!own) {
      own = createTokens({ oauth: deps.oauth, clock: deps.clock, store: grantStore(portalId, deps) });
      tokens.set(portalId, own);
    }
    return own;
  }

  function of(portalId: string, token: () => Promise<void>): Call {
    return createPortalCall({
      client: deps.client,
      tokens: tokensOf(portalId),
      beforeCall: token,
      onAnswer: ({ movedTo }) => {
        // Only the OAuth server's word changes the stored address; a redirect may come from anybody on the way.
        if (movedTo) deps.log.warn('portal.moved', { portalId });
      },
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
    of,
    packed,
    async live(portalId) {
      const portal = await deps.db.prisma.portal.findUnique({ where: { id: portalId } });
      if (!portal) throw new RequestError('not_found', 'There is no such portal');
      return of(portalId, () => deps.gate.take(portal.gateId.toString(), { maxWaitMs: 10_000 }));
    },
    forget(portalId) {
      tokens.get(portalId)?.forget();
    },
  };
}

interface GrantRow {
  id: string;
  access: string;
  refresh: string;
  expiresAt: Date;
  endpoint: string;
  serverEndpoint: string;
}

/** The usable grants of a portal, the installer's first; others are the reserve. $1 portal. */
const USABLE_GRANT = `
select g.id::text as id, g.access_token as access, g.refresh_token as refresh, g.expires_at as "expiresAt",
  p.client_endpoint as endpoint, p.server_endpoint as "serverEndpoint"
from "grant" g join portal p on p.id = g.portal_id
where g.portal_id = $1::uuid and g.lost_reason is null and p.uninstalled_at is null
order by g.created_at limit 1`;

/** The grant of one portal in PostgreSQL; the row lock makes its renewal single flight across processes. */
function grantStore(portalId: string, { db, vault, clock, log }: PortalDeps): GrantStore {
  function open(row: GrantRow | undefined): OpenGrant {
    if (!row) {
      throw new DeliveryError({
        verdict: 'blocked',
        code: 'no_grant',
        detail: 'no usable authorisation is left: an administrator has to open the application on the portal',
      });
    }
    return {
      accessToken: vault.decrypt(row.access),
      refreshToken: vault.decrypt(row.refresh),
      expiresAt: row.expiresAt.getTime(),
      endpoint: row.endpoint,
      serverEndpoint: row.serverEndpoint,
    };
  }

  return {
    async read() {
      return open((await db.sql.rows<GrantRow>(USABLE_GRANT, portalId))[0]);
    },
    exclusively: (work) =>
      db.transaction(async ({ sql, prisma }) => {
        const [row] = await sql.rows<GrantRow>(`${USABLE_GRANT} for update of g`, portalId);
        const grant = open(row);
        return work(grant, async (pair: TokenPair) => {
          await prisma.grant.update({
            where: { id: row?.id ?? '' },
            data: {
              accessToken: vault.encrypt(pair.accessToken),
              refreshToken: vault.encrypt(pair.refreshToken),
              expiresAt: new Date(pair.expiresAt),
              refreshedAt: new Date(clock.now()),
            },
          });
          // The OAuth server's word is the one that may move a portal (contract platform §2.7).
          await prisma.portal.update({ where: { id: portalId }, data: addressOf(pair) });
        });
      }),
    async lost(reason) {
      const [row] = await db.sql.rows<GrantRow>(USABLE_GRANT, portalId);
      if (!row) return;
      await db.prisma.grant.update({ where: { id: row.id }, data: { lostReason: reason } });
      log.warn('grant.lost', { portalId, reason });
    },
  };
}

const addressOf = (pair: TokenPair): { clientEndpoint?: string; domain?: string } =>
  pair.clientEndpoint ? { clientEndpoint: pair.clientEndpoint, domain: new URL(pair.clientEndpoint).host } : {};
