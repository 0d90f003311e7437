import { isArray, toText, type Params } from '../php/values.ts';

/** What earlier commands of a batch left behind, by kind and key. */
export type BatchSoFar = Readonly<Record<'result' | 'error' | 'total' | 'next' | 'time', Map<string, unknown>>>;

const REFERENCE = /\$(result|error|total|next|time)((?:\[[^\]]*\])+)/gi;

/**
 * Replaces `$result[key][field]` in names and values, after they were decoded: user text that looks like a reference is
 * taken for one (contract platform §3.5).
 */
export function resolveReferences(params: Params, soFar: BatchSoFar): Params {
  return Object.fromEntries(
    Object.entries(params).map(([name, value]) => [toText(resolveText(name, soFar)), resolve(value, soFar)]),
  );
}

function resolve(value: unknown, soFar: BatchSoFar): unknown {
  if (typeof value === 'string') return resolveText(value, soFar);
  if (Array.isArray(value)) return value.map((item) => resolve(item, soFar));
  return isArray(value) ? resolveReferences(value, soFar) : value;
}

/** A text that is nothing but one reference becomes the value itself, an array or null included. */
function resolveText(text: string, soFar: BatchSoFar): unknown {
  const whole = [...text.matchAll(REFERENCE)];
  if (whole.length === 1 && whole[0]?.[0] === text) return lookUp(whole[0], soFar);
  return text.replace(REFERENCE, (...match: string[]) => toText(lookUp(match, soFar)));
}

function lookUp(match: readonly (string | undefined)[], soFar: BatchSoFar): unknown {
  const kind = (match[1] ?? '').toLowerCase() as keyof BatchSoFar;
  const [key = '', ...path] = [...(match[2] ?? '').matchAll(/\[([^\]]*)\]/g)].map((part) => part[1] ?? '');
  let value: unknown = soFar[kind].get(key) ?? null;
  for (const name of path) value = isArray(value) ? (value[name] ?? null) : null;
  return value;
}
