import type { Bots, ChatRef } from '../bitrix24/bots/bots.ts';
import type { Database, Prisma } from '../db/database.ts';
import type { Clock } from '../kit/clock.ts';
import { DeliveryError } from '../kit/errors.ts';
import type { Vault } from '../kit/secrets.ts';
import type { Handler, Job, Result } from '../outbox/job.ts';
import type { BotAccess } from './botAccess.ts';
import { unlessErased } from './outgoing.ts';

type MessageContext = Prisma.MessageGetPayload<{
  include: { conversation: { include: { channel: true; companion: { include: { bot: true } } } } };
}>;

/** The companion may still be on its way. */
const LOOK_AGAIN_AFTER_MS = 2_000;

/** Posts a message into a companion, as its bot. */
export function createCompanionPosting(deps: { db: Database; bots: BotAccess; vault: Vault; clock: Clock }): Handler {
  const { db, vault, clock } = deps;

  async function load(job: Job): Promise<MessageContext | undefined> {
    const { messageId: id = '' } = job.payload;
    const include = { conversation: { include: { channel: true, companion: { include: { bot: true } } } } };
    return (await db.prisma.message.findUnique({ where: { id }, include })) ?? undefined;
  }

  return {
    async run(job, run): Promise<Result> {
      const message = await load(job);
      if (!message || message.state === 'delivered' || message.state === 'erased') return { outcome: 'done' };
      const { companion, channel } = message.conversation;
      if (!companion || companion.state === 'archived') throw noCompanion();
      if (companion.chatId === null || companion.bot.botId === null) {
        if (companion.state === 'failed') throw noCompanion();
        return { outcome: 'later', afterMs: LOOK_AGAIN_AFTER_MS, reason: 'the companion is not there yet' };
      }
      const bots = await deps.bots.of(channel.portalId, () => run.token());
      if (job.doubt && bots.generation === 'legacy') return IN_DOUBT;
      const bot = { botId: String(companion.bot.botId), token: vault.decrypt(companion.bot.token) };
      await post(bots, { ...bot, chatId: companion.chatId }, message);
      const data = {
        state: 'delivered',
        lastError: null,
        chatId: companion.chatId,
        deliveredAt: new Date(clock.now()),
      };
      return {
        outcome: 'done',
        commit: async (tx) => void (await tx.prisma.message.updateMany({ where: unlessErased(message.id), data })),
      };
    },
    async failed(tx, job, failure) {
      const { messageId: id = '' } = job.payload;
      const state = { retry: 'pending', dead: 'failed', parked: 'parked' }[failure.outcome];
      await tx.prisma.message.updateMany({ where: unlessErased(id), data: { state, lastError: failure.code } });
    },
  };
}

/** The id makes a repetition harmless on v2 for about a month (contract imbot §8.1). */
async function post(bots: Bots, chat: ChatRef, message: MessageContext): Promise<void> {
  await bots.sendMessage({ ...chat, text: message.text, templateId: message.externalId });
}

/** The deprecated API recognises no repetition and offers no way to look. */
const IN_DOUBT: Result = { outcome: 'parked', code: 'outcome_unknown', reason: 'it may have been posted already' };

const noCompanion = (): DeliveryError =>
  new DeliveryError({ verdict: 'refused', code: 'no_companion', detail: 'the conversation has no companion' });
