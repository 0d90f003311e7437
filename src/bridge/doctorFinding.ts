/** What the doctor finds. The judges of the checks are pure: they say what is wrong and name the remedy. */

/** In the order they are shown: the gateway itself, the way to the portal, the wiring on it, the other side. */
export const CHECKS = [
  'database',
  'backlog',
  'gate',
  'installation',
  'scopes',
  'grant',
  'clock',
  'requestBucket',
  'operatingTime',
  'events',
  'publicUrl',
  'connector',
  'line',
  'connectorData',
  'bot',
  'messenger',
] as const;

export type Check = (typeof CHECKS)[number];

export interface Finding {
  check: Check;
  /** Which one, where a portal has several: a code, a slug, the number of a line or of a user. Never personal text. */
  subject: string | null;
  /** `unknown`: the check could not be made. */
  state: 'ok' | 'trouble' | 'unknown';
  /** What is wrong, for programs: ours in snake_case, or the portal's own. */
  code: string | null;
  detail: string;
  /** What to do about it; null where there is nothing to do. */
  repair: string | null;
}

/** What a judge says of one subject of its check. */
export type Judgement = Omit<Finding, 'check' | 'subject'>;

/** How the doctor removes it; what it throws is shown. */
export type Remedy = () => Promise<void>;

/** A finding, and the remedy where there is one. `done`: it was removed while looking, as looking showed it could be. */
export interface Diagnosis extends Finding {
  remedy?: Remedy;
  done?: boolean;
}

export const fine = (detail: string): Judgement => ({ state: 'ok', code: null, detail, repair: null });

export const trouble = (code: string, detail: string, repair: string): Judgement => ({
  state: 'trouble',
  code,
  detail,
  repair,
});

export const unknown = (code: string, detail: string, repair: string): Judgement => ({
  state: 'unknown',
  code,
  detail,
  repair,
});

export const diagnosis = (
  check: Check,
  subject: string | null,
  judgement: Judgement,
  remedy?: Remedy | false,
): Diagnosis => ({ check, subject, ...judgement, ...(remedy && judgement.state === 'trouble' ? { remedy } : {}) });
