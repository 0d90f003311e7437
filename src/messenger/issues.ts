import type { z } from 'zod';

/** One fault of a request body, as problem documents carry it. */
export interface BodyFault {
  /** JSON pointer (RFC 6901) into the body, such as `/2/data/conversation/name`; empty for the body itself. */
  path: string;
  message: string;
}

/** A body can be wrong in thousands of places; the first ones are what its author needs. */
const MAX_FAULTS = 50;

/** Faults in the words of the schema, never with the offending value. */
export function describeIssues(issues: readonly z.core.$ZodIssue[]): BodyFault[] {
  return issues.slice(0, MAX_FAULTS).map((issue) => ({ path: pointer(issue.path), message: messageOf(issue) }));
}

function messageOf(issue: z.core.$ZodIssue): string {
  // The only message of zod that repeats what was sent: the names of the surplus members.
  return issue.code === 'unrecognized_keys' ? 'Invalid input: has members that are not known' : issue.message;
}

function pointer(path: readonly PropertyKey[]): string {
  return path.map((step) => `/${String(step).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}
