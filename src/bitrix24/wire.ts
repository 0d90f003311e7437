import { DeliveryError } from '../kit/errors.ts';

/**
 * Reading what PHP makes of JSON: ids come as numbers or strings, an empty map comes as `[]`, a list with gaps as an
 * object, a missing object as `false` (contract platform §3.2, imconnector trap 28).
 */

export type Fields = Readonly<Record<string, unknown>>;

const isFields = (value: unknown): value is Fields =>
  value !== null && typeof value === 'object' && !Array.isArray(value);

/** The value as a map; everything that is none (`[]`, `false`, `null`) is the empty map. */
export const asFields = (value: unknown): Fields => (isFields(value) ? value : {});

/** The value as a list; an object with index keys is a list that had gaps. */
export function asList(value: unknown): unknown[] {
  if (Array.isArray(value)) return value;
  return isFields(value) ? Object.values(value) : [];
}

/** A scalar as text; `''` for everything else. */
export function asText(value: unknown): string {
  if (typeof value === 'string') return value;
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : '';
}

/** An id as text, since ids may outgrow 2^31; undefined where PHP says "none" (missing, null, `''`, `0`, `'0'`). */
export function asId(value: unknown): string | undefined {
  const text = asText(value);
  return text === '' || text === '0' || typeof value === 'boolean' ? undefined : text;
}

export const asIds = (value: unknown): string[] => asList(value).flatMap((item) => asId(item) ?? []);

export function asNumber(value: unknown): number | undefined {
  const text = asText(value);
  const number = text === '' || typeof value === 'boolean' ? NaN : Number(text);
  return Number.isFinite(number) ? number : undefined;
}

/** Bitrix24 says yes as `true`, `1`, `"1"`, `"Y"` or `"true"`. */
export const asFlag = (value: unknown): boolean => /^(1|y|true)$/i.test(asText(value));

/**
 * The portal answered with success, in a shape we cannot read. A read may be asked again; something that happened
 * without telling us what is `unsure`.
 */
export function unexpectedResult(method: string, options: { repeatable: boolean }): DeliveryError {
  return new DeliveryError({
    verdict: options.repeatable ? 'retry' : 'unsure',
    code: 'unexpected_result',
    detail: `${method} answered in an unknown shape`,
  });
}

/** @throws DeliveryError `unexpected_result` when there is no id in the value. */
export function needId(value: unknown, method: string, options: { repeatable: boolean }): string {
  const id = asId(value);
  if (id === undefined) throw unexpectedResult(method, options);
  return id;
}

/** True for a failure the portal explained with one of these codes. */
export const hasCode = (error: unknown, ...codes: string[]): error is DeliveryError =>
  error instanceof DeliveryError && codes.includes(error.code);
