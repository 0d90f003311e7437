import { randomBytes } from 'node:crypto';
import { portalDomain, serverEndpoint } from '../address.ts';
import type { Portal } from '../hit.ts';
import type { ApplicationRow } from '../oauth/applications.ts';
import { ACCESS_SECONDS, issueAccess, issueRefresh } from '../oauth/tokens.ts';
import { buildQuery } from '../php/query.ts';
import { refuse } from '../refusal.ts';
import { installationOf } from './installations.ts';

export interface OpenPage {
  readonly userId: number;
  /** DEFAULT is the main page. */
  readonly placement?: string;
  /** Absent: the page of the application. */
  readonly url?: string;
  readonly options?: Readonly<Record<string, unknown>>;
}

/** A form a browser would post into a frame. */
export interface FrameForm {
  /** With the query string of the portal. */
  readonly action: string;
  readonly fields: Readonly<Record<string, string>>;
}

/** Opens a page of the application for an employee (contract platform §1.3). Tokens are of that employee. */
export function openPage(portal: Portal, application: ApplicationRow, page: OpenPage): FrameForm {
  const { clientId } = application;
  const installation = installationOf(portal, portal.memberId, clientId);
  if (!installation?.active) refuse('APPLICATION_NOT_FOUND', 'Application not found', { status: 404 });
  const grant = { clientId, memberId: portal.memberId, userId: page.userId };
  const row = portal.row();
  const query = {
    DOMAIN: portalDomain(row),
    PROTOCOL: 0,
    LANG: row.language,
    APP_SID: randomBytes(16).toString('hex'),
  };
  const url = page.url ?? application.pageUrl;
  return {
    action: `${url}${url.includes('?') ? '&' : '?'}${buildQuery(query)}`,
    fields: {
      AUTH_ID: issueAccess(portal, grant).token,
      AUTH_EXPIRES: String(ACCESS_SECONDS),
      REFRESH_ID: issueRefresh(portal, grant).token,
      SERVER_ENDPOINT: serverEndpoint(portal.oauthUrl()),
      APPLICATION_TOKEN: installation.applicationToken,
      APPLICATION_SCOPE: installation.scopes.join(','),
      member_id: portal.memberId,
      status: installation.status,
      PLACEMENT: page.placement ?? 'DEFAULT',
      PLACEMENT_OPTIONS: JSON.stringify(page.options ?? { any: '' }),
    },
  };
}
