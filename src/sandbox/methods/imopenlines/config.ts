import { portalUrl } from '../../address.ts';
import { addLine, lines, type LineRow } from '../../openlines/lines.ts';
import { deleteLine } from '../../openlines/remove.ts';
import { isArray, isEmpty, isSet, toInt, toText, type Params } from '../../php/values.ts';
import { refuse } from '../../refusal.ts';
import { fullName, users } from '../../users.ts';
import type { Method, MethodCall } from '../method.ts';
import { listLines } from './configList.ts';

const scopes = ['imopenlines'];

/** Parameter names are case-sensitive in this family (contract imconnector §1.1, §3.14). */
export const configMethods: readonly Method[] = [
  { name: 'imopenlines.config.get', scopes, run: get },
  { name: 'imopenlines.config.list.get', scopes, run: listLines },
  { name: 'imopenlines.config.add', scopes, run: add },
  { name: 'imopenlines.config.update', scopes, run: update },
  { name: 'imopenlines.config.delete', scopes, run: remove },
  { name: 'imopenlines.config.path.get', scopes, run: path },
  { name: 'imopenlines.revision.get', scopes, run: () => ({ rest: 2, web: 1, mobile: 1 }) },
];

function lineIdOf(call: MethodCall): number {
  const id = toInt(call.params.CONFIG_ID);
  if (id <= 0) refuse('CONFIG_ID_EMPTY', 'Config id should be int and not empty');
  return id;
}

/** Numbers come as strings; an unknown line is `false`, no error. */
function get(call: MethodCall): unknown {
  const line = lines(call.portal).get(lineIdOf(call));
  if (!line) return false;
  const flat = { ID: String(line.id), ...line.settings, DATE_CREATE: {} };
  if (call.params.WITH_QUEUE === 'N') return flat;
  const staff = line.queue.flatMap((id) => users(call.portal).get(id) ?? []);
  return {
    ...flat,
    QUEUE: line.queue.map(String),
    QUEUE_FULL: mapOf(staff.map((user) => [user.id, { USER_ID: String(user.id), ENTITY_TYPE: 'user' }])),
    QUEUE_USERS_FIELDS: mapOf(staff.map((user) => [user.id, { USER_NAME: fullName(user), USER_WORK_POSITION: '' }])),
    QUEUE_ONLINE: staff.length > 0 ? 'Y' : 'N',
  };
}

function mapOf(entries: (readonly [number, unknown])[]): unknown {
  return entries.length === 0 ? [] : Object.fromEntries(entries);
}

function add(call: MethodCall): number | false {
  const params = isArray(call.params.PARAMS) ? call.params.PARAMS : {};
  return addLine(call.portal, settingsOf(params), queueOf(params) ?? [call.userId]).id;
}

function update(call: MethodCall): boolean {
  const line = lines(call.portal).get(lineIdOf(call));
  requireAdmin(call);
  if (!line || !isArray(call.params.PARAMS)) return false;
  const params = call.params.PARAMS;
  const next: LineRow = {
    ...line,
    settings: { ...line.settings, ...settingsOf(params) },
    queue: queueOf(params) ?? line.queue,
  };
  lines(call.portal).put(line.id, next);
  return true;
}

function remove(call: MethodCall): boolean {
  const id = lineIdOf(call);
  requireAdmin(call);
  return deleteLine(call, id);
}

function requireAdmin(call: MethodCall): void {
  if (!call.user.admin) refuse('CONFIG_WRONG_USER_PERMISSION', 'Permission denied', { status: 403 });
}

function settingsOf(params: Params): Record<string, string> {
  const scalars = Object.entries(params).filter(([key, value]) => key !== 'ID' && isSet(value) && !isArray(value));
  return Object.fromEntries(scalars.map(([key, value]) => [key, toText(value)]));
}

/** Elements are users or departments; departments have no staff here. */
function queueOf(params: Params): number[] | undefined {
  if (!isArray(params.QUEUE)) return undefined;
  return Object.values(params.QUEUE).flatMap((entry) => {
    if (!isArray(entry)) return [toInt(entry)];
    return isEmpty(entry.ENTITY_TYPE) || entry.ENTITY_TYPE === 'user' ? [toInt(entry.ENTITY_ID)] : [];
  });
}

function path({ portal }: MethodCall) {
  return { SERVER_ADDRESS: portalUrl(portal.row()), PUBLIC_PATH: '/contact_center/' };
}
