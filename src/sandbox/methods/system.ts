import { isoSeconds } from '../clock.ts';
import { installationOf } from '../install/installations.ts';
import { isEmpty, toText, upperKeys } from '../php/values.ts';
import { refuse } from '../refusal.ts';
import type { Method, MethodCall } from './method.ts';
import { ALL_SCOPES } from './scopes.ts';

/** Methods of the platform itself; none of them needs a scope. */
export const systemMethods: readonly Method[] = [
  { name: 'app.info', run: appInfo },
  { name: 'scope', run: scope },
  { name: 'feature.get', run: feature },
  { name: 'server.time', run: (call) => isoSeconds(call.portal.clock.now()) },
];

/** The portal's own answer: neither member_id nor client_id is in it (contract platform §1.6). */
function appInfo({ portal, application }: MethodCall) {
  const licence = portal.row().plan === 'enterprise' ? 'ent' : 'pro';
  const language = portal.row().language;
  const common = { LANGUAGE_ID: language, LICENSE: `${language}_${licence}100`, LICENSE_FAMILY: licence };
  const installation = application && installationOf(portal, portal.memberId, application.clientId);
  if (!installation) return { SCOPE: [], ...common };
  return {
    ID: 1,
    CODE: application.clientId,
    VERSION: installation.version,
    STATUS: installation.status,
    INSTALLED: installation.installed,
    PAYMENT_EXPIRED: installation.paymentExpired ? 'Y' : 'N',
    DAYS: null,
    ...common,
  };
}

function scope({ portal, application, params }: MethodCall): unknown {
  if (!isEmpty(upperKeys(params).FULL)) return ALL_SCOPES;
  return (application && installationOf(portal, portal.memberId, application.clientId)?.scopes) ?? [];
}

function feature({ params, portal }: MethodCall) {
  const code = toText(upperKeys(params).CODE);
  if (code === '') refuse('ERROR_ARGUMENT', 'CODE is required');
  return { value: code === 'rest_offline_extended' && portal.row().plan === 'enterprise' ? 'Y' : 'N' };
}
