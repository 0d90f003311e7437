import { connectors } from '../../openlines/connectors.ts';
import { deleteStatus, isConfigured, isUsable, putStatus, statusOf } from '../../openlines/statuses.ts';
import { isEmpty, phpArray, toInt, toText, upperKeys, type Params } from '../../php/values.ts';
import { refuse } from '../../refusal.ts';
import type { Method, MethodCall } from '../method.ts';
import { CONNECTOR_SCOPES } from '../scopes.ts';
import { requireArray, requireProvider, requireSet } from './arguments.ts';

const common = { scopes: CONNECTOR_SCOPES, applicationOnly: true };

export const statusMethods: readonly Method[] = [
  { name: 'imconnector.activate', ...common, run: activate },
  { name: 'imconnector.status', ...common, run: status },
  { name: 'imconnector.connector.data.set', ...common, run: setData },
  { name: 'imconnector.set.error', ...common, run: setError },
  { name: 'imconnector.list', scopes: CONNECTOR_SCOPES, run: list },
];

/** Any non-empty ACTIVE switches on, "N" included; nobody checks that connector or line exist (contract imconnector §3.2). */
function activate(call: MethodCall): true {
  const params = requireSet(call, ['CONNECTOR', 'LINE', 'ACTIVE']);
  const connector = toText(params.CONNECTOR);
  const line = toInt(params.LINE);
  if (isEmpty(params.ACTIVE)) {
    deleteStatus(call, connector, line);
    return true;
  }
  const current = statusOf(call.portal, connector, line);
  putStatus(call.portal, { ...current, active: true, connection: true, register: true, error: false });
  return true;
}

function status(call: MethodCall) {
  const params = requireSet(call, ['CONNECTOR']);
  const row = statusOf(call.portal, toText(params.CONNECTOR), toInt(params.LINE));
  return {
    LINE: row.line,
    CONNECTOR: row.connector,
    ERROR: row.error,
    CONFIGURED: isConfigured(row),
    STATUS: isUsable(row),
  };
}

const DATA_KEYS = ['ID', 'URL', 'URL_IM', 'NAME'];

/** Merged, only values that are not empty, so nothing can be cleared (contract imconnector §3.4). */
function setData(call: MethodCall): true {
  const params = requireSet(call, ['CONNECTOR', 'LINE', 'DATA']);
  const sent = upperKeys(requireArray(params.DATA, 'DATA'));
  const row = statusOf(call.portal, toText(params.CONNECTOR), toInt(params.LINE));
  const known: Params = Object.fromEntries(
    DATA_KEYS.filter((key) => !isEmpty(sent[key])).map((key) => [key, sent[key]]),
  );
  putStatus(call.portal, { ...row, data: { ...row.data, ...known } });
  return true;
}

/** Saved at once, and silently: the application gets no event (contract imconnector §3.12). */
function setError(call: MethodCall) {
  const params = requireSet(call, ['CONNECTOR', 'LINE']);
  requireProvider(call, params.CONNECTOR);
  const row = statusOf(call.portal, toText(params.CONNECTOR), toInt(params.LINE));
  putStatus(call.portal, { ...row, error: true });
  return { SUCCESS: true, DATA: [] };
}

/** A wrapped exception makes wrong authorisation look different here (contract imconnector §1.4). */
function list(call: MethodCall): unknown {
  if (!call.application) refuse('ERROR_CORE', 'Current authorization type is denied for this method');
  if (!call.user.admin) refuse('ACCESS_DENIED', 'You do not have permission to view connectors');
  const own = connectors(call.portal).values();
  return phpArray([['livechat', 'Live Chat'], ...own.map((row) => [row.id, row.name] as const)]);
}
