import { RequestError } from '../../kit/errors.ts';

const codeOf = (error: unknown): unknown => (error as { code?: unknown } | null)?.code;
const UNIQUE_VIOLATION = 'P2002';
const FOREIGN_KEY_VIOLATION = 'P2003';

/** What must be unique and is not: somebody else was first. */
export async function orConflict<T>(work: Promise<T>, detail: string): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw codeOf(error) === UNIQUE_VIOLATION ? new RequestError('conflict', detail) : error;
  }
}

/** What others came to depend on meanwhile. */
export async function orInUse<T>(work: Promise<T>, detail: string): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw codeOf(error) === FOREIGN_KEY_VIOLATION ? new RequestError('in_use', detail) : error;
  }
}

export const noSuch = (what: string): RequestError => new RequestError('not_found', `There is no such ${what}`);

/** A member of the body names something that is not there. `path`: JSON pointer. */
export function unknownReference(path: string, what: string): RequestError {
  const message = `There is no such ${what}`;
  return new RequestError('invalid_request', `${path}: ${message}`, { errors: [{ path, message }] });
}
