import type { BotEvent } from '../bitrix24/bots/bots.ts';
import type { Database, Prisma } from '../db/database.ts';
import type { Clock } from '../kit/clock.ts';
import type { Logger } from '../kit/logger.ts';
import type { Vault } from '../kit/secrets.ts';
import type { Handler, OutboxTx, Result } from '../outbox/job.ts';
import type { Outbox } from '../outbox/outbox.ts';
import { type BotAccess, botKey } from './botAccess.ts';
import { joined } from './botJoins.ts';
import { noteBotTrouble } from './botTrouble.ts';
import { madeBy } from './companionChat.ts';
import { hearMessage } from './companionTalk.ts';
import { pollBotEvents } from './jobs.ts';

/**
 * What the portal tells a bot, fetched: each event is processed in one transaction with the offset behind it, and only
 * the next fetch makes the portal forget it (contract imbot §9.1, 19.7).
 */

/** A request each: seldom while nothing happens, often while people talk; out of 2 a second that the portal allows. */
const IDLE_MS = 30_000;
const TALKING_MS = 5_000;
const TALK_LASTS_MS = 10 * 60_000;

type BotRow = Prisma.BotGetPayload<object>;

interface PollDeps {
  db: Database;
  bots: BotAccess;
  vault: Vault;
  clock: Clock;
  log: Logger;
}

export function createBotEventPolling(deps: PollDeps): Handler {
  const { db, clock, log } = deps;

  /** Returns false where an event has to wait, and everything after it. */
  async function process(tx: OutboxTx, bot: BotRow, event: BotEvent): Promise<boolean> {
    if (madeBy(event, String(bot.botId)).length > 0) return !(await isMaking(tx, bot));
    if (event.kind === 'joined') await joined(tx, bot, event.chat);
    if (event.kind === 'deleted') await noteBotTrouble(tx, bot.id, 'bot_deleted');
    if (event.kind === 'message') {
      const { command } = await hearMessage(tx, bot, event.message, new Date(clock.now()));
      if (command) log.info('companion.commanded', { botId: bot.id, portalId: bot.portalId, command });
    }
    return true;
  }

  return {
    async run(job, run): Promise<Result> {
      const bot = await db.prisma.bot.findUnique({ where: { id: job.payload.botId ?? '' } });
      const ref = bot && botKey(bot, deps.vault);
      if (!bot || !ref || bot.state === 'failed') return { outcome: 'done' };
      const bots = await deps.bots.of(bot.portalId, () => run.token());
      const { events, hasMore } = await bots.readEvents({ ...ref, offset: bot.eventOffset.toString() });
      let goesOn = true;
      for (const event of events) {
        await run.checkpoint(async (tx) => {
          goesOn = await process(tx, bot, event);
          const data = { eventOffset: BigInt(event.id) + 1n };
          if (goesOn) await tx.prisma.bot.update({ where: { id: bot.id }, data });
        });
        if (!goesOn) break;
      }
      const now = clock.now();
      const lastEventAt = events.length > 0 ? new Date(now) : bot.lastEventAt;
      const talking = lastEventAt !== null && now - lastEventAt.getTime() < TALK_LASTS_MS;
      const afterMs = hasMore && goesOn ? 0 : talking ? TALKING_MS : IDLE_MS;
      const data = { lastEventAt, pollAt: new Date(now + afterMs) };
      return {
        outcome: 'done',
        commit: async (tx) => void (await tx.prisma.bot.update({ where: { id: bot.id }, data })),
      };
    },
    failed: (tx, job, { code }) => noteBotTrouble(tx, job.payload.botId ?? '', code),
  };
}

/** A chat without a key may be the one a lost answer spoke of: its event is all that tells (see companionChat.ts). */
async function isMaking({ prisma }: OutboxTx, bot: BotRow): Promise<boolean> {
  const where = { botId: bot.id, chatId: null, createStartedAt: { not: null }, state: 'pending' };
  return (await prisma.companion.count({ where })) > 0;
}

/** $1 now, $2 until then nobody else schedules them. Bots that have a chat to listen to, of portals that can be asked. */
const DUE_BOTS = `
update bot b set poll_at = $2::timestamptz
from portal p join gate g on g.id = p.gate_id
where b.portal_id = p.id and b.state = 'ready' and p.bot_generation = 'v2' and p.uninstalled_at is null
  and not g.paused and (g.blocked_until is null or g.blocked_until <= $1::timestamptz)
  and (b.poll_at is null or b.poll_at <= $1::timestamptz)
  and exists (select 1 from companion c where c.bot_id = b.id and c.state <> 'archived'
    and (c.chat_id is not null or c.create_started_at is not null))
returning b.id::text as id, b.portal_id::text as "portalId", p.gate_id::text as "gateId"`;

const LOOK_EVERY_MS = 1_000;
/** A job that was lost with its process, or that backs off, is queued again then; in its lane it is the same job. */
const QUEUED_FOR_MS = 60_000;

export interface PollSchedule {
  start(): void;
  stop(): Promise<void>;
}

/** Queues the fetching that is due; any number of processes do, and each fetch is queued by one of them. */
export function createPollSchedule(deps: { db: Database; outbox: Outbox; clock: Clock; log: Logger }): PollSchedule {
  const { db, outbox, clock, log } = deps;
  let timer: NodeJS.Timeout | undefined;
  let working: Promise<void> = Promise.resolve();

  async function look(): Promise<void> {
    const now = clock.now();
    const rows = await db.sql.rows<{ id: string; portalId: string; gateId: string }>(
      DUE_BOTS,
      new Date(now),
      new Date(now + QUEUED_FOR_MS),
    );
    await outbox.enqueue(
      rows.map(({ id, portalId, gateId }) => pollBotEvents({ gateId, portalId, payload: { botId: id } })),
    );
  }

  return {
    start() {
      const tick = (): void => {
        working = look()
          .catch((error: unknown) => log.debug('botEvents.notScheduled', { error }))
          .finally(() => {
            if (timer) timer = setTimeout(tick, LOOK_EVERY_MS);
          });
      };
      timer = setTimeout(tick, LOOK_EVERY_MS);
    },
    async stop() {
      clearTimeout(timer);
      timer = undefined;
      await working;
    },
  };
}
