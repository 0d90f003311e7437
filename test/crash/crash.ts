import { setTimeout as sleep } from 'node:timers/promises';
import { createSandbox } from '../../src/sandbox/sandbox.ts';
import type { SandboxPortal } from '../../src/sandbox/portalHandle.ts';
import { type Delivered, idOf, type MessengerStandIn, startMessenger } from '../support/messengerStandIn.ts';
import { judge, type Judgement } from './judge.ts';
import { startCrashPostgres } from './postgres.ts';
import { createSite } from './site.ts';
import { createTraffic } from './traffic.ts';

/**
 * Real gateway processes, killed at random moments while messages of both sides, renames and companions are on their way
 * and answers get lost; now and then PostgreSQL is torn down under them. Afterwards the records of the portal and of the
 * messenger say whether anything was lost, doubled or out of order.
 */
export interface CrashOptions {
  /** How often a process is killed. */
  kills: number;
  /** In each so-manieth round PostgreSQL is torn down before the process. */
  databaseEvery?: number;
  /** Random numbers in [0, 1); a seeded source makes a run repeatable as far as processes allow. */
  random?: () => number;
  onProgress?: (kill: number) => void;
}

export interface CrashReport extends Judgement {
  kills: number;
  databaseCrashes: number;
  /** Waits for a person; as `kind: reason`. */
  parked: string[];
}

/** Longer than a lease, so that what a dead process held is free. */
const LEASE_OVER_MS = 20_000;

export async function crash(options: CrashOptions): Promise<CrashReport> {
  const { kills, databaseEvery = 25, random = Math.random, onProgress } = options;
  const postgres = await startCrashPostgres();
  const sandbox = await createSandbox();
  const portal = await sandbox.addPortal({ memberId: 'crash', requestLimit: 'off', plan: 'enterprise' });
  const site = createSite(sandbox, portal, postgres.databaseUrl);
  const messenger = await startMessenger({ secrets: () => [site.deliverySecret], now: () => sandbox.clock.now() });
  let databaseCrashes = 0;
  try {
    await site.start();
    await site.wire(messenger.url);
    const traffic = createTraffic(site, random);
    await traffic.greet();
    await site.drain();
    loseAnswers(portal);
    failDeliveries(messenger, random);
    for (let kill = 1; kill <= kills; kill++) {
      let isBack = (): void => undefined;
      const talking = traffic.round(kill, new Promise((resolve) => (isBack = resolve)));
      await sleep(random() * 400);
      if (kill % databaseEvery === 0) {
        await postgres.crash();
        databaseCrashes++;
        await sleep(random() * 400);
      }
      await site.kill();
      sandbox.advance(LEASE_OVER_MS);
      await site.start();
      isBack();
      await talking;
      onProgress?.(kill);
    }
    portal.faults.clear();
    messenger.answerWith(taken);
    await site.drain();
    return { kills, databaseCrashes, ...judge(portal, traffic.said, messenger.received), parked: await site.parked() };
  } finally {
    await site.close();
    await messenger.close();
    await sandbox.close();
    await postgres.close();
  }
}

/** How many things went wrong. */
export function faultsIn({ toPortal, toMessenger, wrongNames, nameRegressions, wrongCompanions }: CrashReport): number {
  const faults = [toPortal, toMessenger].flatMap(({ lost, doubled, outOfOrder }) => [lost, doubled, outOfOrder]);
  return [...faults, toMessenger.unconfirmed, wrongNames, nameRegressions, wrongCompanions].flat().length;
}

/** A tenth of the answers never arrives although the work was done, and a twentieth of the requests breaks before. */
function loseAnswers(portal: SandboxPortal): void {
  portal.faults.add({ match: { probability: 0.1 }, effect: { happensButNoAnswer: true } });
  portal.faults.add({ match: { probability: 0.05 }, effect: { reset: 'before' } });
  portal.faults.add({ match: { probability: 0.3 }, effect: { delayMs: 30 } });
}

const taken = (delivery: Delivered) => ({ body: { messageIds: [idOf(delivery)] } });

/** A tenth is taken and then answered with an error. */
function failDeliveries(messenger: MessengerStandIn, random: () => number): void {
  messenger.answerWith((delivery) => (random() < 0.1 ? { status: 503 } : taken(delivery)));
}
