import type { Call } from './portalApi.ts';
import { asFields, asFlag, asText, needId } from './wire.ts';

/** Whose rights the calls have (`profile`): needs no scope. `admin` is absent where the portal does not tell. @throws DeliveryError */
export async function currentUser(call: Call): Promise<{ id: string; admin?: boolean }> {
  const profile = asFields(await call('profile', {}, { repeatable: true }));
  const id = needId(profile.ID, 'profile', { repeatable: true });
  return 'ADMIN' in profile ? { id, admin: asFlag(profile.ADMIN) } : { id };
}

/** What the portal says about us. Proves nothing about its identity: it has no member_id (contract platform §1.6). */
export async function appInfo(call: Call): Promise<{ license: string; installed: boolean; version: string }> {
  const info = asFields(await call('app.info', {}, { repeatable: true }));
  return { license: asText(info.LICENSE), installed: asFlag(info.INSTALLED), version: asText(info.VERSION) };
}
