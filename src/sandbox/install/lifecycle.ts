import { randomBytes } from 'node:crypto';
import { dropBindings } from '../events/bindings.ts';
import type { Hit, Portal } from '../hit.ts';
import type { ApplicationRow } from '../oauth/applications.ts';
import { revokeTokens } from '../oauth/tokens.ts';
import { refuse } from '../refusal.ts';
import { users } from '../users.ts';
import { installationOf, putInstallation, type InstallationRow } from './installations.ts';

/**
 * Puts the application on the portal for the acting administrator. A headless one is installed at once and called back;
 * one with a page waits for its installer (contract platform §1.1, §1.4). A re-install keeps the application token.
 */
export function install(hit: Hit, application: ApplicationRow): InstallationRow {
  const { portal } = hit;
  const before = installationOf(portal, portal.memberId, application.clientId);
  // Tokens of an earlier installation stay dead.
  if (before && !before.active) revokeTokens(portal, ofInstallation(before));
  const row = putInstallation(portal, {
    memberId: portal.memberId,
    clientId: application.clientId,
    active: true,
    installed: application.kind === 'headless',
    version: application.version,
    scopes: application.scopes,
    status: application.status,
    applicationToken: before?.applicationToken ?? newApplicationToken(),
    installedBy: adminOf(hit),
    paymentExpired: false,
    deniedUsers: [],
  });
  if (row.installed) raiseInstalled(hit, application);
  return row;
}

/** What installFinish does: only an administrator can, and each time the install event is fired anew. */
export function setInstalled(hit: Hit, application: ApplicationRow): boolean {
  const row = current(hit.portal, application.clientId);
  if (hit.userId === null || !users(hit.portal).get(hit.userId)?.admin) return false;
  putInstallation(hit.portal, { ...row, installed: true });
  raiseInstalled(hit, application);
  return true;
}

/** A new version: bindings of the old one are gone, the application token is new (contract platform §1.4, §1.5). */
export function update(hit: Hit, application: ApplicationRow): InstallationRow {
  const { portal } = hit;
  const before = current(portal, application.clientId);
  const row = putInstallation(portal, {
    ...before,
    installed: application.kind === 'headless',
    version: application.version,
    scopes: application.scopes,
    applicationToken: newApplicationToken(),
  });
  const data = {
    VERSION: row.version,
    PREVIOUS_VERSION: before.version,
    LANGUAGE_ID: portal.row().language,
  };
  raiseLifecycle(hit, application, 'ONAPPUPDATE', data);
  dropBindings(portal, application.clientId);
  return row;
}

/** The paid time ends, or begins again, which the event tells; nothing is sent while it is over (contract platform §1.5). */
export function setPayment(hit: Hit, application: ApplicationRow, expired: boolean): void {
  const row = putInstallation(hit.portal, { ...current(hit.portal, application.clientId), paymentExpired: expired });
  const data = {
    CODE: row.clientId,
    VERSION: row.version,
    STATUS: row.status,
    PAYMENT_EXPIRED: expired ? 'Y' : 'N',
    DAYS: expired ? 0 : 30,
    LANGUAGE_ID: hit.portal.row().language,
  };
  hit.raise({ name: 'ONAPPPAYMENT', data, clientId: row.clientId, userId: null });
}

export interface UninstallOptions {
  /** The administrator ticked the option to remove the data too. */
  readonly clean?: boolean;
  /** Removes what the application left behind in other parts of the portal. */
  readonly cleanUp: (portal: Portal, clientId: string) => void;
}

/**
 * Tokens are dead before the event arrives, so it carries none (contract platform §1.5). They stay known: the portal answers
 * APPLICATION_NOT_FOUND to them, the OAuth server invalid_client (contract platform §2.3, §3.4).
 */
export function uninstall(hit: Hit, application: ApplicationRow, { clean = false, cleanUp }: UninstallOptions): void {
  const { portal } = hit;
  const row = current(portal, application.clientId);
  const data = { LANGUAGE_ID: portal.row().language, CLEAN: clean ? 1 : 0 };
  hit.raise({ name: 'ONAPPUNINSTALL', data, clientId: row.clientId, userId: null });
  cleanUp(portal, row.clientId);
  dropBindings(portal, row.clientId);
  putInstallation(portal, { ...row, active: false, installed: false });
}

function ofInstallation(row: InstallationRow) {
  return (grant: { memberId: string; clientId: string }) =>
    grant.memberId === row.memberId && grant.clientId === row.clientId;
}

function raiseInstalled(hit: Hit, application: ApplicationRow): void {
  const row = current(hit.portal, application.clientId);
  const data = {
    VERSION: row.version,
    ACTIVE: row.active ? 'Y' : 'N',
    INSTALLED: row.installed ? 'Y' : 'N',
    LANGUAGE_ID: hit.portal.row().language,
  };
  raiseLifecycle(hit, application, 'ONAPPINSTALL', data);
}

/** To the handlers bound, and to the call-back of a headless application, which needs no binding. */
function raiseLifecycle(hit: Hit, application: ApplicationRow, name: string, data: unknown): void {
  const { clientId, kind, eventsUrl } = application;
  if (kind === 'headless') hit.raise({ name, data, clientId, handlerUrl: eventsUrl });
  hit.raise({ name, data, clientId, ...(kind === 'headless' ? { exceptUrl: eventsUrl } : {}) });
}

function current(portal: Portal, clientId: string): InstallationRow {
  const row = installationOf(portal, portal.memberId, clientId);
  if (!row) refuse('APPLICATION_NOT_FOUND', 'Application not found', { status: 404 });
  return row;
}

function adminOf(hit: Hit): number {
  const user = hit.userId === null ? undefined : users(hit.portal).get(hit.userId);
  if (!user?.admin) refuse('ACCESS_DENIED', 'Only an administrator installs applications', { status: 403 });
  return user.id;
}

function newApplicationToken(): string {
  return randomBytes(16).toString('hex');
}
