import { createHash } from 'node:crypto';
import type { ConnectorUser } from '../bitrix24/connectorWire.ts';
import type { Person } from '../messenger/payload.ts';

/** Between the messenger's words and the portal's. Pure. */

/** Longer ids are cut by the portal, and then match nothing (contract imconnector §2, message map). */
const MAX_MESSAGE_ID = 100;
/** The key of a dialog holds connector, line and user besides, in 255 characters. */
const MAX_CHAT_ID = 120;

const fingerprint = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 40);

/** Falsy for PHP, so dropped or taken as missing. */
const isEmptyForPhp = (id: string): boolean => id === '0' || id.trim() === '';

/** The message id the portal keeps; stable, and the messenger's own wherever the portal can hold it. */
export const portalMessageId = (id: string): string =>
  [...id].length > MAX_MESSAGE_ID || id !== id.trim() || isEmptyForPhp(id) ? `h-${fingerprint(id)}` : id;

/** The chat id the portal keeps. `|` separates the parts of a dialog's key (contract imconnector §2). */
export const portalChatId = (id: string): string =>
  id.length > MAX_CHAT_ID || id.includes('|') || id !== id.trim() || isEmptyForPhp(id) ? `h-${fingerprint(id)}` : id;

/** A newer profile over an older one: what it leaves out stays. */
export const mergePerson = (known: Person | undefined, next: Person): Person => ({
  ...known,
  ...(Object.fromEntries(Object.entries(next).filter(([, value]) => value !== undefined)) as Person),
});

/**
 * Always the whole profile: the portal takes what is missing as cleared, and a person without names as "Guest"
 * (contract imconnector §3.7).
 */
export function connectorUser(person: Person): ConnectorUser {
  const names = (person.name ?? person.lastName) ? { name: person.name, lastName: person.lastName } : {};
  const fallback = person.username ?? person.id;
  return dropUndefined({
    id: portalChatId(person.id),
    name: fallback,
    ...dropUndefined(names),
    pictureUrl: person.avatarUrl,
    url: person.url,
    gender: person.gender,
    email: person.email,
    phone: person.phone,
    ...(person.phone === undefined ? {} : { skipPhoneValidate: true }),
  });
}

const dropUndefined = <T extends object>(value: T): T =>
  Object.fromEntries(Object.entries(value).filter(([, inner]) => inner !== undefined)) as T;

/** How a person is called in a text. */
export const displayName = (person: Person): string =>
  [person.name, person.lastName].filter(Boolean).join(' ') || person.username || person.id;
