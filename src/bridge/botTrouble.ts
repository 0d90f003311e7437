import type { OutboxTx } from '../outbox/job.ts';

/** What the portal says of a bot that is not, or no longer, ours; and what a person can do (contract imbot §5, 18.9-18.10). */
const TROUBLES: Readonly<Record<string, { code: string; detail: string }>> = {
  ...named(
    ['BOT_NOT_FOUND', 'BOT_ID_ERROR', 'bot_deleted'],
    'bot_deleted',
    'the portal no longer has this bot: change the bot (any PATCH) to register it again, then add it to the chats it was in',
  ),
  ...named(
    ['BOT_OWNERSHIP_ERROR', 'APP_ID_ERROR'],
    'bot_not_ours',
    'the bot belongs to another application or token: delete it on the portal, then change the bot (any PATCH)',
  ),
  ...named(
    ['BOT_CODE_ALREADY_TAKEN'],
    'BOT_CODE_ALREADY_TAKEN',
    'another application has a bot with our code: delete that bot on the portal, then change this one (any PATCH)',
  ),
};

function named(
  codes: readonly string[],
  code: string,
  detail: string,
): Record<string, { code: string; detail: string }> {
  return Object.fromEntries(codes.map((one) => [one, { code, detail }]));
}

export const BOT_CODES = Object.keys(TROUBLES);

/** Undefined: the code says nothing about the bot itself. */
export const botTrouble = (code: string): { code: string; detail: string } | undefined => TROUBLES[code];

/** Work found out that the bot is not ours any more: shown on the bot, where it is repaired. */
export async function noteBotTrouble(tx: OutboxTx, botRowId: string, code: string): Promise<void> {
  const trouble = botTrouble(code);
  if (!trouble) return;
  const data = { state: 'failed', lastError: trouble.code, lastErrorDetail: trouble.detail };
  await tx.prisma.bot.updateMany({ where: { id: botRowId, state: { not: 'pending' } }, data });
}
