import { getDialog, getSessionHistory, type HistoryMessage, type SessionHistory } from '../bitrix24/openLines.ts';
import type { Call } from '../bitrix24/portalApi.ts';
import type { Database } from '../db/database.ts';
import type { Clock } from '../kit/clock.ts';
import type { Logger } from '../kit/logger.ts';
import type { Handler, OutboxTx } from '../outbox/job.ts';
import { type ConversationContext, lockConversation } from './conversations.ts';
import type { RunOptions } from './model.ts';
import { addReply } from './operatorEffects.ts';
import type { PortalCalls } from './portals.ts';
import { inPortal } from './runs.ts';
import { createRunHandler, type RunRow, type RunTurns } from './runTurns.ts';

/**
 * Bitrix24 tells of every message once: what operators wrote while nobody listened is found in the histories of the
 * dialogs, and delivered in its order.
 */

const HOUR_MS = 3_600_000;

export type Judgement = 'lost' | 'too_old' | 'not_marked' | 'only_files';

/**
 * Pure: what is to be thought of the messages of one history. What is known, was delivered, or is not of the staff is
 * left out.
 */
export function judgeHistory(
  { messages, outsiders }: SessionHistory,
  known: ReadonlySet<string>,
  limits: { notBefore: number; unmarked: boolean },
): { message: HistoryMessage; judgement: Judgement }[] {
  return messages.flatMap((message) => {
    const isOurs = message.senderId !== '0' && !outsiders.has(message.senderId);
    if (!isOurs || message.connectorIds.length > 0 || known.has(message.id)) return [];
    return [{ message, judgement: judgementOf(message, limits) }];
  });
}

function judgementOf(message: HistoryMessage, limits: { notBefore: number; unmarked: boolean }): Judgement {
  // What the staff wrote among themselves must never reach the customer.
  if (!message.sending && !limits.unmarked) return 'not_marked';
  if (message.text.trim() === '') return 'only_files';
  const at = Date.parse(message.date);
  return Number.isNaN(at) || at < limits.notBefore ? 'too_old' : 'lost';
}

interface Finding {
  conversation: ConversationContext;
  message: HistoryMessage;
  judgement: Judgement;
}

export function createReplyRecovery(deps: { db: Database; portals: PortalCalls; clock: Clock; log: Logger }): Handler {
  const { db, clock } = deps;

  async function look(call: Call, conversation: ConversationContext, run: RunRow): Promise<Finding[]> {
    const rows = await db.prisma.message.findMany({
      where: { conversationId: conversation.id, direction: 'toMessenger' },
      select: { externalId: true },
    });
    const known = new Set(rows.map(({ externalId }) => externalId));
    const { unmarked = false } = run.options as RunOptions;
    const notBefore = clock.now() - conversation.channel.recoverMaxAgeHours * HOUR_MS;
    const findings: Finding[] = [];
    for (const history of await histories(call, conversation)) {
      for (const found of judgeHistory(history, known, { notBefore, unmarked })) {
        known.add(found.message.id);
        findings.push({ conversation, ...found });
      }
    }
    return findings.sort((a, b) => Number(a.message.id) - Number(b.message.id));
  }

  const turns: RunTurns<Finding> = {
    what: 'conversations',
    event: 'replies.recovered',
    scope: inPortal,
    async look(row, page, run) {
      const call = deps.portals.of(row.portalId, () => run.token());
      const findings: Finding[] = [];
      for (const conversation of page) findings.push(...(await look(call, conversation, row)));
      return findings;
    },
    record,
  };
  return createRunHandler(turns, deps);
}

/** The session we know last, and the one that is the last now. */
async function histories(call: Call, conversation: ConversationContext): Promise<SessionHistory[]> {
  const dialog = await getDialog(call, { chatId: conversation.chatId ?? '' });
  const sessionIds = new Set([conversation.sessionId, dialog?.sessionId].filter((id) => id != null && id !== ''));
  const found: SessionHistory[] = [];
  for (const sessionId of sessionIds) {
    const history = await getSessionHistory(call, { sessionId: String(sessionId) });
    if (history) found.push(history);
  }
  return found;
}

/** Returns how many are on their way now. */
async function record(
  tx: OutboxTx,
  run: RunRow,
  findings: readonly Finding[],
  requestId: string | undefined,
): Promise<number> {
  let repaired = 0;
  for (const { conversation, message, judgement } of findings) {
    const delivers = judgement === 'lost' && !run.dryRun && (await deliver(tx, conversation, message, requestId));
    if (delivers) repaired++;
    const detail = { messageId: message.id, writtenAt: message.date, files: message.files, delivered: delivers };
    await tx.prisma.runFinding.create({
      data: { runId: run.id, conversationId: conversation.id, finding: judgement, detail },
    });
  }
  return repaired;
}

async function deliver(
  tx: OutboxTx,
  { id, chatId }: ConversationContext,
  message: HistoryMessage,
  requestId: string | undefined,
): Promise<boolean> {
  const conversation = await lockConversation(tx, id);
  if (!conversation) return false;
  const item = {
    chatId: chatId ?? '',
    messageId: message.id,
    userId: message.senderId,
    // The history shows no signature, and the line may hide names: the messenger gets the number of the user alone.
    text: message.text,
    files: [],
    externalChatId: conversation.dialogKey,
  };
  return addReply({ tx, requestId }, conversation, item, new Date(message.date));
}
