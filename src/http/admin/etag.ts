import { createHash } from 'node:crypto';
import { RequestError } from '../../kit/errors.ts';

/** What a resource looks like, as a strong validator (RFC 9110 §8.8.3): equal answers have it equal, others do not. */

export const etagOf = (body: unknown): string =>
  `"${createHash('sha256').update(JSON.stringify(body)).digest('base64url').slice(0, 27)}"`;

/** Of a request. */
export interface Conditions {
  ifMatch: string | undefined;
  ifNoneMatch: string | undefined;
}

export const hasConditions = ({ ifMatch, ifNoneMatch }: Conditions): boolean =>
  ifMatch !== undefined || ifNoneMatch !== undefined;

/**
 * `current`: what the resource looks like now; undefined while there is none.
 * @throws RequestError precondition_failed
 */
export function requireConditions({ ifMatch, ifNoneMatch }: Conditions, current: unknown): void {
  const etag = current === undefined ? undefined : etagOf(current);
  const isExpected = ifMatch === undefined || names(ifMatch, etag);
  const isRuledOut = ifNoneMatch !== undefined && names(withoutWeakness(ifNoneMatch), etag);
  if (!isExpected || isRuledOut) throw new RequestError('precondition_failed');
}

/** Whether a `GET` need not be answered: whoever asks has it already. */
export const isKnown = ({ ifNoneMatch }: Conditions, etag: string): boolean =>
  ifNoneMatch !== undefined && names(withoutWeakness(ifNoneMatch), etag);

/** `*` names whatever is there. Weak tags are never equal to a strong one. */
function names(list: string, etag: string | undefined): boolean {
  if (etag === undefined) return false;
  return list.split(',').some((one) => one.trim() === '*' || one.trim() === etag);
}

/** `If-None-Match` compares weakly: proxies that compress answers make tags weak. */
const withoutWeakness = (list: string): string => list.replaceAll('W/"', '"');
