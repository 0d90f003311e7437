import { clientEndpoint, portalDomain, serverEndpoint } from '../address.ts';
import { unixSeconds } from '../clock.ts';
import type { Portal } from '../hit.ts';
import { type InstallationRow } from '../install/installations.ts';
import { ACCESS_SECONDS, eventAccess, issueAccess, issueRefresh, type Grant } from '../oauth/tokens.ts';
import type { Params } from '../php/values.ts';

const LIFECYCLE = new Set(['ONAPPINSTALL', 'ONAPPUPDATE', 'ONAPPUNINSTALL']);
/** Only these carry a refresh token (contract platform §1.5, §5.3). */
const WITH_REFRESH = new Set(['ONAPPINSTALL', 'ONAPPUPDATE', 'ONAPPTEST']);

/** Events about the installation itself do not wait for it to be finished. */
export function isLifecycle(event: string): boolean {
  return LIFECYCLE.has(event);
}

/** The `auth` block of an event (contract platform §1.5, §5.3). */
export function eventAuth(
  portal: Portal,
  event: string,
  installation: InstallationRow,
  userId: number | null,
  hopsLeft: number,
): Params {
  const row = portal.row();
  const origin = {
    domain: portalDomain(row),
    client_endpoint: clientEndpoint(row),
    server_endpoint: serverEndpoint(portal.oauthUrl()),
    member_id: portal.memberId,
    application_token: installation.applicationToken,
  };
  if (userId === null) return origin;
  const grant: Grant = { clientId: installation.clientId, memberId: portal.memberId, userId };
  // The pair of an installation is an ordinary one, not part of a chain.
  const access = isLifecycle(event) ? issueAccess(portal, grant) : eventAccess(portal, grant, hopsLeft);
  return {
    access_token: access.token,
    expires: Math.floor(access.expiresAt / 1000),
    expires_in: Math.min(ACCESS_SECONDS, Math.floor(access.expiresAt / 1000) - unixSeconds(portal.clock)),
    scope: installation.scopes.join(','),
    status: installation.status,
    user_id: userId,
    ...origin,
    ...(WITH_REFRESH.has(event) ? { refresh_token: issueRefresh(portal, grant).token } : {}),
  };
}
