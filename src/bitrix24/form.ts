import { RequestError } from '../kit/errors.ts';

/** What PHP's bracket form encoding carries: everything is text, nested in lists and maps (contract platform §5.2). */
export type FormValue = string | FormValue[] | FormMap;
export interface FormMap {
  readonly [key: string]: FormValue;
}

const MAX_LENGTH = 2 * 1024 * 1024;
const MAX_FIELDS = 20_000;
const MAX_DEPTH = 12;
/** Keys that would reach into JavaScript's own objects. */
const FORBIDDEN = new Set(['__proto__', 'constructor', 'prototype']);
const NAME = /^([^[\]]+)((?:\[[^[\]]*\])*)$/;

type Branch = Map<string, Branch | string>;

/**
 * Decodes `a[b][0][c]=d`, any order, as deep as events go. Maps whose keys are 0..n-1 become lists, whatever the length.
 * @throws RequestError invalid_request for anything malformed, too large, too deep or hostile.
 */
export function parseForm(raw: string): FormValue {
  if (raw.length > MAX_LENGTH) throw malformed('the form is too large');
  const fields = raw.split('&').filter((field) => field !== '');
  if (fields.length > MAX_FIELDS) throw malformed('the form has too many fields');
  const root: Branch = new Map();
  for (const field of fields) {
    const at = field.indexOf('=');
    const name = at < 0 ? field : field.slice(0, at);
    put(root, pathOf(decode(name)), at < 0 ? '' : decode(field.slice(at + 1)));
  }
  return toMap(root);
}

/** The form as a map; an empty one for a list, which a form never is at its top. */
export const formMap = (value: FormValue | undefined): FormMap =>
  value === undefined || typeof value === 'string' || Array.isArray(value) ? {} : value;

function decode(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    throw malformed('the form is not percent-encoded UTF-8');
  }
}

function pathOf(name: string): string[] {
  const [, head, tail] = NAME.exec(name) ?? [];
  if (head === undefined || tail === undefined) throw malformed('a field name is malformed');
  const path = [head, ...tail.slice(1, -1).split('][')].slice(0, tail === '' ? 1 : undefined);
  if (path.length > MAX_DEPTH) throw malformed('the form is nested too deeply');
  if (path.some((key) => FORBIDDEN.has(key))) throw malformed('a field name is not allowed');
  return path;
}

function put(root: Branch, path: readonly string[], value: string): void {
  let branch = root;
  for (const key of path.slice(0, -1)) {
    const next = branch.get(nextKey(branch, key)) ?? new Map<string, Branch | string>();
    if (typeof next === 'string') throw malformed('a field is both text and map');
    branch.set(nextKey(branch, key), next);
    branch = next;
  }
  const last = nextKey(branch, path.at(-1) ?? '');
  if (branch.get(last) instanceof Map) throw malformed('a field is both text and map');
  branch.set(last, value);
}

/** `a[]=` appends. */
const nextKey = (branch: Branch, key: string): string => (key === '' ? String(branch.size) : key);

const toValue = (node: Branch | string): FormValue => {
  if (typeof node === 'string') return node;
  const isList = [...node.keys()].every((key) => /^(0|[1-9]\d*)$/.test(key) && Number(key) < node.size);
  if (!isList) return toMap(node);
  return Array.from(node.keys(), (_, index) => toValue(node.get(String(index)) ?? ''));
};

const toMap = (node: Branch): FormMap =>
  Object.fromEntries([...node].map(([key, inner]) => [key, toValue(inner)] as const));

const malformed = (detail: string): RequestError => new RequestError('invalid_request', detail);
