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
import { hashSecret, sameSecret, type Vault } from '../kit/secrets.ts';
import type { Handler } from '../outbox/job.ts';
import type { Outbox } from '../outbox/outbox.ts';
import type { Installation } from './installation.ts';
import * as jobs from './jobs.ts';

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

/**
 * The same for the door: what cannot be verified at this moment is kept, sealed, and verified by a job. Bitrix24 never
 * repeats an event, so an installation must not be lost to a hiccup of the OAuth server.
 */
export async function acceptInstallEvent(
  deps: FrameDeps & { outbox: Outbox; vault: Vault; localGateId: string },
  form: FormValue,
  requestId: string,
): Promise<void> {
  try {
    await installByEvent(deps, form, requestId);
  } catch (error) {
    if (!(error instanceof DeliveryError) || error.verdict === 'refused') throw error;
    const payload = { sealed: deps.vault.encrypt(JSON.stringify(form)) };
    await deps.outbox.enqueue([jobs.verifyInstall({ gateId: deps.localGateId, requestId, payload })]);
  }
}

/** Verifies what the door could not. Nothing here may close the gate it runs behind: that one is everybody's. */
export function createInstallVerification(deps: FrameDeps & { vault: Vault }): Handler {
  return {
    async run(job) {
      const form = JSON.parse(deps.vault.decrypt(job.payload.sealed ?? '')) as FormValue;
      try {
        await installByEvent(deps, form, job.requestId ?? job.id);
        return { outcome: 'done' };
      } catch (error) {
        if (error instanceof RequestError) {
          throw new DeliveryError({ verdict: 'refused', code: error.code, detail: error.message });
        }
        if (!(error instanceof DeliveryError) || error.verdict === 'refused') throw error;
        throw new DeliveryError({ verdict: 'retry', code: error.code, detail: error.message, cause: error });
      }
    },
  };
}

/** A portal that cannot tell (it lacks the method, or the answer) is believed: nobody else could install there either. */
async function adminOrUnknown(client: Client, install: VerifiedInstall): Promise<'yes' | 'no' | 'unknown'> {
  try {
    const admin = await askIsAdmin(client, install);
    return admin === undefined ? 'unknown' : admin ? 'yes' : 'no';
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
  const admin = (await askIsAdmin(deps.client, install)) === true;
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
async function askIsAdmin(client: Client, install: VerifiedInstall): Promise<boolean | undefined> {
  const { clientEndpoint: endpoint, accessToken: token } = install;
  const call = async (method: string, params: Readonly<Record<string, unknown>>): Promise<unknown> =>
    (await client.post({ endpoint, token, method, params, repeatable: true })).result;
  return (await currentUser(call)).admin;
}
