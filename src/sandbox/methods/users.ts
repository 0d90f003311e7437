import { isArray, toInt, toText, upperKeys, type Params } from '../php/values.ts';
import { users, type UserRow } from '../users.ts';
import { paged, type Method, type MethodCall } from './method.ts';

const SCOPES = ['user', 'user_basic', 'user_brief'];
const PAGE_SIZE = 50;

export const userMethods: readonly Method[] = [
  { name: 'profile', run: profile },
  { name: 'user.current', scopes: SCOPES, run: (call) => answer(call.user) },
  { name: 'user.get', scopes: SCOPES, run: get },
  { name: 'user.search', scopes: SCOPES, run: search },
];

/** ADMIN is about the user, whatever the application may do (contract platform §1.6). */
function profile({ user }: MethodCall) {
  return {
    ID: String(user.id),
    ADMIN: user.admin,
    NAME: user.name,
    LAST_NAME: user.lastName,
    PERSONAL_GENDER: user.gender ?? '',
    TIME_ZONE: '',
  };
}

function answer(user: UserRow): Params {
  return {
    ID: String(user.id),
    ACTIVE: user.active,
    NAME: user.name,
    LAST_NAME: user.lastName,
    EMAIL: user.email ?? '',
    WORK_POSITION: user.workPosition ?? '',
    PERSONAL_PHOTO: user.avatarUrl ?? '',
    USER_TYPE: user.kind,
  };
}

/** Clients of Open Channels and bots are no staff and do not show up. */
function staff(call: MethodCall): UserRow[] {
  return users(call.portal)
    .values()
    .filter((user) => user.kind === 'employee' || user.kind === 'extranet')
    .sort((left, right) => left.id - right.id);
}

function get(call: MethodCall) {
  const params = upperKeys(call.params);
  const filter = { ...params, ...(isArray(params.FILTER) ? upperKeys(params.FILTER) : {}) };
  return page(
    staff(call).filter((user) => matches(user, filter)),
    toInt(params.START),
  );
}

function search(call: MethodCall) {
  const params = upperKeys(call.params);
  const filter = isArray(params.FILTER) ? upperKeys(params.FILTER) : params;
  const wanted = toText(filter.FIND ?? filter.NAME).toLowerCase();
  const found = staff(call).filter((user) => `${user.name} ${user.lastName}`.toLowerCase().includes(wanted));
  return page(found, toInt(params.START));
}

function matches(user: UserRow, filter: Params): boolean {
  if (filter.ACTIVE !== undefined && isTrue(filter.ACTIVE) !== user.active) return false;
  if (filter.EMAIL !== undefined && toText(filter.EMAIL) !== user.email) return false;
  const ids = filter.ID;
  if (ids === undefined) return true;
  return (isArray(ids) ? Object.values(ids) : [ids]).some((id) => toInt(id) === user.id);
}

function isTrue(value: unknown): boolean {
  return value === true || ['1', 'true', 'Y'].includes(toText(value));
}

function page(found: UserRow[], start: number) {
  const end = start + PAGE_SIZE;
  return paged(found.slice(start, end).map(answer), found.length, end < found.length ? end : undefined);
}
