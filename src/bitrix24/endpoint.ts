import { BlockList, isIP } from 'node:net';

/** Where the gateway may send requests: https to public hosts, unless the operator of the gateway allows more. */
export interface EndpointPolicy {
  /** Also plain http and private networks: self-hosted portals, the sandbox, tests. */
  allowInsecure: boolean;
}

const PRIVATE = new BlockList();
for (const [network, prefix] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['224.0.0.0', 3],
] as const) {
  PRIVATE.addSubnet(network, prefix, 'ipv4');
}
for (const [network, prefix] of [
  ['::', 127],
  ['64:ff9b:1::', 48],
  ['fc00::', 7],
  ['fe80::', 10],
  ['ff00::', 8],
] as const) {
  PRIVATE.addSubnet(network, prefix, 'ipv6');
}

/** Addresses that belong to the machine or its network. IPv4 inside IPv6 (`::ffff:10.0.0.1`) counts as what it is. */
export function isPrivateAddress(address: string): boolean {
  return PRIVATE.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');
}

/** The REST base with one trailing slash, or undefined when it is not one we may call. It ends with `/rest/`. */
export function restBase(endpoint: string, policy: EndpointPolicy): string | undefined {
  if (!URL.canParse(endpoint)) return undefined;
  const url = new URL(endpoint);
  const path = url.pathname.replace(/\/*$/, '/');
  if (!path.endsWith('/rest/') || url.username !== '' || url.password !== '') return undefined;
  return isAllowed(url, policy) ? `${url.origin}${path}` : undefined;
}

/** Names are checked again by the address they resolve to (agents.ts). */
function isAllowed(url: URL, { allowInsecure }: EndpointPolicy): boolean {
  if (allowInsecure) return url.protocol === 'https:' || url.protocol === 'http:';
  const host = url.hostname.replace(/^\[|\]$/g, '');
  if (url.protocol !== 'https:') return false;
  return isIP(host) === 0
    ? host.includes('.') && !/\.(localhost|local|internal)\.?$/.test(host)
    : !isPrivateAddress(host);
}

/** Host with its port, without the port a browser would leave out: how two names of one portal are compared. */
export const plainHost = (host: string): string => host.toLowerCase().replace(/:(80|443)$/, '');

/**
 * The REST base a redirect of `method` points to (contract platform §2.7: the path keeps its `/rest/` shape), or
 * undefined when it is no move of the portal.
 */
export function movedBase(location: string, from: string, method: string, policy: EndpointPolicy): string | undefined {
  if (location === '' || !URL.canParse(location, from)) return undefined;
  const url = new URL(location, from);
  const path = url.pathname
    .toLowerCase()
    .replace(/\/$/, '')
    .replace(/\.json$/, '');
  const at = path.lastIndexOf('/rest/');
  if (at < 0 || path.slice(at).replace(/\/+/g, '/') !== `/rest/${method.toLowerCase()}`) return undefined;
  return restBase(`${url.origin}${url.pathname.slice(0, at)}/rest/`, policy);
}
