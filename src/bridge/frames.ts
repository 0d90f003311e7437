import type { Client } from '../bitrix24/client.ts';
import type { FormValue } from '../bitrix24/events.ts';
import {
  readFrame,
  readInstallEvent,
  type VerifiedInstall,
  verifyInstall,
  type VerifyDeps,
} from '../bitrix24/installation.ts';
import { currentUser } from '../bitrix24/users.ts';
import type { Database } from '../db/database.ts';
import { DeliveryError, RequestError } from '../kit/errors.ts';
import { hashSecret, sameSecret } from '../kit/secrets.ts';
import type { Installation } from './installation.ts';

/** Installations and pages as they come from outside: verified at the OAuth server, then stored. */

export interface FrameDeps {
  db: Database;
  client: Client;
  installation: Installation;
  verify: VerifyDeps;
}

export interface OpenedFrame {
  /** Absent: an employee's visit to a portal that has not installed the application. */
  portalId?: string;
  origin: string;
  admin: boolean;
  needsFinish: boolean;
  connector?: string;
  line?: string;
}

/**
 * ONAPPINSTALL and ONAPPUPDATE. The token proves a user of the portal, and every employee who may open the application
 * has one: only an administrator's installs, or the event has to carry the application token we know.
 * @throws RequestError unverified_origin
 */
export async function installByEvent(deps: FrameDeps, form: FormValue, requestId: string): Promise<void> {
  const install = await verifyInstall(readInstallEvent(form), deps.verify);
  const known = await deps.db.prisma.portal.findUnique({ where: { memberId: install.memberId } });
  const trusted = known?.applicationTokenHash ?? '';
  const isOurs = trusted !== '' && sameSecret(hashSecret(install.applicationToken ?? ''), trusted);
  if (!isOurs && (await adminOrUnknown(deps.client, install)) === 'no') throw new RequestError('unverified_origin');
  await deps.installation.store(install, requestId);
}

/** A portal that cannot tell (it lacks the method) is believed: nobody else could install there either. */
async function adminOrUnknown(client: Client, install: VerifiedInstall): Promise<'yes' | 'no' | 'unknown'> {
  try {
    return (await isAdmin(client, install)) ? 'yes' : 'no';
  } catch (error) {
    if (error instanceof DeliveryError && error.verdict === 'refused') return 'unknown';
    throw error;
  }
}

/**
 * A page opened inside a portal. An administrator's visit installs the portal where that has not happened yet, and
 * brings a fresh grant where it has; an employee's changes nothing.
 */
export async function openFrame(
  deps: FrameDeps,
  query: FormValue,
  body: FormValue,
  requestId: string,
): Promise<OpenedFrame> {
  const claim = readFrame(query, body);
  const install = await verifyInstall(claim, deps.verify);
  const admin = await isAdmin(deps.client, install);
  const portalId = admin
    ? await storeAdmin(deps, install, requestId)
    : await installedPortal(deps.db, install.memberId);
  const { CONNECTOR, LINE } = claim.placementOptions;
  return {
    ...(portalId === undefined ? {} : { portalId }),
    origin: new URL(install.clientEndpoint).origin,
    admin,
    needsFinish: !install.installed,
    ...(typeof CONNECTOR === 'string' ? { connector: CONNECTOR } : {}),
    ...(typeof LINE === 'string' || typeof LINE === 'number' ? { line: String(LINE) } : {}),
  };
}

/** Opening the page again and again must not wire the portal again and again. */
async function storeAdmin(deps: FrameDeps, install: VerifiedInstall, requestId: string): Promise<string> {
  const known = await deps.db.prisma.portal.findUnique({ where: { memberId: install.memberId } });
  if (!known || known.uninstalledAt || isAnotherVersion(known, install)) {
    return (await deps.installation.store(install, requestId)).portalId;
  }
  await deps.installation.addGrant(known.id, install);
  return known.id;
}

/** A new version drops the bindings and may bring another application token, and its event may be lost (platform §1.4). */
function isAnotherVersion(
  known: { appVersion: string | null; applicationTokenHash: string | null },
  { version, applicationToken }: VerifiedInstall,
): boolean {
  if (applicationToken !== undefined && hashSecret(applicationToken) !== known.applicationTokenHash) return true;
  return version !== known.appVersion;
}

async function installedPortal(db: Database, memberId: string): Promise<string | undefined> {
  const portal = await db.prisma.portal.findUnique({ where: { memberId, uninstalledAt: null } });
  return portal?.id;
}

/** Asked with the visitor's own token, at the address the OAuth server confirmed. */
async function isAdmin(client: Client, install: VerifiedInstall): Promise<boolean> {
  const { clientEndpoint: endpoint, accessToken: token } = install;
  const call = async (method: string, params: Readonly<Record<string, unknown>>): Promise<unknown> =>
    (await client.post({ endpoint, token, method, params, repeatable: true })).result;
  return (await currentUser(call)).admin;
}
