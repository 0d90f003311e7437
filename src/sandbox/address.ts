import type { PortalRow } from './portalRow.ts';

export function portalUrl(row: PortalRow): string {
  return `http://127.0.0.1:${row.port}`;
}

/** Host of the portal as users and events name it; it carries the port here. */
export function portalDomain(row: PortalRow): string {
  return `127.0.0.1:${row.port}`;
}

export function clientEndpoint(row: PortalRow): string {
  return `${portalUrl(row)}/rest/`;
}

export function serverEndpoint(oauthUrl: string): string {
  return `${oauthUrl}/rest/`;
}
