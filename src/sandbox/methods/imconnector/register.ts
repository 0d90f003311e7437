import { connectors, FLAG_DEFAULTS, type ConnectorFlag, type ConnectorRow } from '../../openlines/connectors.ts';
import { unregisterConnector } from '../../openlines/remove.ts';
import { foldKeysDeep, isArray, isEmpty, toText, type Params } from '../../php/values.ts';
import { applicationOf, type Method, type MethodCall } from '../method.ts';
import { placements, putPlacement } from '../../placements.ts';
import { CONNECTOR_SCOPES } from '../scopes.ts';

const MAX_LENGTH = 255;
const YES = new Set<unknown>([true, 1, '1', 'true', 'Y']);
const NO = new Set<unknown>([false, 0, '0', 'false', 'N']);

export const registerMethods: readonly Method[] = [
  { name: 'imconnector.register', scopes: CONNECTOR_SCOPES, applicationOnly: true, run: register },
  { name: 'imconnector.unregister', scopes: CONNECTOR_SCOPES, applicationOnly: true, run: unregister },
];

/** A failure is HTTP 200 with `error` at the top (contract imconnector §0.1). */
function failed(error: string, text: string) {
  return { result: false, error, error_description: text };
}

function upperDeep(call: MethodCall): Params {
  return foldKeysDeep(call.params, (key) => key.toUpperCase()) as Params;
}

function register(call: MethodCall) {
  const params = upperDeep(call);
  const id = toText(params.ID).toLowerCase();
  const icon = isArray(params.ICON) ? params.ICON : {};
  if (id.includes('.'))
    return failed('APPLICATION_REGISTRATION_ERROR_POINT', 'The connector ID cannot contain a point');
  if (isEmpty(id)) return failed('CONNECTOR_ID_REQUIRED', 'The connector ID is required');
  if (isEmpty(params.NAME)) return failed('NAME_REQUIRED', 'The connector name is required');
  if (isEmpty(icon.DATA_IMAGE)) return failed('ICON_REQUIRED', 'The connector icon is required');
  if (isEmpty(params.PLACEMENT_HANDLER)) return failed('NO_PLACEMENT_HANDLER', 'The placement handler is required');
  const row = connectorRow(call, id, icon, params);
  if (!row) return failed('APPLICATION_REGISTRATION_ERROR', 'Error registering the application');
  connectors(call.portal).put(id, row);
  return { result: true };
}

/** An existing id is updated, and taken over from whoever owned it; flags not sent stay (contract imconnector §3.1). */
function connectorRow(call: MethodCall, id: string, icon: Params, params: Params): ConnectorRow | undefined {
  const current = connectors(call.portal).get(id);
  const flags = flagsOf(params, current?.flags ?? FLAG_DEFAULTS);
  if (!flags || typeof params.NAME !== 'string' || typeof params.PLACEMENT_HANDLER !== 'string') return undefined;
  if (id.length > MAX_LENGTH || params.NAME.length > MAX_LENGTH) return undefined;
  return {
    id,
    name: params.NAME,
    icon,
    iconDisabled: isArray(params.ICON_DISABLED) ? params.ICON_DISABLED : (current?.iconDisabled ?? {}),
    flags,
    ownerClientId: applicationOf(call).clientId,
    placementId: settingsPlacement(call, params.PLACEMENT_HANDLER, params.NAME),
  };
}

function flagsOf(params: Params, current: Readonly<Record<ConnectorFlag, boolean>>) {
  const flags = { ...current };
  for (const name of Object.keys(FLAG_DEFAULTS) as ConnectorFlag[]) {
    const value = params[name];
    if (value === undefined || value === null) continue;
    if (!YES.has(value) && !NO.has(value)) return undefined;
    flags[name] = YES.has(value);
  }
  return flags;
}

/** One placement per handler address; the row of an earlier address stays behind. */
function settingsPlacement(call: MethodCall, handler: string, title: string): number {
  const { clientId } = applicationOf(call);
  const known = placements(call.portal)
    .values()
    .find((row) => row.clientId === clientId && row.placement === 'SETTING_CONNECTOR' && row.handler === handler);
  return (known ?? putPlacement(call.portal, clientId, 'SETTING_CONNECTOR', handler, title)).id;
}

function unregister(call: MethodCall) {
  const id = toText(upperDeep(call).ID).toLowerCase();
  if (isEmpty(id)) return failed('APPLICATION_UNREGISTRATION_ERROR', 'Error unregistering the application');
  unregisterConnector(call, id, applicationOf(call).clientId);
  return { result: true };
}
