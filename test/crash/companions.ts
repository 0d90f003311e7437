import { randomBytes } from 'node:crypto';
import { createBots, probeGeneration } from '../../src/bitrix24/bots/generation.ts';
import type { Call } from '../../src/bitrix24/portalApi.ts';
import { createCompanionConvergence } from '../../src/bridge/companions.ts';
import { wishCompanion } from '../../src/bridge/companionWish.ts';
import { createDatabase } from '../../src/db/database.ts';
import { DeliveryError } from '../../src/kit/errors.ts';
import { silentLogger } from '../../src/kit/logger.ts';
import { createVault } from '../../src/kit/secrets.ts';
import { execute } from '../../src/outbox/execute.ts';
import { untilDueMs } from '../../src/outbox/due.ts';
import { createGate } from '../../src/outbox/gate.ts';
import { createOutbox, type Claimed, type Outbox } from '../../src/outbox/outbox.ts';
import type { Wake } from '../../src/outbox/wake.ts';
import { LEASE_MS } from '../../src/outbox/worker.ts';
import type { Profile } from '../../src/sandbox/portalRow.ts';
import { connectSandbox } from '../integration/bitrix24/sandboxPortal.ts';

export interface RaceOptions {
  databaseUrl: string;
  profile: Profile;
  /** Conversations that get a companion. */
  conversations: number;
  /** Wishes for each of them at the same moment. */
  racers: number;
  /** Processes that die, each at another step: before a call, after it, before a commit, after it. */
  crashes: number;
  /** How many answers of the portal are lost after the work was done; 0 to 1. */
  lostAnswers: number;
  random?: () => number;
  onProgress?: (done: number) => void;
}

export interface RaceReport {
  races: number;
  crashes: number;
  lostAnswers: number;
  /** Conversations with another number of chats than one, or without the right one. */
  wrong: string[];
  /** Jobs that were given up or wait for a person. */
  unsettled: number;
  /** How often a process died at each step of the making. */
  crashedAt: Record<string, number>;
}

/** Most steps that making a companion takes: each call and each commit is two. */
const STEPS = 16;
const HOLDER = 'races';
const PARALLEL = 8;

/** The life of one process: it may end in the middle of anything, and nobody writes down that it did. */
function createProcess(diesAt: number | undefined, onDeath: (step: string) => void) {
  let step = 0;
  let die: () => void = () => undefined;
  const death = new Promise<void>((resolve) => (die = resolve));
  async function mayDie(name: string): Promise<void> {
    if (step++ !== diesAt) return;
    onDeath(name);
    die();
    await new Promise(() => undefined);
  }
  return { death, mayDie };
}

type Process = ReturnType<typeof createProcess>;

const silentWake: Wake = {
  all: () => undefined,
  onWake: () => undefined,
  start: () => Promise.resolve(),
  stop: () => Promise.resolve(),
};

/**
 * Many companions, wished by several at once, made by processes that die and on a portal whose answers get lost. Time is
 * virtual: it passes when nothing is due.
 */
export async function raceForCompanions(options: RaceOptions): Promise<RaceReport> {
  const { conversations, racers, random = Math.random } = options;
  const connected = await connectSandbox({ profile: options.profile });
  const { clock } = connected.sandbox;
  const db = createDatabase({ url: options.databaseUrl });
  const outbox = createOutbox({ db, wake: silentWake, clock });
  const gate = createGate({ sql: db.sql, clock });
  const vault = createVault([randomBytes(32)]);
  const generation = await probeGeneration(connected.call);
  const seeded = await seed();
  const report: RaceReport = { races: 0, crashes: 0, lostAnswers: 0, wrong: [], unsettled: 0, crashedAt: {} };

  async function seed(): Promise<{ gateId: string; ids: string[] }> {
    const { prisma } = db;
    const [own, events, deliveries] = await Promise.all(
      ['portal', 'events', 'deliveries'].map((key) => prisma.gate.create({ data: { key: `races:${key}` } })),
    );
    const gateId = own?.id ?? 0n;
    const urls = { domain: 'portal', clientEndpoint: 'http://portal/rest/', serverEndpoint: 'http://oauth/rest/' };
    const portal = await prisma.portal.create({
      data: { ...urls, memberId: 'races', gateId, botGeneration: generation, scope: [] },
    });
    const gates = { gateId: events?.id ?? 0n, deliveryGateId: deliveries?.id ?? 0n };
    const messenger = await prisma.messenger.create({ data: { slug: 'races', name: 'Races', ...gates } });
    const connector = await prisma.connector.create({
      data: { portalId: portal.id, code: 'races', name: 'Races', kind: 'group', state: 'ready' },
    });
    const channel = await prisma.channel.create({
      data: {
        portalId: portal.id,
        messengerId: messenger.id,
        connectorId: connector.id,
        lineId: 1,
        state: 'ready',
        companion: { mode: 'onDemand', memberUserIds: [7, 27] },
      },
    });
    const token = 'races-token';
    const bots = createBots(connected.call, generation);
    const profile = { name: 'Racer' };
    const { botId } = await bots.register({ code: 'races', token, profile, webhook: connected.eventsUrl });
    const known = { botId: Number(botId), state: 'ready', name: 'Racer', token: vault.encrypt(token) };
    await prisma.bot.create({ data: { ...known, portalId: portal.id, code: 'races' } });
    const rows = Array.from({ length: conversations }, (_, n) => ({
      channelId: channel.id,
      messengerId: messenger.id,
      externalId: `c-${n}`,
      dialogKey: `c-${n}`,
      kind: 'group',
      wantedName: `Order ${n}`,
    }));
    const created = await prisma.conversation.createManyAndReturn({ data: rows, select: { id: true } });
    return { gateId: gateId.toString(), ids: created.map(({ id }) => id) };
  }

  const lossy =
    (process: Process): Call =>
    async (method, params, { repeatable = false } = {}) => {
      await process.mayDie(`before ${method}`);
      const result = await connected.call(method, params, { repeatable });
      await process.mayDie(`after ${method}`);
      if (random() >= options.lostAnswers) return result;
      report.lostAnswers++;
      const mayRunUntil = clock.now() + 62_000;
      const lost = { code: 'network', detail: `${method}: the answer was lost` };
      throw new DeliveryError(repeatable ? { ...lost, verdict: 'retry' } : { ...lost, verdict: 'unsure', mayRunUntil });
    };

  const mortal = (process: Process): Outbox => ({
    ...outbox,
    async transaction(work) {
      await process.mayDie('before a commit');
      const result = await outbox.transaction(work);
      await process.mayDie('after a commit');
      return result;
    },
  });

  let diesNext = 0;
  async function run(claimed: Claimed): Promise<void> {
    // One process for each job; the first attempts die, each at the next step.
    const dies = report.crashes < options.crashes && random() < 0.8 ? diesNext++ % STEPS : undefined;
    const process = createProcess(dies, (step) => {
      report.crashes++;
      report.crashedAt[step] = (report.crashedAt[step] ?? 0) + 1;
    });
    const bots = createBots(lossy(process), generation);
    const of = (): Promise<typeof bots> => Promise.resolve(bots);
    const convergeCompanion = createCompanionConvergence({
      db,
      bots: { of, live: of },
      vault,
      clock,
      log: silentLogger,
    });
    const handlers = { convergeCompanion };
    const deps = { outbox: mortal(process), gate, handlers, clock, log: silentLogger, leaseMs: LEASE_MS };
    await Promise.race([execute(claimed, new AbortController().signal, deps), process.death]);
  }

  async function workUntilDone(): Promise<void> {
    const running = new Set<Promise<void>>();
    for (;;) {
      const limit = PARALLEL - running.size;
      const claim = { gateId: seeded.gateId, class: 'bulk', limit, leaseMs: LEASE_MS, holder: HOLDER } as const;
      const claimed = limit > 0 ? await outbox.claim(claim) : [];
      for (const one of claimed) {
        const done: Promise<void> = run(one).finally(() => running.delete(done));
        running.add(done);
      }
      if (running.size > 0) {
        await Promise.race(running);
        continue;
      }
      if (claimed.length > 0) continue;
      const due = await outbox.look(seeded.gateId, { holder: HOLDER, party: PARALLEL });
      const dueMs = due && untilDueMs(due);
      if (dueMs === undefined) return;
      connected.sandbox.advance(Math.max(1, Math.ceil(dueMs)));
    }
  }

  async function wish(id: string): Promise<void> {
    const ask = (): Promise<unknown> => outbox.transaction((tx) => wishCompanion(tx, id, {}, undefined));
    await Promise.all(Array.from({ length: racers }, ask));
    report.races += racers > 1 ? 1 : 0;
  }

  async function check(): Promise<void> {
    const chats = new Map<string, number[]>();
    for (const { entityId, chatId } of connected.portal.state().companions) {
      chats.set(entityId, [...(chats.get(entityId) ?? []), chatId]);
    }
    const rows = await db.prisma.companion.findMany({ where: { conversationId: { in: seeded.ids } } });
    const byConversation = new Map(rows.map((row) => [row.conversationId, row]));
    for (const id of seeded.ids) {
      const row = byConversation.get(id);
      const own = chats.get(row?.key ?? '') ?? [];
      if (row?.state !== 'ready' || own.length !== 1 || String(own[0]) !== row.chatId) report.wrong.push(id);
    }
    if (connected.portal.state().companions.length !== conversations) report.wrong.push('chats nobody asked for');
    report.unsettled = await db.prisma.job.count();
  }

  try {
    for (let at = 0; at < seeded.ids.length; at += BATCH) {
      const batch = seeded.ids.slice(at, at + BATCH);
      await Promise.all([...batch.map(wish), workUntilDone()]);
      await workUntilDone();
      options.onProgress?.(Math.min(at + BATCH, conversations));
    }
    await check();
    return report;
  } finally {
    await connected.close();
    await db.close();
  }
}

/** Wished at the same time, while the first of them are being made already. */
const BATCH = 8;
