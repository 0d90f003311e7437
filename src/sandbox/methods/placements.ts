import { toText, upperKeys } from '../php/values.ts';
import { placements, putPlacement, type PlacementRow } from '../placements.ts';
import { refuse, refuseArgument } from '../refusal.ts';
import { checkHandler } from './events.ts';
import { applicationOf, type Method, type MethodCall } from './method.ts';

const KNOWN = ['CONTACT_CENTER', 'DEFAULT', 'IM_CONTEXT_MENU', 'IM_SIDEBAR', 'REST_APP_URI', 'SETTING_CONNECTOR'];

export const placementMethods: readonly Method[] = [
  { name: 'placement.list', scopes: ['placement'], applicationOnly: true, run: () => KNOWN },
  { name: 'placement.get', scopes: ['placement'], applicationOnly: true, run: get },
  { name: 'placement.bind', scopes: ['placement'], applicationOnly: true, run: bind },
  { name: 'placement.unbind', scopes: ['placement'], applicationOnly: true, run: unbind },
];

function own(call: MethodCall): PlacementRow[] {
  const { clientId } = applicationOf(call);
  return placements(call.portal)
    .values()
    .filter((row) => row.clientId === clientId);
}

function get(call: MethodCall) {
  return own(call).map(({ placement, handler, title }) => ({ placement, handler, title, description: '' }));
}

/** SETTING_CONNECTOR is taken, yet never shown: only register binds it for good (contract imconnector §3.17). */
function bind(call: MethodCall): boolean {
  const params = upperKeys(call.params);
  const placement = toText(params.PLACEMENT).toUpperCase();
  const handler = toText(params.HANDLER);
  if (!call.user.admin) refuse('ACCESS_DENIED', 'Access denied!', { status: 403 });
  if (placement === '') refuseArgument('PLACEMENT');
  if (handler === '') refuseArgument('HANDLER');
  if (!KNOWN.includes(placement)) refuse('ERROR_PLACEMENT_NOT_FOUND', 'Placement not found');
  checkHandler(handler);
  if (own(call).some((row) => row.placement === placement && row.handler === handler)) {
    refuse('ERROR_CORE', 'Unable to set placement handler: Handler already binded');
  }
  putPlacement(call.portal, applicationOf(call).clientId, placement, handler, toText(params.TITLE));
  return true;
}

function unbind(call: MethodCall) {
  const params = upperKeys(call.params);
  const placement = toText(params.PLACEMENT).toUpperCase();
  if (placement === '') refuseArgument('PLACEMENT');
  const handler = toText(params.HANDLER);
  const gone = own(call).filter((row) => row.placement === placement && (handler === '' || row.handler === handler));
  for (const row of gone) placements(call.portal).delete(row.id);
  return { count: gone.length };
}
