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
  /** In each so-manieth round PostgreSQL is torn down before the process, or instead of it in turns. */
  databaseEvery?: number;
  /** In each so-manieth round the operator finishes the dialogs. */
  sessionRounds?: number;
  /** Random numbers in [0, 1); a seeded source makes a run repeatable as far as processes allow. */
  random?: () => number;
  onProgress?: (kill: number) => void;
}

export interface CrashReport extends Judgement {
  kills: number;
  databaseCrashes: number;
  /** Jobs that wait for a person, as `kind: reason`: what cannot be known, and what failed for good. */
  parked: string[];
  dead: string[];
  /** Grants that died with a process in the middle of a renewal; an administrator opened the application again. */
  grantsLost: number;
}

/** A process lives up to so long after its first moments: long enough to get something done, most of the time. */
const LIFE_MS = 2_000;
/** In each so-manieth round whoever has to opens the application. */
const VISIT_EVERY = 10;
/** How long nobody listens. Longer than a lease, so that what a dead process held is free; sometimes longer than a lost call. */
const AWAY_MS = [20_000, 90_000] as const;

export async function crash(options: CrashOptions): Promise<CrashReport> {
  const { kills, databaseEvery = 25, sessionRounds = 20, random = Math.random, onProgress } = options;
  const postgres = await startCrashPostgres();
  const sandbox = await createSandbox();
  const portal = await sandbox.addPortal({ memberId: 'crash', requestLimit: 'off', plan: 'enterprise' });
  const site = createSite(sandbox, portal, postgres.databaseUrl);
  const messenger = await startMessenger({ secrets: () => [site.deliverySecret], now: () => sandbox.clock.now() });
  let killed = 0;
  let databaseCrashes = 0;
  let grantsLost = 0;
  try {
    await site.start();
    await site.wire(messenger.url);
    const traffic = createTraffic(site, { random, sessionRounds });
    await site.visit();
    await traffic.greet();
    await site.drain();
    loseAnswers(portal);
    failDeliveries(messenger, random);
    for (let round = 1; killed < kills; round++) {
      let isBack = (): void => undefined;
      const talking = traffic.round(round, new Promise((resolve) => (isBack = resolve)));
      await sleep(random() * LIFE_MS);
      const breaksDatabase = round % databaseEvery === 0;
      if (breaksDatabase) {
        await postgres.crash();
        databaseCrashes++;
        await sleep(random() * 400);
      }
      if (!breaksDatabase || databaseCrashes % 2 === 0) {
        await site.kill();
        killed++;
        sandbox.advance(AWAY_MS[random() < 0.5 ? 0 : 1]);
        await site.start();
      }
      isBack();
      await talking;
      if (round % VISIT_EVERY === 0) grantsLost += await site.visit();
      onProgress?.(killed);
    }
    portal.faults.clear();
    messenger.answerWith(taken);
    grantsLost += await site.visit();
    await site.drain();
    const judgement = judge(portal, traffic.said, messenger.received, await site.told());
    const [parked, dead] = [await site.left('parked'), await site.left('dead')];
    return { kills, databaseCrashes, ...judgement, parked, dead, grantsLost };
  } finally {
    await site.close();
    await messenger.close();
    await sandbox.close();
    await postgres.close();
  }
}

/** How many things went wrong. */
export function faultsIn({
  toPortal,
  toMessenger,
  wrongNames,
  nameRegressions,
  wrongCompanions,
  dead,
}: CrashReport): number {
  const faults = [toPortal, toMessenger].flatMap(({ lost, doubled, outOfOrder }) => [lost, doubled, outOfOrder]);
  return [...faults, toMessenger.unconfirmed, wrongNames, nameRegressions, wrongCompanions, dead].flat().length;
}

/**
 * A tenth of the answers never arrives although the work was done, and a twentieth of the requests breaks before. Of some
 * commands of a batch nothing is heard.
 */
function loseAnswers(portal: SandboxPortal): void {
  // A request breaks once, however many commands it carries.
  const request = { batchCommand: false };
  portal.faults.add({ match: { ...request, probability: 0.1 }, effect: { happensButNoAnswer: true } });
  portal.faults.add({ match: { ...request, probability: 0.05 }, effect: { reset: 'before' } });
  portal.faults.add({ match: { ...request, probability: 0.3 }, effect: { delayMs: 30 } });
  portal.faults.add({ match: { batchCommand: true, probability: 0.003 }, effect: { noEntry: true } });
}

const taken = (delivery: Delivered) => ({ body: { messageIds: [idOf(delivery)] } });

/** A tenth is taken and then answered with an error. */
function failDeliveries(messenger: MessengerStandIn, random: () => number): void {
  messenger.answerWith((delivery) => (random() < 0.1 ? { status: 503 } : taken(delivery)));
}
