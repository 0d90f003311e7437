import { isArray, toText, type Params } from './values.ts';

type Branch = Map<string, unknown>;

/** `parse_str`: brackets nest, `+` is a space, dots and spaces of a top-level name become `_`. */
export function parseQuery(text: string): Params {
  const root: Branch = new Map();
  for (const pair of text.split('&')) {
    if (pair === '') continue;
    const at = pair.indexOf('=');
    const name = decode(at < 0 ? pair : pair.slice(0, at));
    const path = pathOf(name);
    if (path) assign(root, path, at < 0 ? '' : decode(pair.slice(at + 1)));
  }
  return Object.fromEntries([...root].map(([key, value]) => [key, finish(value)]));
}

/** `http_build_query`: nulls and empty arrays vanish, booleans become 1 and 0 (contract platform §5.2). */
export function buildQuery(value: Params): string {
  const pairs: string[] = [];
  for (const [key, item] of Object.entries(value)) append(pairs, key, item);
  return pairs.join('&');
}

function decode(text: string): string {
  const spaced = text.replaceAll('+', ' ');
  try {
    return decodeURIComponent(spaced);
  } catch {
    return spaced;
  }
}

function pathOf(name: string): string[] | undefined {
  const open = name.indexOf('[');
  const head = (open < 0 ? name : name.slice(0, open)).trimStart().replace(/[. ]/g, '_');
  if (head === '') return undefined;
  const keys = open < 0 ? [] : [...name.slice(open).matchAll(/\[([^\]]*)\]/g)].map((match) => match[1] ?? '');
  return [head, ...keys];
}

function assign(root: Branch, path: string[], value: string): void {
  let branch = root;
  path.forEach((key, depth) => {
    const name = key === '' && depth > 0 ? nextIndex(branch) : key;
    if (depth === path.length - 1) {
      branch.set(name, value);
      return;
    }
    const next = branch.get(name);
    const child: Branch = next instanceof Map ? (next as Branch) : new Map<string, unknown>();
    branch.set(name, child);
    branch = child;
  });
}

function nextIndex(branch: Branch): string {
  const used = [...branch.keys()].filter((key) => /^\d+$/.test(key)).map(Number);
  return String(used.length === 0 ? 0 : Math.max(...used) + 1);
}

function finish(value: unknown): unknown {
  if (!(value instanceof Map)) return value;
  const entries = [...(value as Branch)].map(([key, item]) => [key, finish(item)] as const);
  const isList = entries.every(([key], index) => key === String(index));
  return isList ? entries.map(([, item]) => item) : Object.fromEntries(entries);
}

function append(pairs: string[], name: string, value: unknown): void {
  if (value === null || value === undefined) return;
  if (isArray(value)) {
    for (const [key, item] of Object.entries(value)) append(pairs, `${name}[${key}]`, item);
    return;
  }
  const text = value === false ? '0' : toText(value);
  pairs.push(`${encode(name)}=${encode(text)}`);
}

function encode(text: string): string {
  return encodeURIComponent(text)
    .replace(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll('%20', '+');
}
