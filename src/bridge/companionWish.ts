import { createHash } from 'node:crypto';
import type { Prisma } from '../db/database.ts';
import { RequestError } from '../kit/errors.ts';
import type { OutboxTx } from '../outbox/job.ts';
import { archive } from './companionArchive.ts';
import { companionPolicy, type ConversationContext, lockConversation, portalJob } from './conversations.ts';
import { convergeCompanion } from './jobs.ts';

/** What a companion shall be. Whatever is left out follows the channel's policy. */
export interface CompanionWish {
  /** Null: follows the conversation's name. */
  title?: string | null | undefined;
  description?: string | null | undefined;
  color?: string | null | undefined;
  /** Base64 of an image. */
  avatar?: string | null | undefined;
  ownerUserId?: number | null | undefined;
  managerUserIds?: readonly number[] | undefined;
  memberUserIds?: readonly number[] | undefined;
}

/**
 * ENTITY_ID of a companion's chat (contract imbot §19.2): the same for the same conversation for ever, so that a chat
 * is found again even after the database was lost; hashed, so that nobody guesses another's.
 */
export function companionKey(conversation: ConversationContext): string {
  const { portal, connector, lineId } = conversation.channel;
  const parts = [portal.memberId, connector.code, lineId, conversation.dialogKey];
  return `ocg1:${createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 32)}`;
}

/** The companion the channel's policy asks for with the first message. */
export async function provideCompanion(
  tx: OutboxTx,
  conversation: ConversationContext,
  requestId: string | undefined,
): Promise<void> {
  const { companion } = conversation;
  if (companion?.state === 'archived' && companion.archiveReason === 'closing')
    return revive(tx, conversation, requestId);
  if (companion || companionPolicy(conversation).mode !== 'onFirstMessage') return;
  const bot = await chooseBot(tx, conversation);
  // No bot yet: the next message asks again.
  if (bot) await writeWish(tx, conversation, bot.id, {}, requestId);
}

/** The conversation goes on, and its companion with it, as it was. */
async function revive(tx: OutboxTx, conversation: ConversationContext, requestId: string | undefined): Promise<void> {
  const { companion } = conversation;
  if (!companion) return;
  await tx.prisma.companion.update({ where: { id: companion.id }, data: WANTED_AGAIN });
  const job = portalJob(conversation, requestId);
  await tx.enqueue([convergeCompanion(companion.key, { ...job, payload: { companionId: companion.id } })]);
}

/** The conversation was closed by the messenger. */
export const retireCompanion = (
  tx: OutboxTx,
  conversation: ConversationContext,
  requestId: string | undefined,
): Promise<void> => archive(tx, conversation, { reason: 'closing' }, requestId);

/** Whoever asks again gets every user tried again, too. */
const WANTED_AGAIN = {
  state: 'pending',
  lastError: null,
  lastErrorDetail: null,
  archiveReason: null,
  unusableUserIds: [],
};

/**
 * Sets what a conversation's companion shall be, making it when there is none. Returns whether there was none.
 * @throws RequestError conflict: the portal has no bot.
 */
export async function wishCompanion(
  tx: OutboxTx,
  conversationId: string,
  wish: CompanionWish,
  requestId: string | undefined,
): Promise<{ isNew: boolean }> {
  const conversation = await lockConversation(tx, conversationId);
  if (!conversation) throw new RequestError('not_found', 'There is no such conversation');
  const botId = conversation.companion?.botId ?? (await chooseBot(tx, conversation))?.id;
  if (!botId) throw new RequestError('conflict', 'The portal has no bot: POST /portals/{id}/bots first');
  await writeWish(tx, conversation, botId, wish, requestId);
  return { isNew: conversation.companion === null };
}

async function writeWish(
  tx: OutboxTx,
  conversation: ConversationContext,
  botId: string,
  wish: CompanionWish,
  requestId: string | undefined,
): Promise<void> {
  const policy = companionPolicy(conversation);
  const wanted = {
    title: wish.title ?? null,
    description: wish.description ?? null,
    color: wish.color ?? policy.color ?? null,
    avatar: wish.avatar ?? null,
    ownerUserId: wish.ownerUserId === undefined ? (policy.ownerUserId ?? null) : wish.ownerUserId,
    managerUserIds: unique(wish.managerUserIds ?? policy.managerUserIds),
    memberUserIds: unique(wish.memberUserIds ?? policy.memberUserIds),
    ...WANTED_AGAIN,
  } satisfies Prisma.CompanionUncheckedUpdateInput;
  const companion = await tx.prisma.companion.upsert({
    where: { conversationId: conversation.id },
    create: { ...wanted, conversationId: conversation.id, botId, key: companionKey(conversation) },
    update: wanted,
  });
  const job = portalJob(conversation, requestId);
  await tx.enqueue([convergeCompanion(companion.key, { ...job, payload: { companionId: companion.id } })]);
}

const unique = (ids: readonly number[] | undefined): number[] => [...new Set(ids ?? [])].sort((a, b) => a - b);

/** The bot the channel names, by id or code; else the portal's first. */
async function chooseBot(tx: OutboxTx, conversation: ConversationContext): Promise<{ id: string } | undefined> {
  const { portalId } = conversation.channel;
  const named = companionPolicy(conversation).bot;
  const bots = await tx.prisma.bot.findMany({ where: { portalId }, orderBy: { createdAt: 'asc' } });
  return named === undefined ? bots[0] : bots.find((bot) => bot.id === named || bot.code === named);
}
