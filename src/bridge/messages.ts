import { type SentMessage, sendMessage } from '../bitrix24/connector.ts';
import type { Call } from '../bitrix24/portalApi.ts';
import type { Database } from '../db/database.ts';
import type { Clock } from '../kit/clock.ts';
import { DeliveryError } from '../kit/errors.ts';
import type { Logger } from '../kit/logger.ts';
import type { Handler, Job, OutboxTx, Result } from '../outbox/job.ts';
import type { Outbox } from '../outbox/outbox.ts';
import { notify } from './companionNotices.ts';
import { type ConversationContext, convergeTitles, lockConversation } from './conversations.ts';
import { lookUpMessage } from './deliveryLookUp.ts';
import { noteLineTrouble, reconnected } from './lineTrouble.ts';
import { writeNote } from './notes.ts';
import {
  fileLinks,
  loadMessage,
  type MediaUrl,
  type MessageContext,
  type Outgoing,
  outgoing,
  unlessErased,
  withoutFiles,
} from './outgoing.ts';
import type { PortalCalls } from './portals.ts';
import { sessionBefore } from './sessions.ts';

/** Where a message ended up. The chat is unknown when only its effect could be seen. */
type Landing = Pick<SentMessage, 'sessionId'> & {
  chatId: string | undefined;
  bitrixUserId: string | undefined;
  /** Files the portal did not take. */
  lost: number;
};

/** For the administrator who finds the job parked. */
const DECIDE =
  'Look into the dialog: if the message is not there, retry the job with forgetDoubt; if it is, cancel the job';

/** A look-up that found nothing is repeated at this pace until the lost call has surely ended. */
const LOOK_AGAIN_AFTER_MS = 10_000;

/** Carries a message of the messenger into its dialog, once: what may have happened is looked up, never repeated blindly. */
export function createMessageDelivery(deps: {
  db: Database;
  outbox: Outbox;
  portals: PortalCalls;
  clock: Clock;
  log: Logger;
  mediaUrl: MediaUrl;
}): Handler {
  const { db, clock } = deps;

  const delivered = (message: MessageContext, job: Job, landing: Landing): Result => ({
    outcome: 'done',
    commit: (tx) => recordDelivery(tx, message, landing, job.requestId, new Date(clock.now()), deps.outbox),
  });

  /** Undefined: it did not happen, send it. */
  async function settleDoubt(
    call: Call,
    message: MessageContext,
    job: Job,
    until: number,
  ): Promise<Result | undefined> {
    const { externalId, part, author } = message;
    const { text } = (await outgoing(deps, message, job)).message;
    const before = await sessionBefore(db, message);
    const sought = { externalId, part, text, system: author !== 'person', sessionBefore: before };
    const found = await lookUpMessage(call, message.conversation, sought, deps);
    deps.log.info('message.lookedUp', { messageId: message.id, requestId: job.requestId, found: found.kind });
    if (found.kind === 'delivered') {
      return delivered(message, job, { ...found, sessionId: found.sessionId ?? '', bitrixUserId: undefined, lost: 0 });
    }
    if (found.kind === 'unknown')
      return { outcome: 'parked', code: 'outcome_unknown', reason: `${found.reason}. ${DECIDE}` };
    const leftMs = until - clock.now();
    if (leftMs <= 0) return undefined;
    return { outcome: 'later', afterMs: Math.min(LOOK_AGAIN_AFTER_MS, leftMs), reason: 'the lost call may still run' };
  }

  return {
    async run(job, run): Promise<Result> {
      const message = await loadMessage(db, job.payload.messageId);
      if (!message || message.state === 'delivered' || message.state === 'erased') return { outcome: 'done' };
      if (message.deletedAt !== null && !job.doubt) return { outcome: 'done', commit: (tx) => withdraw(tx, message) };
      const call = deps.portals.of(message.conversation.channel.portalId, () => run.token());
      const settled = job.doubt && (await settleDoubt(call, message, job, job.doubt.until));
      if (settled) return settled;
      try {
        return delivered(message, job, await send(call, message, await outgoing(deps, message, job)));
      } catch (error) {
        // Taken, but into no dialog, and the look-up before had found none either: repeating would only go on so.
        if (!job.doubt || !(error instanceof DeliveryError) || error.code !== 'no_session') throw error;
        return { outcome: 'parked', code: error.code, reason: error.message };
      }
    },
    async failed(tx, job, failure) {
      const { messageId: id = '' } = job.payload;
      const state = { retry: 'pending', dead: 'failed', parked: 'parked' }[failure.outcome];
      await tx.prisma.message.updateMany({ where: unlessErased(id), data: { state, lastError: failure.code } });
      if (job.conversationId) await noteLineTrouble(tx, job.conversationId, failure);
      if (failure.outcome === 'retry') return;
      const conversation = job.conversationId && (await lockConversation(tx, job.conversationId));
      const notice = { kind: 'deliveryFailed', direction: 'toPortal', reason: failure.code } as const;
      const saying = { now: new Date(deps.clock.now()), requestId: job.requestId };
      if (conversation) await notify(tx, conversation, `failed:${id}`, notice, saying);
    },
  };
}

/** The message is there; its dialog exists now, has a session, and may need its name. */
async function recordDelivery(
  tx: OutboxTx,
  message: MessageContext,
  landing: Landing,
  requestId: string | undefined,
  now: Date,
  outbox: Outbox,
): Promise<void> {
  const { sessionId, lost } = landing;
  const conversation = await lockConversation(tx, message.conversationId);
  if (!conversation) return;
  const lastError = lost > 0 ? 'file_not_taken' : null;
  await tx.prisma.message.updateMany({
    where: unlessErased(message.id),
    data: { state: 'delivered', lastError, deliveredAt: now, chatId: landing.chatId ?? null, sessionId },
  });
  if (lost > 0) await writeNote({ tx, requestId, now }, conversation, fileLinks(message), `files-${message.id}`);
  const change = landingChange(conversation, landing);
  await tx.prisma.conversation.update({ where: { id: conversation.id }, data: change });
  if (conversation.channel.state === 'disconnected') await reconnected(tx, conversation.channelId, outbox);
  // Asking again in the same session would be told nothing again, message by message.
  const isNews = conversation.nameError !== 'dialog_unreadable' || change.sessionId !== conversation.sessionId;
  if (isNews) await convergeTitles(tx, { ...conversation, ...change }, requestId);
}

/** Another chat than before is a new dialog, with a title the portal made: what we applied is gone. */
function landingChange(
  conversation: ConversationContext,
  { chatId, sessionId, bitrixUserId }: Landing,
): Partial<Pick<ConversationContext, 'chatId' | 'sessionId' | 'bitrixUserId' | 'appliedTitle' | 'appliedName'>> & {
  sessionOpen?: true;
} {
  const isNew = chatId !== undefined && chatId !== conversation.chatId;
  // Found in a session that is over: what was told of a later one is news.
  const isOver = !isNew && Number(sessionId) < Number(conversation.sessionId);
  return {
    ...(isOver ? {} : { sessionOpen: true }),
    ...(chatId === undefined ? {} : { chatId }),
    ...(sessionId && !isOver ? { sessionId } : {}),
    ...(bitrixUserId ? { bitrixUserId } : {}),
    ...(isNew ? { appliedTitle: null, appliedName: null } : {}),
  };
}

/** Never sent, so there is nothing to delete over there. */
async function withdraw(tx: OutboxTx, message: MessageContext): Promise<void> {
  await tx.prisma.message.update({ where: { id: message.id }, data: { state: 'deleted', lastError: null } });
}

/** A message that was nothing but a file the portal cannot fetch is refused: then its address goes instead. */
async function send(call: Call, message: MessageContext, target: Outgoing): Promise<Landing> {
  const files = target.message.files?.length ?? 0;
  try {
    const sent = await sendMessage(call, target);
    return { ...sent, lost: files - sent.files };
  } catch (error) {
    if (files === 0 || !(error instanceof DeliveryError) || error.code !== 'item_rejected') throw error;
    return { ...(await sendMessage(call, withoutFiles(target, message))), lost: 0 };
  }
}
