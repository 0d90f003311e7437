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

/**
 * The message id the portal keeps; stable, and the messenger's own wherever the portal can hold it. Of further parts
 * it is made, so that no id the messenger may give is the same.
 */
export function portalMessageId(id: string, part = 1): string {
  if (part > 1) return `h-${fingerprint(`${part}\n${id}`)}`;
  return [...id].length > MAX_MESSAGE_ID || id !== id.trim() || isEmptyForPhp(id) ? `h-${fingerprint(id)}` : id;
}

/** The chat id the portal keeps. `|` separates the parts of a dialog's key (contract imconnector §2). */
export const portalChatId = (id: string): string =>
  id.length > MAX_CHAT_ID || id.includes('|') || id !== id.trim() || isEmptyForPhp(id) ? `h-${fingerprint(id)}` : id;

/** A newer profile over an older one: what it leaves out stays. */
export function mergePerson(known: Person | undefined, next: Person): Person {
  const merged = {
    ...known,
    ...(Object.fromEntries(Object.entries(next).filter(([, value]) => value !== undefined)) as Person),
  };
  const isSamePicture = known?.avatarUrl && merged.avatarUrl && samePicture(known.avatarUrl, merged.avatarUrl);
  return isSamePicture ? { ...merged, avatarUrl: known.avatarUrl } : merged;
}

/** Parts of an address that only sign it or let it expire. */
const SIGNING =
  /^(x-(amz|goog)-.+|expires?|exp|signature|sig|policy|key-pair-id|token|access_token|hash|hmac|s[eptvri]|oh|oe|_nc_.+)$/i;

/**
 * The portal fetches a picture again whenever its address differs: one that is only signed anew would be fetched with
 * every message (contract imconnector §3.7).
 */
export function samePicture(a: string, b: string): boolean {
  const [left = '', right = ''] = [a, b].map((address) => {
    const url = new URL(address);
    for (const name of [...url.searchParams.keys()]) if (SIGNING.test(name)) url.searchParams.delete(name);
    return url.href;
  });
  return left === right;
}

/**
 * Always the whole profile: the portal takes what is missing as cleared, and a person without names as "Guest"
 * (contract imconnector §3.7).
 */
export function connectorUser(person: Person): ConnectorUser {
  const [name, lastName] = [person.name, person.lastName].map((part) => portalName(part ?? ''));
  return dropUndefined({
    id: portalChatId(person.id),
    name: name ?? (lastName === undefined ? anyName(person) : undefined),
    lastName,
    pictureUrl: person.avatarUrl,
    url: person.url,
    gender: person.gender,
    email: person.email,
    phone: person.phone,
    ...(person.phone === undefined ? {} : { skipPhoneValidate: true }),
  });
}

/** What the documentation allows in a name; the person's own stays with us, and in the dialog's title. */
const MAX_NAME = 25;

/**
 * A name of at most 25 letters, spaces, hyphens and apostrophes (contract imconnector §3.7); undefined when nothing
 * would be left of it.
 */
export function portalName(name: string): string | undefined {
  const letters = name
    .replaceAll(/[\u2018\u2019\u02bc`´]/g, "'")
    .replaceAll(/[\u2010-\u2015]/g, '-')
    .replaceAll(/[^\p{L}\p{M}\s'-]/gu, ' ')
    .replaceAll(/\s+/g, ' ')
    .replaceAll(/^[\s'-]+|[\s'-]+$/g, '');
  const kept = [...letters].slice(0, MAX_NAME).join('').trimEnd();
  return /\p{L}/u.test(kept) ? kept : undefined;
}

/** Where nothing the rules allow is left, what there is tells an operator more than "Guest". */
const anyName = ({ username, id }: Person): string =>
  portalName(username ?? '') ?? [...(username ?? id)].slice(0, MAX_NAME).join('');

const dropUndefined = <T extends object>(value: T): T =>
  Object.fromEntries(Object.entries(value).filter(([, inner]) => inner !== undefined)) as T;

/** How a person is called in a text. */
export const displayName = (person: Person): string =>
  [person.name, person.lastName].filter(Boolean).join(' ') || person.username || person.id;
