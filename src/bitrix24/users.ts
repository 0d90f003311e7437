import type { Call } from './portalApi.ts';
import { asFields, asFlag, asList, asText, needId } from './wire.ts';

/** Whose rights the calls have (`profile`): needs no scope. `admin` is absent where the portal does not tell. @throws DeliveryError */
export async function currentUser(call: Call): Promise<{ id: string; admin?: boolean }> {
  const profile = asFields(await call('profile', {}, { repeatable: true }));
  const id = needId(profile.ID, 'profile', { repeatable: true });
  return 'ADMIN' in profile ? { id, admin: asFlag(profile.ADMIN) } : { id };
}

/** What the portal says about us. Proves nothing about its identity: it has no member_id (contract platform §1.6). */
export async function appInfo(call: Call): Promise<AppState> {
  const info = asFields(await call('app.info', {}, { repeatable: true }));
  return {
    license: asText(info.LICENSE),
    installed: asFlag(info.INSTALLED),
    paid: !asFlag(info.PAYMENT_EXPIRED),
    version: asText(info.VERSION),
  };
}

export interface AppState {
  license: string;
  /** False until an administrator has finished the installation: no events, and nothing for employees. */
  installed: boolean;
  paid: boolean;
  version: string;
}

/** The permissions an application has to ask for, so that everything works (contract imconnector §1.4). */
export const NEEDED_SCOPES = ['imconnector', 'imopenlines', 'imbot'];

export const missingScopes = (granted: readonly string[]): string[] =>
  NEEDED_SCOPES.filter((scope) => !granted.includes(scope));

/** What the application may use on this portal; needs no scope. */
export const grantedScopes = async (call: Call): Promise<string[]> =>
  asList(await call('scope', {}, { repeatable: true })).map(asText);

/** The clock of the portal, milliseconds since the epoch; undefined where it does not tell. */
export async function serverTime(call: Call): Promise<number | undefined> {
  const at = Date.parse(asText(await call('server.time', {}, { repeatable: true })));
  return Number.isNaN(at) ? undefined : at;
}
