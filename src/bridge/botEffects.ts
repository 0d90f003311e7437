import { readBotDelete, readBotJoin, readBotMessage } from '../bitrix24/bots/legacyEvents.ts';
import { joined } from './botJoins.ts';
import { noteBotTrouble } from './botTrouble.ts';
import { hearMessage } from './companionTalk.ts';
import { ignored } from './effect.ts';
import type { PortalEffect, PortalEventContext } from './portalEffect.ts';

/** Where bots are registered by the deprecated API: what people say to them, and what became of them. */

const NOT_OURS = ignored('not a bot of ours');

const findBot = ({ tx, portalId }: PortalEventContext, botId: string): ReturnType<typeof tx.prisma.bot.findFirst> =>
  tx.prisma.bot.findFirst({ where: { portalId, botId: Number(botId) } });

export const botHeard: PortalEffect = async (context, event) => {
  const { botId, message } = readBotMessage(event);
  const bot = await findBot(context, botId);
  if (!bot) return NOT_OURS;
  const { command } = await hearMessage(context.tx, bot, message, context.now);
  return command ? { state: 'applied', note: command } : ignored('nothing was said to the bot');
};

export const botJoined: PortalEffect = async (context, event) => {
  const { botId, chat } = readBotJoin(event);
  const bot = await findBot(context, botId);
  if (!bot) return NOT_OURS;
  await joined(context.tx, bot, chat);
  return { state: 'applied' };
};

export const botDeleted: PortalEffect = async (context, event) => {
  const bot = await findBot(context, readBotDelete(event));
  if (!bot) return NOT_OURS;
  await noteBotTrouble(context.tx, bot.id, 'bot_deleted');
  return { state: 'applied' };
};
