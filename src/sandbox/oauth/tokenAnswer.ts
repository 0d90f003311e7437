import { clientEndpoint, serverEndpoint } from '../address.ts';
import { unixSeconds } from '../clock.ts';
import type { InstallationRow } from '../install/installations.ts';
import type { PortalRow } from '../portalRow.ts';
import { ACCESS_SECONDS, issueAccess, issueRefresh, type Grant, type Shared } from './tokens.ts';

/** A new pair as the OAuth server answers it; `domain` is its own here (contract platform §2.2). */
export function tokenAnswer(
  shared: Shared & { oauthUrl(): string },
  grant: Grant,
  portal: PortalRow,
  installation: InstallationRow,
) {
  return {
    access_token: issueAccess(shared, grant).token,
    expires: unixSeconds(shared.clock) + ACCESS_SECONDS,
    expires_in: ACCESS_SECONDS,
    scope: installation.scopes.join(','),
    domain: new URL(shared.oauthUrl()).host,
    server_endpoint: serverEndpoint(shared.oauthUrl()),
    status: installation.status,
    client_endpoint: clientEndpoint(portal),
    member_id: grant.memberId,
    user_id: grant.userId,
    refresh_token: issueRefresh(shared, grant).token,
  };
}
