import { once } from 'node:events';
import { type Server, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createActivityRecord } from './bridge/activity.ts';
import { createBlockedPortals } from './bridge/blockedPortals.ts';
import { createPollSchedule } from './bridge/botEvents.ts';
import { createDailyWork } from './bridge/daily.ts';
import { firstAdminKey, replaceKey } from './bridge/identity.ts';
import { createRetention } from './bridge/retention.ts';
import type { Config } from './config.ts';
import { createServerApp } from './http/server.ts';
import type { Clock } from './kit/clock.ts';
import type { Logger } from './kit/logger.ts';
import { createWorker, LEASE_MS, type Worker } from './outbox/worker.ts';
import { doorsOf } from './wiring/doors.ts';
import { handlersOf } from './wiring/handlers.ts';
import { closeParts, createParts, giveUpRequests, type Parts, type Settled } from './wiring/parts.ts';

export type { Settled } from './wiring/parts.ts';

export interface Gateway {
  readonly port: number;
  readonly publicUrl: string;
  /** Only when it was made just now: it is shown once. */
  readonly newAdminKey: string | undefined;
  /** A key for a program that comes with the gateway; an older one of the same name stops working. */
  issueKey(name: string, scopes: readonly string[]): Promise<string>;
  /** Stops taking requests, finishes what is under way, lets go of everything. */
  stop(options?: { graceMs?: number }): Promise<void>;
}

/** Starts and stops one process of the gateway. What it is made of is in `wiring/`. */
export async function startGateway(config: Settled, lines: Logger, owned: { clock?: Clock } = {}): Promise<Gateway> {
  const parts = await createParts(config, lines, owned);
  const { db, wake, outbox, gate, clock, address, log } = parts;
  const newAdminKey = await firstAdminKey(db, config.adminApiKey);
  const handlers = handlersOf(parts);
  const giveUp = (): void => giveUpRequests(parts);
  const worker = createWorker({ outbox, gate, wake, handlers, clock, log, leaseMs: LEASE_MS, giveUp });
  const server = createServer(createServerApp(doorsOf(parts, worker, Object.keys(handlers))));
  const port = await listen(server, config);
  if (config.publicUrl === `http://127.0.0.1:${config.port}`) address.url = `http://127.0.0.1:${port}`;
  await wake.start();
  const rounds = await startRounds(parts, worker);
  log.info('gateway.started', { port, role: config.role, installationId: parts.installationId });

  return {
    port,
    get publicUrl() {
      return address.url;
    },
    newAdminKey,
    issueKey: (name, scopes) => replaceKey(db, name, scopes),
    async stop({ graceMs = 20_000 } = {}) {
      await Promise.all([closeServer(server), worker.stop({ graceMs }), rounds.stop()]);
      await closeParts(parts);
      log.info('gateway.stopped');
    },
  };
}

/** What happens by itself, again and again, in the processes whose role it is. */
async function startRounds(parts: Parts, worker: Worker): Promise<{ stop(): Promise<void> }> {
  const { db, outbox, portals, gate, wake, clock, log, localGateId, config, resealing } = parts;
  // Whoever only works has no door that could have been closed.
  const pulse = config.role === 'worker' ? undefined : parts.pulse;
  await pulse?.start();
  const retention = createRetention({ db, clock, log });
  const pollSchedule = createPollSchedule({ db, outbox, clock, log });
  const activity = createActivityRecord({ db, clock, log });
  const daily = createDailyWork({ db, outbox, clock, log, localGateId });
  const blockedPortals = createBlockedPortals({ db, portals, gate, wake, log });
  if (config.role !== 'web') {
    worker.start();
    blockedPortals.start();
    retention.start();
    activity.start();
    resealing.start();
    await daily.start();
    pollSchedule.start();
  }
  return {
    async stop() {
      const rounds = [retention, activity, resealing, daily, pollSchedule, blockedPortals];
      await Promise.all(rounds.map((round) => round.stop()));
      await pulse?.stop();
    },
  };
}

async function listen(server: Server, { host, port }: Config): Promise<number> {
  server.listen(port, host);
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

/** Requests under way are answered; their connections would then be kept alive for another one that never comes. */
async function closeServer(server: Server): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  const tidy = setInterval(() => server.closeIdleConnections(), 50);
  const impatience = setTimeout(() => server.closeAllConnections(), 5_000);
  await closed;
  clearInterval(tidy);
  clearTimeout(impatience);
}
