import type { OAuth } from '../bitrix24/oauth.ts';
import { hasCode } from '../bitrix24/wire.ts';
import type { Handler, OutboxTx } from '../outbox/job.ts';
import { type GrantDeps, withGrant } from './grants.ts';
import * as jobs from './jobs.ts';

/** Rows of the portal are locked, so that an installation at the same moment comes before or after. $1 portal, $2 when. */
const STILL_UNINSTALLED = `
select id::text as id from portal where id = $1::uuid and uninstalled_at = $2::timestamptz for update`;

type Life = 'alive' | 'dead' | 'unknown';

/**
 * ONAPPUNINSTALL is proven by the application token alone, which every employee can read in the page of the
 * application (contract platform §1.6). Whoever may still renew a token has not lost the application: then the event was
 * forged, and the portal is opened again. Otherwise the secrets are deleted; mappings stay for another installation.
 */
export function createUninstallConfirmation(deps: GrantDeps & { oauth: OAuth }): Handler {
  const { db, oauth, log } = deps;

  async function lifeOf(grantId: string): Promise<Life> {
    const life = await withGrant(grantId, deps, async (grant, save): Promise<Life> => {
      try {
        await save(await oauth.refresh(grant.refreshToken, grant.serverEndpoint));
        return 'alive';
      } catch (error) {
        if (hasCode(error, 'invalid_client', 'invalid_grant')) return 'dead';
        if (hasCode(error, 'PAYMENT_REQUIRED')) return 'alive';
        // The verdict blocks a portal; here it would block the work of everybody.
        if (hasCode(error, 'invalid_request', 'invalid_scope', 'insufficient_scope')) return 'unknown';
        throw error;
      }
    });
    return life ?? 'dead';
  }

  async function lifeOfAll(portalId: string): Promise<Life> {
    const grants = await db.prisma.grant.findMany({ where: { portalId }, select: { id: true } });
    const lives: Life[] = [];
    for (const { id } of grants) lives.push(await lifeOf(id));
    return lives.find((life) => life === 'alive') ?? lives.find((life) => life === 'unknown') ?? 'dead';
  }

  async function reinstate(tx: OutboxTx, portalId: string, requestId: string | undefined): Promise<void> {
    const portal = await tx.prisma.portal.update({ where: { id: portalId }, data: { uninstalledAt: null } });
    const open = { blockedUntil: null, blockedReason: null };
    await tx.prisma.gate.update({ where: { id: portal.gateId }, data: open });
    const job = { gateId: portal.gateId.toString(), portalId, ...(requestId === undefined ? {} : { requestId }) };
    await tx.enqueue([jobs.checkPortal({ ...job, payload: { portalId } })]);
  }

  return {
    async run(job) {
      const portalId = job.payload.portalId ?? '';
      const portal = await db.prisma.portal.findUnique({ where: { id: portalId } });
      if (!portal?.uninstalledAt) return { outcome: 'done' };
      const { uninstalledAt } = portal;
      const life = await lifeOfAll(portalId);
      return {
        outcome: 'done',
        async commit(tx) {
          const [row] = await tx.sql.rows(STILL_UNINSTALLED, portalId, uninstalledAt);
          if (!row) return;
          log.warn('portal.uninstallChecked', { portalId, life, requestId: job.requestId });
          if (life === 'alive') return reinstate(tx, portalId, job.requestId);
          if (life === 'dead') await erase(tx, portalId);
        },
      };
    },
  };

  async function erase({ prisma }: OutboxTx, portalId: string): Promise<void> {
    await prisma.grant.deleteMany({ where: { portalId } });
    await prisma.portal.update({ where: { id: portalId }, data: { applicationTokenHash: null } });
  }
}
