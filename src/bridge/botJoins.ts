import type { JoinedChat } from '../bitrix24/bots/bots.ts';
import type { OutboxTx } from '../outbox/job.ts';
import { lockConversation, portalJob } from './conversations.ts';
import { convergeCompanion } from './jobs.ts';

/** A second chat of one conversation, or the bot let in again where a person had removed it. */
export async function joined(tx: OutboxTx, bot: { id: string; botId: number | null }, chat: JoinedChat): Promise<void> {
  const where = { botId: bot.id, OR: [{ key: chat.key }, { chatId: chat.chatId }] };
  const found = await tx.prisma.companion.findFirst({ where, select: { conversationId: true } });
  const conversation = found && (await lockConversation(tx, found.conversationId));
  const companion = conversation?.companion;
  if (!companion || companion.state === 'archived' || companion.chatId === null) return;
  const isOther = companion.chatId !== chat.chatId;
  if (isOther && (companion.duplicateChatIds.includes(chat.chatId) || chat.owner !== String(bot.botId))) return;
  if (!isOther && companion.state !== 'failed') return;
  const duplicates = isOther ? { duplicateChatIds: [...companion.duplicateChatIds, chat.chatId] } : {};
  await tx.prisma.companion.update({ where: { id: companion.id }, data: { ...duplicates, state: 'pending' } });
  const job = portalJob(conversation, undefined);
  await tx.enqueue([convergeCompanion(companion.key, { ...job, payload: { companionId: companion.id } })]);
}
