import { lookup as resolveHost } from 'node:dns';
import http from 'node:http';
import https from 'node:https';
import { BlockList, isIP, type LookupFunction } from 'node:net';
import { DeliveryError } from '../kit/errors.ts';

/**
 * Where our own requests to a messenger may go: public addresses, and what EGRESS_ALLOW opens. The address that was
 * checked is the one that is connected to, so a name that changes its mind in between reaches nothing.
 */
export interface Egress {
  /** Agents for requests whose address was checked by `check`. */
  readonly httpAgent: http.Agent;
  readonly httpsAgent: https.Agent;
  /** Names are checked when they are resolved; literal addresses are not resolved. @throws DeliveryError */
  check(url: string): void;
  /** Whether anybody on the internet could fetch it: no private address, no name of a local network. */
  isPublic(url: string): boolean;
  close(): void;
}

/** Everything that is not the public internet (RFC 6890 and its kin). */
const PRIVATE = [
  ...['0.0.0.0/8', '10.0.0.0/8', '100.64.0.0/10', '127.0.0.0/8', '169.254.0.0/16', '172.16.0.0/12', '192.0.0.0/24'],
  ...['192.0.2.0/24', '192.88.99.0/24', '192.168.0.0/16', '198.18.0.0/15', '198.51.100.0/24', '203.0.113.0/24'],
  ...['224.0.0.0/4', '240.0.0.0/4'],
  ...['::/128', '::1/128', '64:ff9b::/96', '64:ff9b:1::/48', '100::/64', '2001::/23', '2001:db8::/32', '2002::/16'],
  ...['fc00::/7', 'fe80::/10', 'fec0::/10', 'ff00::/8'],
];
const LOCAL_NAME = /(^|\.)(localhost|local|internal|lan|home|corp|test)\.?$/i;

const family = (address: string): 'ipv4' | 'ipv6' => (isIP(address) === 4 ? 'ipv4' : 'ipv6');

function listOf(cidrs: readonly string[]): BlockList {
  const list = new BlockList();
  for (const cidr of cidrs) {
    const [address = '', prefix = ''] = cidr.split('/');
    list.addSubnet(address, Number(prefix), family(address));
  }
  return list;
}

/** `::ffff:127.0.0.1` is 127.0.0.1; the URL parser writes it as `::ffff:7f00:1`. */
function unmapped(address: string): string {
  const mapped = /^::ffff:(?:(\d+\.\d+\.\d+\.\d+)|([0-9a-f]{1,4}):([0-9a-f]{1,4}))$/i.exec(address);
  if (!mapped) return address;
  if (mapped[1] !== undefined) return mapped[1];
  const [high, low] = [parseInt(mapped[2] ?? '0', 16), parseInt(mapped[3] ?? '0', 16)];
  return [high >> 8, high & 255, low >> 8, low & 255].join('.');
}

/** @param allow CIDRs. */
export function createEgress(allow: readonly string[], resolve: typeof resolveHost = resolveHost): Egress {
  const [closed, open] = [listOf(PRIVATE), listOf(allow)];
  const isInternet = (address: string): boolean => !closed.check(unmapped(address), family(unmapped(address)));
  const mayReach = (address: string): boolean => {
    const plain = unmapped(address);
    return isInternet(plain) || open.check(plain, family(plain));
  };

  const lookup: LookupFunction = (hostname, options, callback) => {
    resolve(hostname, { ...options, all: true }, (error, addresses) => {
      if (error) return callback(error, '', 0);
      const reachable = addresses.filter(({ address }) => mayReach(address));
      const [first] = reachable;
      if (!first || reachable.length < addresses.length) return callback(notAllowed(hostname), '', 0);
      if (options.all) return callback(null, reachable);
      callback(null, first.address, first.family);
    });
  };
  const httpAgent = new http.Agent({ keepAlive: true, lookup });
  const httpsAgent = new https.Agent({ keepAlive: true, lookup });

  return {
    httpAgent,
    httpsAgent,
    check(url) {
      const host = hostOf(url);
      if (isIP(host) !== 0 && !mayReach(host)) throw refusal();
    },
    isPublic(url) {
      const host = hostOf(url);
      if (isIP(host) !== 0) return isInternet(host);
      return host.includes('.') && !LOCAL_NAME.test(host);
    },
    close() {
      httpAgent.destroy();
      httpsAgent.destroy();
    },
  };
}

const hostOf = (url: string): string => new URL(url).hostname.replace(/^\[|\]$/g, '');

export const NOT_ALLOWED = 'address_not_allowed';

const notAllowed = (hostname: string): NodeJS.ErrnoException =>
  Object.assign(new Error(`${hostname} leads into a private network`), { code: NOT_ALLOWED });

export const refusal = (): DeliveryError =>
  new DeliveryError({
    verdict: 'retry',
    code: NOT_ALLOWED,
    detail: 'the address leads into a private network; EGRESS_ALLOW would let it',
  });
