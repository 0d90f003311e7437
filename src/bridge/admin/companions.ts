import { randomUUID } from 'node:crypto';
import type { ChatState } from '../../bitrix24/bots/bots.ts';
import type { Prisma } from '../../db/database.ts';
import { RequestError } from '../../kit/errors.ts';
import type { OutboxTx } from '../../outbox/job.ts';
import { botKey, createBotAccess } from '../botAccess.ts';
import { archive } from '../companionArchive.ts';
import { type CompanionWish, wishCompanion } from '../companionWish.ts';
import { type ConversationContext, lockConversation, portalJob, withContext } from '../conversations.ts';
import { postToCompanion } from '../jobs.ts';
import { noSuch } from './refusals.ts';
import type { Administration } from './deps.ts';
import { settled } from './settled.ts';

export type CompanionRow = Prisma.CompanionGetPayload<{
  include: { bot: true; conversation: { include: typeof withContext } };
}>;

const include = { bot: true, conversation: { include: withContext } } satisfies Prisma.CompanionInclude;

export async function getCompanion({ db }: Administration, conversationId: string): Promise<CompanionRow> {
  const companion = await db.prisma.companion.findUnique({ where: { conversationId }, include });
  if (companion) return companion;
  const conversation = await db.prisma.conversation.findUnique({ where: { id: conversationId } });
  throw conversation ? new RequestError('not_found', 'The conversation has no companion') : noSuch('conversation');
}

/** Makes the companion what is wished, whatever it was before; an archived one comes back. */
export async function putCompanion(
  deps: Administration,
  conversationId: string,
  wish: CompanionWish,
  requestId: string,
): Promise<{ companion: CompanionRow; isNew: boolean }> {
  const { isNew } = await deps.outbox.transaction((tx) => wishCompanion(tx, conversationId, wish, requestId));
  await settled(deps, () => deps.db.prisma.companion.findUnique({ where: { conversationId } }));
  return { companion: await getCompanion(deps, conversationId), isNew };
}

/**
 * A last notice, the text field off, everybody out; or `handOverTo`: the employee who gets the chat and goes on with it.
 * Archived again with another employee, it is handed over after all.
 */
export async function archiveCompanion(
  deps: Administration,
  conversationId: string,
  handOverTo: number | undefined,
  requestId: string,
): Promise<CompanionRow> {
  await getCompanion(deps, conversationId);
  await deps.outbox.transaction(async (tx) => {
    const conversation = await lockConversation(tx, conversationId);
    if (conversation) await archive(tx, conversation, { reason: 'administrator', handOverTo }, requestId);
  });
  return getCompanion(deps, conversationId);
}

export interface LiveCompanion {
  chat: ChatState;
  /** Without the bot. */
  memberIds: number[];
}

/**
 * What the portal says of the chat now; undefined while there is none.
 * @throws DeliveryError when the portal cannot be asked.
 */
export async function liveCompanion(
  deps: Administration,
  { bot, chatId, key, conversation }: CompanionRow,
): Promise<LiveCompanion | undefined> {
  const known = botKey(bot, deps.vault);
  if (chatId === null || !known) return undefined;
  const bots = await createBotAccess(deps).live(conversation.channel.portalId);
  const ref = { ...known, chatId, key };
  const chat = await bots.getChat(ref);
  if (typeof chat === 'string') return { chat, memberIds: [] };
  const members = (await bots.listMembers(ref)).map(Number);
  return { chat, memberIds: members.filter((id) => id !== bot.botId) };
}

export interface Posted {
  id: string;
  text: string;
  state: string;
  lastError: string | null;
  createdAt: Date;
}

/** Posts as the bot, once: the message has an id the portal recognises a repetition by. */
export async function postMessage(
  deps: Administration,
  conversationId: string,
  text: string,
  requestId: string,
): Promise<Posted> {
  const message = await deps.outbox.transaction(async (tx) => {
    const conversation = await lockConversation(tx, conversationId);
    if (!conversation) throw noSuch('conversation');
    return queueMessage(tx, conversation, { text, requestId, sentAt: new Date(deps.clock.now()) });
  });
  return (await settled(deps, () => deps.db.prisma.message.findUnique({ where: { id: message.id } }))) ?? message;
}

async function queueMessage(
  tx: OutboxTx,
  conversation: ConversationContext,
  { text, requestId, sentAt }: { text: string; requestId: string; sentAt: Date },
): Promise<Posted> {
  const { companion } = conversation;
  if (!companion || companion.state === 'archived') {
    throw new RequestError('conflict', 'The conversation has no companion: PUT it first');
  }
  const data = {
    conversationId: conversation.id,
    direction: 'toCompanion',
    // The shape the portal takes as a key: a UUID v4, lower case (contract imbot §8.1).
    externalId: randomUUID(),
    senderId: companion.botId,
    text,
    sentAt,
  };
  const message = await tx.prisma.message.create({ data });
  const job = portalJob(conversation, requestId);
  await tx.enqueue([postToCompanion(companion.id, { ...job, payload: { messageId: message.id } })]);
  return message;
}
