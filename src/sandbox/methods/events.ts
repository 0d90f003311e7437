import { bindings, type BindingRow } from '../events/bindings.ts';
import { knownEvents } from '../events/eventNames.ts';
import { installationOf } from '../install/installations.ts';
import { isSet, toInt, toText, upperKeys, type Params } from '../php/values.ts';
import { refuse, refuseArgument } from '../refusal.ts';
import { applicationOf, type Method, type MethodCall } from './method.ts';

/** Contract platform §5.1. */
export const eventMethods: readonly Method[] = [
  { name: 'event.bind', applicationOnly: true, run: bind },
  { name: 'event.get', applicationOnly: true, run: get },
  { name: 'event.unbind', applicationOnly: true, run: unbind },
  { name: 'event.test', applicationOnly: true, run: test },
  { name: 'events', applicationOnly: true, run: (call) => allowedEvents(call) },
  { name: 'event.offline.*', applicationOnly: true, run: () => refuseOffline() },
];

/** The queue of offline events is not imitated; a queue that is always empty would be a lie (README). */
function refuseOffline(): never {
  refuse('SANDBOX_NOT_IMITATED', 'The sandbox portal has no offline events');
}

function allowedEvents(call: MethodCall): string[] {
  const { clientId } = applicationOf(call);
  return knownEvents(installationOf(call.portal, call.portal.memberId, clientId)?.scopes ?? []);
}

function bind(call: MethodCall): boolean {
  const params = upperKeys(call.params);
  const event = toText(params.EVENT).toUpperCase();
  if (event === '') refuseArgument('EVENT');
  if (!allowedEvents(call).includes(event)) refuse('ERROR_EVENT_NOT_FOUND', 'Event not found');
  const row = binding(call, event, params);
  if (row.offline) refuseOffline();
  checkHandler(row.handler);
  if (
    bindings(call.portal)
      .values()
      .some((other) => isSame(other, row))
  ) {
    refuse('ERROR_CORE', 'Unable to set event handler: Handler already binded');
  }
  const id = call.portal.nextId('handler');
  bindings(call.portal).put(id, { ...row, id });
  return true;
}

/** An ordinary employee always binds for himself (contract platform §5.1). */
function binding(call: MethodCall, event: string, params: Params): BindingRow {
  const offline = toText(params.EVENT_TYPE) === 'offline';
  const asked = toInt(params.AUTH_TYPE);
  if (!call.user.admin && (offline || (asked > 0 && asked !== call.userId))) {
    refuse('ACCESS_DENIED', 'Access denied!', { status: 403 });
  }
  return {
    id: 0,
    clientId: applicationOf(call).clientId,
    event,
    handler: offline ? '' : toText(params.HANDLER),
    authType: call.user.admin ? asked : call.userId,
    offline,
    connectorId: toText(params.AUTH_CONNECTOR),
  };
}

function isSame(left: BindingRow, right: BindingRow): boolean {
  return (['clientId', 'event', 'handler', 'authType', 'offline', 'connectorId'] as const).every(
    (key) => left[key] === right[key],
  );
}

/** `localhost` has no dot and is refused, 127.0.0.1 passes (contract platform §5.1). */
export function checkHandler(handler: string): void {
  const url = URL.canParse(handler) ? new URL(handler) : undefined;
  if (!url) refuse('ERROR_WRONG_HANDLER_URL', 'Wrong handler URL');
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    refuse('ERROR_UNSUPPORTED_PROTOCOL', 'Unsupported event handler protocol');
  }
  if (!url.hostname.includes('.') || handler.length > 255) refuse('ERROR_WRONG_HANDLER_URL', 'Wrong handler URL');
}

function ownBindings(call: MethodCall): BindingRow[] {
  const { clientId } = applicationOf(call);
  return bindings(call.portal)
    .values()
    .filter((row) => row.clientId === clientId && (call.user.admin || row.authType === call.userId));
}

function get(call: MethodCall) {
  return ownBindings(call).map((row) =>
    row.offline
      ? { event: row.event, connector_id: row.connectorId, offline: 1 }
      : { event: row.event, handler: row.handler, auth_type: row.authType, offline: 0 },
  );
}

function unbind(call: MethodCall) {
  const params = upperKeys(call.params);
  const event = toText(params.EVENT).toUpperCase();
  const offline = toText(params.EVENT_TYPE) === 'offline';
  if (event === '') refuseArgument('EVENT');
  if (!offline && toText(params.HANDLER) === '') refuseArgument('HANDLER');
  const gone = ownBindings(call).filter(
    (row) =>
      row.event === event &&
      row.offline === offline &&
      (offline || row.handler === toText(params.HANDLER)) &&
      (!isSet(params.AUTH_TYPE) || row.authType === toInt(params.AUTH_TYPE)),
  );
  for (const row of gone) bindings(call.portal).delete(row.id);
  return { count: gone.length };
}

function test(call: MethodCall): number {
  const { clientId } = applicationOf(call);
  const language = call.portal.row().language;
  call.raise({ name: 'ONAPPTEST', data: { QUERY: call.params, LANGUAGE_ID: language }, clientId });
  return 1;
}
