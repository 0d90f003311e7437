import { connectorOf, type ConnectorRow } from '../../openlines/connectors.ts';
import { isUsable, statusOf } from '../../openlines/statuses.ts';
import { isArray, isEmpty, isSet, toInt, toText, upperKeys, type Params } from '../../php/values.ts';
import { refuse, refuseArgument } from '../../refusal.ts';
import type { MethodCall } from '../method.ts';

/** Most methods only ask whether a parameter is there (contract imconnector §1.5). */
export function requireSet(call: MethodCall, names: readonly string[]): Params {
  const params = upperKeys(call.params);
  for (const name of names) if (!isSet(params[name])) refuseArgument(name);
  return params;
}

/** chat.name.set asks whether it is empty, so "0" is missing too. */
export function requireFilled(call: MethodCall, names: readonly string[]): Params {
  const params = upperKeys(call.params);
  for (const name of names) if (isEmpty(params[name])) refuseArgument(name);
  return params;
}

export function requireProvider(call: MethodCall, connector: unknown): ConnectorRow {
  const row = connectorOf(call.portal, toText(connector));
  if (!row) refuse('IMCONNECTOR_NO_CORRECT_PROVIDER', 'Could not find the correct provider for the connector');
  return row;
}

/** About the connector on the line, not about the line (contract imconnector §0.8). */
export function requireUsable(call: MethodCall, connector: unknown, line: unknown): void {
  if (isUsable(statusOf(call.portal, toText(connector), toInt(line)))) return;
  refuse('NOT_ACTIVE_LINE', 'The line with this ID is inactive or does not exist');
}

/** A malformed scalar makes PHP itself stumble; the body of that answer was never observed (contract imconnector §10). */
export function requireArray(value: unknown, name: string): Params {
  if (isArray(value)) return value;
  refuse('INTERNAL_SERVER_ERROR', `Internal server error: ${name} must be of type array`, { status: 500 });
}
