import type { BotMessage } from '../bitrix24/bots/bots.ts';
import { plainToBb } from '../bitrix24/markup.ts';
import type { OutboxTx } from '../outbox/job.ts';
import { type Command, HELP, readCommand } from './companionCommands.ts';
import { quoted, say, wasSaid } from './companionNotices.ts';
import { type ConversationContext, convergeTitles, lockConversation } from './conversations.ts';
import { decideName } from './nameDecision.ts';
import { resync } from './resync.ts';
import { oneLine } from './titles.ts';

/** What people say to the bot in a companion, and what it does and answers. */

interface Bot {
  /** Our row. */
  id: string;
  /** On the portal. */
  botId: number | null;
}

/** Does what was asked for in one transaction with its answer. The message id makes a repetition harmless. */
export async function hearMessage(
  tx: OutboxTx,
  bot: Bot,
  message: BotMessage,
  now: Date,
): Promise<{ command?: Command['kind'] }> {
  const command = message.byEmployee ? readCommand(message.text, String(bot.botId)) : undefined;
  if (!command) return {};
  const where = { botId_chatId: { botId: bot.id, chatId: message.chatId } };
  const companion = await tx.prisma.companion.findUnique({ where, select: { conversationId: true } });
  const conversation = companion && (await lockConversation(tx, companion.conversationId));
  if (!conversation || conversation.companion?.state === 'archived') return {};
  const record = `command:${message.messageId}`;
  if (await wasSaid(tx, conversation, record)) return {};
  const answer = await obey(tx, conversation, command, now);
  await say(tx, conversation, record, answer, { now });
  return { command: command.kind };
}

async function obey(tx: OutboxTx, conversation: ConversationContext, command: Command, now: Date): Promise<string> {
  switch (command.kind) {
    case 'rename':
      return rename(tx, conversation, { name: oneLine(command.name), locked: true }, now);
    case 'unlock':
      return rename(tx, conversation, { locked: false }, now);
    case 'resync':
      await resync(tx, conversation.id, undefined);
      return 'Comparing everything with the portal now; what differs is repaired.';
    case 'status':
      return status(tx, conversation);
    case 'help':
      return HELP;
    case 'unknown':
      return `I did not understand that.\n${HELP}`;
  }
}

async function rename(
  tx: OutboxTx,
  conversation: ConversationContext,
  decision: { name?: string; locked: boolean },
  now: Date,
): Promise<string> {
  if (!decision.locked && !conversation.nameLocked) return 'The name is not locked.';
  const change = decideName(conversation, decision, now);
  await tx.prisma.conversation.update({ where: { id: conversation.id }, data: change });
  const changed = await lockConversation(tx, conversation.id);
  if (changed) await convergeTitles(tx, changed, undefined);
  const name = changed?.wantedName ?? conversation.wantedName;
  if (decision.locked)
    return `The conversation is named ${quoted(name ?? '')} from now on, whatever the messenger says.`;
  return `The messenger names the conversation again${name === null ? '' : `: ${quoted(name)}`}.`;
}

async function status(tx: OutboxTx, conversation: ConversationContext): Promise<string> {
  const { id, companion } = conversation;
  const waiting = await tx.prisma.message.count({ where: { conversationId: id, state: 'pending' } });
  const failed = await tx.prisma.message.count({ where: { conversationId: id, state: { in: ['failed', 'parked'] } } });
  const name = plainToBb(conversation.wantedName ?? '(none yet)').join('');
  const trouble = companion?.lastError ? `, ${companion.lastError}` : '';
  return [
    `Name: ${name} (${conversation.nameState}${conversation.nameLocked ? ', locked' : ''})`,
    `Dialog: ${conversation.chatId === null ? 'none' : conversation.sessionOpen ? 'open' : 'no open session'}`,
    `Companion: ${companion?.state ?? 'none'}${trouble}`,
    `Messages: ${waiting} waiting, ${failed} failed`,
  ].join('\n');
}
