import { randomBytes } from 'node:crypto';
import { createClock, type Clock } from './clock.ts';
import type { Faults } from './faults.ts';
import { applications, type ApplicationRow } from './oauth/applications.ts';
import { createOauthServer } from './oauth/oauthServer.ts';
import { pruneTokens } from './oauth/tokens.ts';
import { seedLine } from './openlines/lines.ts';
import { openPortal } from './portal.ts';
import type { PortalSwitches, SandboxPortal } from './portalHandle.ts';
import { createPortalState, portalRows, type Shared } from './portalState.ts';
import type { PortalRow } from './portalRow.ts';
import { createStore, type Table } from './store.ts';
import { seedUsers } from './users.ts';

export interface SandboxOptions extends Partial<PortalSwitches> {
  /** Keeps everything over restarts and crashes; absent: in memory. */
  readonly stateFile?: string;
  readonly clock?: Clock;
  /** Preferred ports of the first portal and of the OAuth server; another one is taken if they are busy. */
  readonly port?: number;
  readonly oauthPort?: number;
  /** Each refresh token works once (contract platform §2.5). Default true. */
  readonly strictRotation?: boolean;
}

export type NewPortal = Partial<Omit<PortalRow, 'formerPorts'>>;
export type NewApplication = Partial<ApplicationRow>;

export interface Sandbox {
  /** By member id. */
  readonly portals: ReadonlyMap<string, SandboxPortal>;
  readonly oauthUrl: string;
  readonly oauthFaults: Faults;
  readonly clock: Clock;
  /** A portal with the same member id that is there already is returned as it is. */
  addPortal(portal?: NewPortal): Promise<SandboxPortal>;
  /** Writes the card of an application; portals install it. */
  addApplication(application?: NewApplication): ApplicationRow;
  /** Pushes the clock forward and does what became due on every portal. */
  advance(ms: number): void;
  close(): Promise<void>;
}

const DEFAULT_SWITCHES: PortalSwitches = {
  refusedRequestsFillBucket: true,
  operatingLimitSeconds: 480,
  insufficientScopeStatus: 401,
  batchBilling: 'commands',
};

interface Meta {
  readonly clockOffsetMs: number;
  readonly oauthPort: number;
}

export async function createSandbox(options: SandboxOptions = {}): Promise<Sandbox> {
  const store = createStore(options.stateFile);
  const metaTable = store.table<Meta>('sandbox');
  const meta = metaTable.get('meta') ?? { clockOffsetMs: 0, oauthPort: options.oauthPort ?? 0 };
  const ownClock = createClock(Date.now, meta.clockOffsetMs);
  const clock = options.clock ?? ownClock;
  const shared: Shared = {
    clock,
    shared: <Row>(name: string): Table<Row> => store.table<Row>(name),
    oauthUrl: () => oauth.url,
  };
  pruneTokens(shared);
  const oauth = await createOauthServer({
    shared,
    strictRotation: options.strictRotation ?? true,
    port: options.oauthPort ?? meta.oauthPort,
  });
  const portals = new Map<string, SandboxPortal>();

  function remember(): void {
    metaTable.put('meta', { clockOffsetMs: ownClock.offsetMs(), oauthPort: Number(new URL(oauth.url).port) });
  }

  function advance(ms: number): void {
    clock.advance(ms);
    remember();
    for (const portal of portals.values()) portal.runAgents();
  }

  const deps = {
    store,
    shared,
    switches: { ...DEFAULT_SWITCHES, ...switchesOf(options) },
    advance,
    oauthFaults: oauth.faults,
    portals: () => portals.values(),
  };
  async function open(memberId: string): Promise<SandboxPortal> {
    const portal = await openPortal(deps, memberId);
    portals.set(memberId, portal);
    return portal;
  }

  remember();
  for (const row of portalRows(shared).values()) await open(row.memberId);

  return {
    portals,
    oauthUrl: oauth.url,
    oauthFaults: oauth.faults,
    clock,
    async addPortal(portal = {}) {
      const known = portals.get(portal.memberId ?? '');
      if (known) return known;
      const port = portals.size === 0 ? (options.port ?? 0) : 0;
      const row = newPortal({ port, ...portal });
      portalRows(shared).put(row.memberId, row);
      const inside = createPortalState(store, shared, row.memberId);
      seedUsers(inside);
      seedLine(inside);
      return open(row.memberId);
    },
    addApplication(application = {}) {
      const row = newApplication(application);
      applications(shared).put(row.clientId, row);
      return row;
    },
    advance,
    async close() {
      await Promise.all([...portals.values()].map((portal) => portal.close()));
      await oauth.close();
      store.close();
    },
  };
}

function switchesOf(options: SandboxOptions): Partial<PortalSwitches> {
  const names = Object.keys(DEFAULT_SWITCHES) as (keyof PortalSwitches)[];
  return Object.fromEntries(names.flatMap((name) => (options[name] === undefined ? [] : [[name, options[name]]])));
}

function newPortal(portal: NewPortal): PortalRow {
  return {
    memberId: randomBytes(16).toString('hex'),
    title: 'Sandbox portal',
    profile: 'cloud',
    plan: 'standard',
    language: 'en',
    requestLimit: 'plan',
    port: 0,
    ...portal,
    formerPorts: [],
  };
}

function newApplication(application: NewApplication): ApplicationRow {
  const id = randomBytes(6).toString('hex');
  return {
    clientId: `local.${id}.00000001`,
    clientSecret: randomBytes(25).toString('hex'),
    title: 'Application',
    kind: 'headless',
    scopes: ['imconnector', 'imopenlines', 'im', 'imbot', 'placement', 'contact_center', 'user'],
    version: 1,
    status: 'L',
    pageUrl: '',
    eventsUrl: '',
    connectorUrl: '',
    ...application,
  };
}
