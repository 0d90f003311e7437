import { createHash, randomUUID } from 'node:crypto';
import type { Portal } from '../hit.ts';
import { isArray, isEmpty, toText, type Params } from '../php/values.ts';
import { fullName, users, type UserRow } from '../users.ts';
import { fetchUrl } from './files.ts';

/** A client of a connector: one portal user on all its lines (contract imconnector §2). */
interface ExternalUserRow {
  readonly userId: number;
  /** Of the whole object that was submitted last. */
  readonly hash: string;
}

const GUEST = 'Guest';

function externalUsers(portal: Portal) {
  return portal.table<ExternalUserRow>('externalUsers');
}

function keyOf(connector: string, externalId: string): string {
  return `${connector.toLowerCase()}|${externalId}`;
}

export function externalUser(portal: Portal, connector: string, externalId: string): UserRow | undefined {
  const row = externalUsers(portal).get(keyOf(connector, externalId));
  return row && users(portal).get(row.userId);
}

/**
 * Finds or makes the portal user of a client, and rewrites the profile when anything in the submitted object changed. No
 * id makes a fresh user each time (contract imconnector §3.7).
 */
export async function saveExternalUser(portal: Portal, connector: string, sent: Params): Promise<UserRow> {
  const externalId = isEmpty(sent.id) ? `junk-${randomUUID()}` : toText(sent.id);
  const key = keyOf(connector, externalId);
  const hash = createHash('md5').update(JSON.stringify(sent)).digest('hex');
  const known = externalUsers(portal).get(key);
  const current = known && users(portal).get(known.userId);
  if (current && known.hash === hash) return current;
  const id = current?.id ?? portal.nextId('user');
  externalUsers(portal).put(key, { userId: id, hash });
  const row = profile(id, sent, current);
  users(portal).put(id, row);
  return withAvatar(portal, row, sent);
}

/** What is missing is cleared, except e-mail and phone (contract imconnector §3.7). */
function profile(id: number, sent: Params, current: UserRow | undefined): UserRow {
  const email = toText(sent.email) || current?.email;
  const phone = toText(sent.phone) || current?.phone;
  return {
    id,
    kind: 'connector',
    ...names(sent),
    active: true,
    admin: false,
    ...(email ? { email } : {}),
    ...(phone ? { phone } : {}),
    ...(isEmpty(sent.url) ? {} : { url: toText(sent.url) }),
    ...(isEmpty(sent.gender) ? {} : { gender: toText(sent.gender) }),
    ...(current?.avatarUrl ? { avatarUrl: current.avatarUrl } : {}),
  };
}

function names(sent: Params): { name: string; lastName: string } {
  const name = toText(sent.name);
  const lastName = toText(sent.last_name);
  if (name === '' && lastName === '') return { name: toText(sent.title) || GUEST, lastName: '' };
  const words = name.split(' ');
  const [first, second] = words;
  if (lastName === '' && words.length === 2 && first && second) return { name: first, lastName: second };
  return { name, lastName };
}

/** A picture that cannot be fetched is ignored. */
async function withAvatar(portal: Portal, row: UserRow, sent: Params): Promise<UserRow> {
  const url = isArray(sent.picture) ? toText(sent.picture.url) : '';
  if (url === '' || !(await fetchUrl(url))) return row;
  const next = { ...row, avatarUrl: url };
  users(portal).put(row.id, next);
  return next;
}

export function clientName(user: UserRow): string {
  return fullName(user) || GUEST;
}
