import { cutMid, changeMessage, messageById } from '../../openlines/messages.ts';
import { foldKeysDeep, isArray, isEmpty, toInt, toText, type Params } from '../../php/values.ts';
import type { Method, MethodCall } from '../method.ts';
import { CONNECTOR_SCOPES } from '../scopes.ts';
import { requireProvider, requireSet } from './arguments.ts';

const common = { scopes: CONNECTOR_SCOPES, applicationOnly: true };
const DONE = { SUCCESS: true, DATA: [] };

export const deliveryMethods: readonly Method[] = [
  { name: 'imconnector.send.status.delivery', ...common, run: delivery },
  { name: 'imconnector.send.status.reading', ...common, run: reading },
];

/** No check of the line and no errors of items: garbage is a success as well (contract imconnector §3.10). */
function delivery(call: MethodCall) {
  for (const element of elementsOf(call)) markDelivered(call, element);
  return DONE;
}

/** A stub on the portal too (contract imconnector §3.11). */
function reading(call: MethodCall) {
  elementsOf(call);
  return DONE;
}

function elementsOf(call: MethodCall): Params[] {
  const params = requireSet(call, ['CONNECTOR', 'LINE', 'MESSAGES']);
  requireProvider(call, params.CONNECTOR);
  const messages = foldKeysDeep(params.MESSAGES, (key) => key.toLowerCase());
  return isArray(messages) ? Object.values(messages).filter(isArray) : [];
}

/** Only the first status of a message stores its external ids; a second one cannot mend them (contract imconnector §3.10). */
function markDelivered({ portal }: MethodCall, element: Params): void {
  const messageId = isArray(element.im) ? toInt(element.im.message_id) : 0;
  const row = messageById(portal, messageId);
  if (!row) return;
  const ids = isArray(element.message) ? element.message.id : undefined;
  const list = (isArray(ids) ? Object.values(ids) : [ids]).filter((id) => !isEmpty(id));
  const connectorMid = row.sending ? list.map((id) => cutMid(toText(id))) : row.connectorMid;
  changeMessage(portal, row, { sending: false, readByClient: true, connectorMid });
}
