import type { TokenPair } from '../bitrix24/oauth.ts';
import type { Grant, GrantStore } from '../bitrix24/tokens.ts';
import type { Database, Sql, Tx } from '../db/database.ts';
import type { Clock } from '../kit/clock.ts';
import { DeliveryError } from '../kit/errors.ts';
import type { Logger } from '../kit/logger.ts';
import type { Vault } from '../kit/secrets.ts';

/** The rights to call a portal, sealed in PostgreSQL: the installer's, and those of other administrators as reserve. */

export interface GrantDeps {
  db: Database;
  vault: Vault;
  clock: Clock;
  log: Logger;
}

interface GrantRow {
  id: string;
  access: string;
  refresh: string;
  expiresAt: Date;
  endpoint: string;
  serverEndpoint: string;
}

const GRANT = `
select g.id::text as id, g.access_token as access, g.refresh_token as refresh, g.expires_at as "expiresAt",
  p.client_endpoint as endpoint, p.server_endpoint as "serverEndpoint"
from "grant" g join portal p on p.id = g.portal_id`;

/** The usable grants of a portal, the installer's first. $1 portal. */
const USABLE = `${GRANT}
where g.portal_id = $1::uuid and g.lost_reason is null and p.uninstalled_at is null
order by g.user_id is not distinct from p.installer_user_id desc, g.created_at limit 1`;

/** One grant, usable or not. $1 grant. */
const ONE = `${GRANT} where g.id = $1::uuid`;

/** Only while another one is left. $1 grant, $2 why. */
const SET_ASIDE = `
update "grant" g set lost_reason = $2 where g.id = $1::uuid and g.lost_reason is null and exists (
  select 1 from "grant" o where o.portal_id = g.portal_id and o.id <> g.id and o.lost_reason is null)
returning g.id::text as id`;

/** The portal turned these users away; an administrator may have changed that since. */
export const REVERSIBLE_REASONS = ['authorization_error', 'user_access_error'];

/** The row lock makes a renewal single flight across processes. */
export function createGrantStore(portalId: string, deps: GrantDeps): GrantStore {
  const { db, log } = deps;
  const first = async (sql: Sql, lock = ''): Promise<Grant> => {
    const [row] = await sql.rows<GrantRow>(`${USABLE}${lock}`, portalId);
    if (row) return opened(row, deps.vault);
    throw new DeliveryError({
      verdict: 'blocked',
      code: 'no_grant',
      detail: 'no usable authorisation is left: an administrator has to open the application on the portal',
    });
  };

  return {
    read: () => first(db.sql),
    exclusively: (work) =>
      db.transaction(async (tx) => {
        const grant = await first(tx.sql, ' for update of g');
        return work(grant, (pair) => savePair(tx, grant.id, pair, deps));
      }),
    async lost(grant, reason) {
      await db.transaction(async ({ sql, prisma }) => {
        const [row] = await sql.rows<GrantRow>(`${ONE} for update of g`, grant.id);
        // Somebody stored another pair meanwhile: that one may be as good as new.
        if (!row || deps.vault.decrypt(row.refresh) !== grant.refreshToken) return;
        await prisma.grant.update({ where: { id: grant.id }, data: { lostReason: reason } });
        log.warn('grant.lost', { portalId, grantId: grant.id, reason });
      });
    },
    async setAside(grant, reason) {
      const [row] = await db.sql.rows(SET_ASIDE, grant.id, reason);
      if (row) log.warn('grant.setAside', { portalId, grantId: grant.id, reason });
      return row !== undefined;
    },
  };
}

/** Runs `work` with one grant while nobody else renews it; undefined when it is gone. */
export function withGrant<T>(
  grantId: string,
  deps: GrantDeps,
  work: (grant: Grant, save: (pair: TokenPair) => Promise<void>) => Promise<T>,
): Promise<T | undefined> {
  return deps.db.transaction(async (tx) => {
    const [row] = await tx.sql.rows<GrantRow>(`${ONE} for update of g`, grantId);
    if (!row) return undefined;
    return work(opened(row, deps.vault), (pair) => savePair(tx, grantId, pair, deps));
  });
}

function opened(row: GrantRow, vault: Vault): Grant {
  return {
    id: row.id,
    accessToken: vault.decrypt(row.access),
    refreshToken: vault.decrypt(row.refresh),
    expiresAt: row.expiresAt.getTime(),
    endpoint: row.endpoint,
    serverEndpoint: row.serverEndpoint,
  };
}

async function savePair({ prisma }: Tx, grantId: string, pair: TokenPair, { vault, clock }: GrantDeps): Promise<void> {
  const { portalId } = await prisma.grant.update({
    where: { id: grantId },
    data: {
      accessToken: vault.encrypt(pair.accessToken),
      refreshToken: vault.encrypt(pair.refreshToken),
      expiresAt: new Date(pair.expiresAt),
      refreshedAt: new Date(clock.now()),
    },
  });
  // The OAuth server's word is the one that may move a portal (contract platform §2.7).
  await prisma.portal.update({ where: { id: portalId }, data: addressOf(pair) });
}

const addressOf = (pair: TokenPair): { clientEndpoint?: string; domain?: string } =>
  pair.clientEndpoint ? { clientEndpoint: pair.clientEndpoint, domain: new URL(pair.clientEndpoint).host } : {};
