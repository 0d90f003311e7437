import { type SentMessage, sendMessage } from '../bitrix24/connector.ts';
import type { Call } from '../bitrix24/portalApi.ts';
import type { Database, Prisma } from '../db/database.ts';

import type { Clock } from '../kit/clock.ts';
import { DeliveryError } from '../kit/errors.ts';
import type { Logger } from '../kit/logger.ts';
import type { Person } from '../messenger/payload.ts';
import type { Handler, Job, OutboxTx, Result } from '../outbox/job.ts';
import type { Outbox } from '../outbox/outbox.ts';
import { type ConversationContext, convergeTitles, lockConversation, withContext } from './conversations.ts';
import { lookUpMessage } from './deliveryLookUp.ts';
import { noteLineTrouble } from './lineTrouble.ts';
import type { PortalCalls } from './portals.ts';
import { connectorUser, displayName, portalMessageId } from './translate.ts';

type MessageContext = Prisma.MessageGetPayload<{ include: { conversation: { include: typeof withContext } } }>;

/** Where a message ended up. The chat is unknown when only its effect could be seen. */
type Landing = Pick<SentMessage, 'sessionId'> & { chatId: string | undefined; bitrixUserId: string | undefined };

/** A look-up that found nothing is repeated at this pace until the lost call has surely ended. */
const LOOK_AGAIN_AFTER_MS = 10_000;

/** Carries a message of the messenger into its dialog, once: what may have happened is looked up, never repeated blindly. */
export function createMessageDelivery(deps: {
  db: Database;
  outbox: Outbox;
  portals: PortalCalls;
  clock: Clock;
  log: Logger;
}): Handler {
  const { db, clock } = deps;

  async function load(job: Job): Promise<MessageContext | undefined> {
    const { messageId: id = '' } = job.payload;
    const include = { conversation: { include: withContext } };
    return (await db.prisma.message.findUnique({ where: { id }, include })) ?? undefined;
  }

  const delivered = (message: MessageContext, job: Job, landing: Landing): Result => ({
    outcome: 'done',
    commit: (tx) => recordDelivery(tx, message, landing, job.requestId, new Date(clock.now())),
  });

  /** Undefined: it did not happen, send it. */
  async function settleDoubt(
    call: Call,
    message: MessageContext,
    job: Job,
    until: number,
  ): Promise<Result | undefined> {
    const found = await lookUpMessage(call, message.conversation, message);
    deps.log.info('message.lookedUp', { messageId: message.id, requestId: job.requestId, found: found.kind });
    if (found.kind === 'delivered') {
      return delivered(message, job, { ...found, sessionId: found.sessionId ?? '', bitrixUserId: undefined });
    }
    if (found.kind === 'unknown') return { outcome: 'parked', code: 'outcome_unknown', reason: found.reason };
    const leftMs = until - clock.now();
    if (leftMs <= 0) return undefined;
    return { outcome: 'later', afterMs: Math.min(LOOK_AGAIN_AFTER_MS, leftMs), reason: 'the lost call may still run' };
  }

  return {
    async run(job, run): Promise<Result> {
      const message = await load(job);
      if (!message || message.state === 'delivered') return { outcome: 'done' };
      const call = deps.portals.of(message.conversation.channel.portalId, () => run.token());
      const settled = job.doubt && (await settleDoubt(call, message, job, job.doubt.until));
      if (settled) return settled;
      try {
        return delivered(message, job, await send(call, message, await loadPeople(db, message)));
      } catch (error) {
        // Taken, but into no dialog, and the look-up before had found none either: repeating would only go on so.
        if (!job.doubt || !(error instanceof DeliveryError) || error.code !== 'no_session') throw error;
        return { outcome: 'parked', code: error.code, reason: error.message };
      }
    },
    async failed(tx, job, failure) {
      const { messageId: id = '' } = job.payload;
      const state = { retry: 'pending', dead: 'failed', parked: 'parked' }[failure.outcome];
      await tx.prisma.message.updateMany({ where: { id }, data: { state, lastError: failure.code } });
      if (job.conversationId) await noteLineTrouble(tx, job.conversationId, failure);
    },
  };
}

/** Who speaks, and whose dialog it is: that of a direct connector belongs to one person. */
async function loadPeople(db: Database, message: MessageContext): Promise<{ author: Person; owner: Person }> {
  const { messengerId, channel, externalUserId } = message.conversation;
  const load = async (externalId: string): Promise<Person> => {
    const row = await db.prisma.person.findUnique({ where: { messengerId_externalId: { messengerId, externalId } } });
    return (row?.profile as Person | undefined) ?? { id: externalId };
  };
  const author = await load(message.senderId);
  const ownerId = channel.connector.kind === 'direct' ? externalUserId : null;
  return { author, owner: ownerId === null || ownerId === author.id ? author : await load(ownerId) };
}

async function send(call: Call, message: MessageContext, people: { author: Person; owner: Person }): Promise<Landing> {
  const { conversation } = message;
  const { author, owner } = people;
  return sendMessage(call, {
    connector: conversation.channel.connector.code,
    line: String(conversation.channel.lineId),
    user: connectorUser(owner),
    message: {
      id: portalMessageId(message.externalId),
      date: Math.floor(message.sentAt.getTime() / 1000),
      // Whoever else speaks in a dialog of one person is named in the text.
      text: author === owner ? message.text : `${displayName(author)}: ${message.text}`,
    },
    chat: {
      id: conversation.dialogKey,
      ...(conversation.wantedName === null ? {} : { name: conversation.wantedName }),
      ...(conversation.url === null ? {} : { url: conversation.url }),
    },
  });
}

/** The message is there; its dialog exists now, has a session, and may need its name. */
async function recordDelivery(
  tx: OutboxTx,
  message: MessageContext,
  landing: Landing,
  requestId: string | undefined,
  now: Date,
): Promise<void> {
  const { sessionId } = landing;
  await tx.prisma.message.update({
    where: { id: message.id },
    data: { state: 'delivered', lastError: null, deliveredAt: now, chatId: landing.chatId ?? null, sessionId },
  });
  const conversation = await lockConversation(tx, message.conversationId);
  if (!conversation) return;
  const change = landingChange(conversation, landing);
  await tx.prisma.conversation.update({ where: { id: conversation.id }, data: change });
  if (conversation.channel.state === 'disconnected') await reconnected(tx, conversation.channelId);
  await convergeTitles(tx, { ...conversation, ...change }, requestId);
}

/** Another chat than before is a new dialog, with a title the portal made: what we applied is gone. */
function landingChange(
  conversation: ConversationContext,
  { chatId, sessionId, bitrixUserId }: Landing,
): Partial<Pick<ConversationContext, 'chatId' | 'sessionId' | 'bitrixUserId' | 'appliedTitle' | 'appliedName'>> & {
  sessionOpen: true;
} {
  const isNew = chatId !== undefined && chatId !== conversation.chatId;
  return {
    sessionOpen: true,
    ...(chatId === undefined ? {} : { chatId }),
    ...(sessionId ? { sessionId } : {}),
    ...(bitrixUserId ? { bitrixUserId } : {}),
    ...(isNew ? { appliedTitle: null, appliedName: null } : {}),
  };
}

async function reconnected(tx: OutboxTx, channelId: string): Promise<void> {
  await tx.prisma.channel.update({ where: { id: channelId }, data: { state: 'ready', lastError: null } });
}
