import type { AuditedChange, AuditTarget } from '../../bridge/admin/audit.ts';
import type { Route } from './route.ts';

/**
 * What of a call may be kept in the audit: numbers, flags, states and ids of ours as they are; every other text only as
 * "there was one", unless it is named here. So a member nobody thought of gives nothing away.
 */

export const WITHHELD = '[withheld]';

/** Settings that are texts: words with a fixed meaning, codes and patterns that administrators gave. */
const SHOWN = new Set([
  ...['state', 'plan', 'kind', 'mode', 'preset', 'color', 'gender', 'ownerPolicy', 'scopes', 'botGeneration'],
  ...['slug', 'code', 'connector', 'messenger', 'bot', 'titleTemplate'],
]);
/** What these are called is no secret, and nobody's name. */
const NAMED_BY_ADMINISTRATORS = new Set(['messenger', 'connector', 'bot', 'apiKey']);
const NAMES = new Set(['name', 'lastName', 'workPosition']);
/** Of a shape nobody knows: the names of the members have to do. */
const OPAQUE = new Set(['settings', 'payload', 'detail']);
const PLAIN = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$|^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/;

/** `type`: of the target. */
export function auditable(value: unknown, type: string): unknown {
  const isShown = (member: string): boolean =>
    SHOWN.has(member) || (NAMES.has(member) && NAMED_BY_ADMINISTRATORS.has(type));

  function keep(inner: unknown, member: string, isOpaque: boolean): unknown {
    if (inner === null || inner === undefined) return inner;
    if (Array.isArray(inner)) return inner.map((item) => keep(item, member, isOpaque));
    if (typeof inner === 'object') {
      const members = Object.entries(inner).filter(([, its]) => its !== undefined);
      return Object.fromEntries(members.map(([name, its]) => [name, keep(its, name, isOpaque || OPAQUE.has(name))]));
    }
    if (isOpaque) return WITHHELD;
    if (typeof inner !== 'string') return inner;
    if (member === 'deliveryUrl') return originOf(inner);
    return isShown(member) || PLAIN.test(inner) ? inner : WITHHELD;
  }
  return keep(value, '', false);
}

/** Addresses often carry a token behind their host. */
const originOf = (url: string): string => (URL.canParse(url) ? `${new URL(url).origin}/…` : WITHHELD);

/** What differs between two answers of a resource, undefined standing for "there is none". */
export function auditableChange(before: unknown, after: unknown, type: string): AuditedChange {
  const [from, to] = differing(before, after);
  return { before: auditable(from, type), after: auditable(to, type) };
}

type Members = Record<string, unknown>;
const isObject = (value: unknown): value is Members =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function differing(before: unknown, after: unknown): [unknown, unknown] {
  if (!isObject(before) || !isObject(after)) return [before, after];
  const [from, to]: [Members, Members] = [{}, {}];
  for (const name of new Set([...Object.keys(before), ...Object.keys(after)])) {
    if (JSON.stringify(before[name]) === JSON.stringify(after[name])) continue;
    [from[name], to[name]] = differing(before[name], after[name]);
  }
  return [from, to];
}

/** Path segments that name what a call is about. */
const TYPES: Readonly<Record<string, string>> = {
  portals: 'portal',
  connectors: 'connector',
  bots: 'bot',
  messengers: 'messenger',
  channels: 'channel',
  conversations: 'conversation',
  companion: 'companion',
  import: 'run',
  runs: 'run',
  jobs: 'job',
  'webhook-events': 'webhookEvent',
  'api-keys': 'apiKey',
};

/** A companion goes by the id of its conversation. */
export function targetOf({ path }: Pick<Route, 'path'>, params: Readonly<Record<string, unknown>>): AuditTarget {
  const segments = path.split('/').slice(1);
  const at = segments.findLastIndex((segment) => TYPES[segment] !== undefined);
  const type = TYPES[segments[at] ?? ''] ?? segments[0] ?? '';
  const holder = segments[at] === 'companion' ? at - 1 : at + 1;
  const name = segments[holder]?.replace(/^:/, '');
  const id = segments[holder]?.startsWith(':') && name !== undefined ? params[name] : undefined;
  return { type, id: typeof id === 'string' ? id : null };
}

/** Of what a call made. */
export function idOf(made: unknown): string | undefined {
  const { id, slug, code } = (made ?? {}) as Record<string, unknown>;
  return [id, slug, code].find((one) => typeof one === 'string');
}

/** Ids of a messenger: a person's is a telephone number often enough. */
const PERSONAL = new Set(['externalId']);

/** `/portals/:id` with its parameters filled in, but for personal ones. */
export const concrete = (path: string, params: Readonly<Record<string, unknown>>): string =>
  path.replaceAll(/:(\w+)/g, (pattern, name: string) => {
    const value = params[name];
    return typeof value === 'string' && !PERSONAL.has(name) ? value : pattern;
  });
