import { createHash } from 'node:crypto';
import { RequestError } from '../kit/errors.ts';
import { formMap, type FormValue } from './form.ts';
import { asId, asText } from './wire.ts';

export { parseForm, type FormValue } from './form.ts';

/** What a portal shall tell us (contract imconnector §4, platform §1.5). */
export const BOUND_EVENTS = [
  'ONIMCONNECTORMESSAGEADD',
  'ONIMCONNECTORMESSAGEUPDATE',
  'ONIMCONNECTORMESSAGEDELETE',
  'ONIMCONNECTORDIALOGSTART',
  'ONIMCONNECTORDIALOGFINISH',
  'ONIMCONNECTORSTATUSDELETE',
  'ONIMCONNECTORLINEDELETE',
  'ONAPPUPDATE',
  'ONAPPUNINSTALL',
  'ONAPPPAYMENT',
  'ONAPPTEST',
] as const;

/** The last one comes unbound. */
export type KnownEvent = (typeof BOUND_EVENTS)[number] | 'ONAPPINSTALL';

export interface PortalEvent {
  /** Upper case. Others than the known ones are possible. */
  event: KnownEvent | (string & Record<never, never>);
  memberId: string;
  /** Proves the event to be of this portal (constant per installation); compare it in constant time. */
  applicationToken: string;
  /** Host of the portal as it says; unverified until the token is. */
  domain?: string;
  clientEndpoint?: string;
  data: FormValue | undefined;
  /** `ts` of the form, as it came. Of the portal's building or the queue's sending: sources disagree (platform §5.4). */
  ts: string;
}

/** The envelope of every event. Nothing in it is proven yet. @throws RequestError */
export function readEvent(form: FormValue): PortalEvent {
  const { event, data, auth, ts } = formMap(form);
  const { member_id, application_token, domain, client_endpoint } = formMap(auth);
  const name = asText(event).toUpperCase();
  if (!/^[A-Z][A-Z0-9_]{0,99}$/.test(name)) throw new RequestError('invalid_request', 'the event has no name');
  const memberId = asText(member_id);
  const applicationToken = asText(application_token);
  if (memberId === '' || applicationToken === '') throw new RequestError('unverified_origin');
  return {
    event: name,
    memberId,
    applicationToken,
    ...(asText(domain) === '' ? {} : { domain: asText(domain) }),
    ...(asText(client_endpoint) === '' ? {} : { clientEndpoint: asText(client_endpoint) }),
    data,
    ts: asText(ts),
  };
}

/** Events which happen once per object: the ids alone make a repetition the same event. */
const ONCE = new Set<string>([
  'ONIMCONNECTORMESSAGEADD',
  'ONIMCONNECTORMESSAGEDELETE',
  'ONIMCONNECTORDIALOGSTART',
  'ONIMCONNECTORDIALOGFINISH',
  'ONIMCONNECTORLINEDELETE',
]);

/** Where those ids are (contract imconnector §4.2-4.7); the rest may differ between two deliveries. */
const IDS = [
  /^$/,
  /^(CONNECTOR|LINE)$/,
  /^MESSAGES\.\d+\.(im\.(chat_id|message_id)|message\.id(\.\d+)?|chat\.id)$/,
  /^DATA\.\d+\.(connector\.(connector_id|line_id|chat_id)|session\.id)$/,
];

/**
 * Tells a repeated delivery from a new event; Bitrix24 has no event ids (contract platform §5.4). At most 150 characters.
 *
 * Events that happen once per object are keyed by the ids of the object. Others say "it is like this now" and recur with
 * the same ids: a message edited to B, back to A and to B again; a line disconnected twice. Their key takes the whole
 * data and `ts` in, so that no recurrence is taken for a repetition; a repetition that slips through does no harm there.
 */
export function eventKey(event: PortalEvent): string {
  const leaves = flatten(event.data);
  const parts = ONCE.has(event.event)
    ? leaves.filter(([path]) => IDS.some((id) => id.test(path)))
    : [...leaves, ['ts', event.ts]];
  const text = JSON.stringify(parts.sort(([a = ''], [b = '']) => (a < b ? -1 : a > b ? 1 : 0)));
  return `${event.event}:${createHash('sha256').update(`${event.memberId}\n${text}`).digest('base64url')}`;
}

/** Paths and values of all leaves. */
function flatten(value: FormValue | undefined, path = ''): [path: string, value: string][] {
  if (value === undefined) return [];
  if (typeof value === 'string') return [[path, value]];
  return Object.entries(value).flatMap(([key, inner]) => flatten(inner, path === '' ? key : `${path}.${key}`));
}

export interface LineEvent {
  /** Lower case. */
  connector: string;
  line: string;
}

/** Connector and line of any connector event; StatusDelete spells its keys in lower case (imconnector §4.5). */
export function readLine(event: PortalEvent): LineEvent {
  const data = formMap(event.data);
  const connector = asText(data.CONNECTOR ?? data.connector).toLowerCase();
  const line = asId(data.LINE ?? data.line);
  if (connector === '' || line === undefined) throw misshapen(event);
  return { connector, line };
}

/** ONIMCONNECTORSTATUSDELETE: the connector was disconnected from the line, possibly by our own call. */
export const readStatusDelete = readLine;

/** ONIMCONNECTORLINEDELETE: `data` is the id itself; sent for lines of others too (imconnector §4.6). */
export function readLineDelete(event: PortalEvent): string {
  const line = asId(event.data);
  if (line === undefined) throw misshapen(event);
  return line;
}

/** ONAPPUPDATE. Comes with a possibly new `applicationToken`: verify it with `readInstallEvent`, not by the old token. */
export function readAppUpdate(event: PortalEvent): { version: string; previousVersion: string } {
  const { VERSION, PREVIOUS_VERSION } = formMap(event.data);
  return { version: asText(VERSION), previousVersion: asText(PREVIOUS_VERSION) };
}

/** ONAPPUNINSTALL. `clean`: the administrator wants the data gone too. */
export const readAppUninstall = (event: PortalEvent): { clean: boolean } => ({
  clean: asText(formMap(event.data).CLEAN) === '1',
});

export const misshapen = (event: PortalEvent): RequestError =>
  new RequestError('invalid_request', `the data of ${event.event} has an unknown shape`);
