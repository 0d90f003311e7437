import express, { type Express, type Request, type Response, type Router } from 'express';
import { clientEndpoint, portalDomain, portalUrl } from './address.ts';
import { controlRouter } from './control/router.ts';
import { consoleRouter } from './console/router.ts';
import { createPoster } from './events/post.ts';
import { createEventSender } from './events/sender.ts';
import { createFaults, type Faults } from './faults.ts';
import type { Portal } from './hit.ts';
import { listen, type Listener } from './http/listen.ts';
import { createLedger } from './ledger.ts';
import { createMethodFinder } from './methods/allMethods.ts';
import { deleteExpiredLines } from './openlines/remove.ts';
import { closeDueSessions } from './openlines/sessions.ts';
import { createOperations } from './operations.ts';
import type { PortalSwitches, SandboxPortal } from './portalHandle.ts';
import { createPortalState, portalRows, type Shared } from './portalState.ts';
import { createOperatingTime } from './rest/operatingTime.ts';
import { bucketSizeOf, createRequestBucket } from './rest/requestBucket.ts';
import { restHandler } from './rest/restServer.ts';
import { viewState } from './stateView.ts';
import type { Store } from './store.ts';

export interface PortalDependencies {
  readonly store: Store;
  readonly shared: Shared;
  readonly switches: PortalSwitches;
  /** Moves the clock of the whole sandbox. */
  readonly advance: (ms: number) => void;
  readonly oauthFaults: Faults;
  /** All portals of the sandbox. */
  readonly portals: () => Iterable<SandboxPortal>;
}

export async function openPortal(deps: PortalDependencies, memberId: string): Promise<SandboxPortal> {
  const { shared, switches } = deps;
  const inside = createPortalState(deps.store, shared, memberId);
  const poster = createPoster();
  const events = createEventSender(inside, poster);
  const faults = createFaults();
  const ledger = createLedger();
  const costs = new Map<string, number>();
  const operations = createOperations(inside, events);
  const isCloud = inside.row().profile === 'cloud';

  function runAgents(): void {
    operations.act(null, (hit) => {
      closeDueSessions(hit);
      deleteExpiredLines(hit);
    });
  }

  const rest = restHandler({
    portal: inside,
    findMethod: createMethodFinder(inside.row().profile),
    bucket: createRequestBucket(shared.clock, () => bucketSizeOf(inside.row()), switches.refusedRequestsFillBucket),
    operating: isCloud ? createOperatingTime(shared.clock, switches.operatingLimitSeconds) : undefined,
    costOf: (method) => costs.get(method.toLowerCase()) ?? 0,
    faults,
    ledger,
    sender: events,
    switches,
    runAgents,
  });

  const control = controlRouter({ portal: () => handle, advance: deps.advance, oauthFaults: deps.oauthFaults });
  const pages = consoleRouter({ portal: () => handle, portals: deps.portals });
  const listeners: Listener[] = [];
  async function openDoor(port: number): Promise<number> {
    const door = await listen(doorOf(inside, rest, control, pages), port);
    listeners.push(door);
    return door.port;
  }

  const handle: SandboxPortal = {
    ...operations,
    memberId,
    get url() {
      return portalUrl(inside.row());
    },
    get restUrl() {
      return clientEndpoint(inside.row());
    },
    get domain() {
      return portalDomain(inside.row());
    },
    get controlUrl() {
      return `${portalUrl(inside.row())}/_sandbox/v1`;
    },
    inside,
    faults,
    ledger,
    events,
    state: () => viewState(inside),
    setMethodCost: (method, seconds) => void costs.set(method.toLowerCase(), seconds),
    async move() {
      const row = inside.row();
      const port = await openDoor(0);
      portalRows(inside).put(memberId, { ...row, port, formerPorts: [...row.formerPorts, row.port] });
      return portalUrl(inside.row());
    },
    runAgents,
    async close() {
      events.close();
      await Promise.all(listeners.map((listener) => listener.close()));
      poster.close();
      await events.idle();
    },
  };

  const row = inside.row();
  for (const former of row.formerPorts) await openDoor(former);
  portalRows(inside).put(memberId, { ...row, port: await openDoor(row.port) });
  return handle;
}

/** One address of the portal. An address it moved away from sends REST callers on, and nothing else. */
function doorOf(
  inside: Portal,
  rest: (req: Request, res: Response) => Promise<void>,
  control: Router,
  pages: Router,
): Express {
  const app = express().disable('x-powered-by');
  app.use('/_sandbox/v1', control);
  app.use(pages);
  app.use(express.raw({ type: () => true, limit: '64mb' }));
  app.all(/^\/rest(\/|$)/, (req, res) => {
    const row = inside.row();
    if (req.socket.localPort === row.port) return rest(req, res);
    res.redirect(302, `${portalUrl(row)}${req.originalUrl}`);
  });
  return app;
}
