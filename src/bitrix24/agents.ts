import { lookup, type LookupAddress, type LookupOptions } from 'node:dns';
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import type { LookupFunction, Socket } from 'node:net';
import { isPrivateAddress, type EndpointPolicy } from './endpoint.ts';

/** Long enough for DNS, TCP and TLS to the other side of the world. */
const CONNECT_TIMEOUT_MS = 15_000;
/**
 * Shorter than servers keep an idle connection (Node 5 s, nginx 15 s and more): a request written into a connection
 * that is just being closed has an unknown outcome.
 */
const IDLE_MS = 4_000;

export interface Agents {
  httpAgent: HttpAgent;
  httpsAgent: HttpsAgent;
  destroy(): void;
}

/** Keep-alive connections which fail with a code of their own when nothing was sent yet. */
export function createAgents(
  { allowInsecure }: EndpointPolicy,
  { connectTimeoutMs = CONNECT_TIMEOUT_MS }: { connectTimeoutMs?: number } = {},
): Agents {
  const options = {
    keepAlive: true,
    timeout: IDLE_MS,
    maxSockets: 64,
    maxFreeSockets: 16,
    ...(allowInsecure ? {} : { lookup: publicLookup }),
  };
  const httpAgent = new HttpAgent(options);
  const httpsAgent = new HttpsAgent(options);
  limitConnecting(httpAgent, 'connect', connectTimeoutMs);
  limitConnecting(httpsAgent, 'secureConnect', connectTimeoutMs);
  return {
    httpAgent,
    httpsAgent,
    destroy() {
      httpAgent.destroy();
      httpsAgent.destroy();
    },
  };
}

/** Before `ready` nothing of the request is on the wire, so giving up there is certain to have had no effect. */
function limitConnecting(agent: HttpAgent, ready: 'connect' | 'secureConnect', limitMs: number): void {
  const connect = agent.createConnection.bind(agent);
  agent.createConnection = (options, done) => {
    const socket = connect(options, done) as Socket;
    const timer = setTimeout(() => {
      socket.destroy(Object.assign(new Error('no connection in time'), { code: 'ECONNECTTIMEOUT' }));
    }, limitMs);
    const stop = (): void => clearTimeout(timer);
    socket.once(ready, stop).once('close', stop);
    return socket;
  };
}

/** Name look-up that knows no private addresses: a public name may point into our network on purpose. */
export const publicLookup: LookupFunction = (hostname, options: LookupOptions, done) => {
  lookup(hostname, { ...options, all: true }, (error, found: LookupAddress[]) => {
    if (error) return done(error, '');
    const allowed = found.filter(({ address }) => !isPrivateAddress(address));
    const [first] = allowed;
    if (!first) {
      return done(Object.assign(new Error(`${hostname} is a private address`), { code: 'EPRIVATEADDRESS' }), '');
    }
    return options.all ? done(null, allowed) : done(null, first.address, first.family);
  });
};
