import { parseBb, splitSignature } from '../bitrix24/bbCode.ts';
import { getDialogs, type HistoryMessage, type SessionHistory } from '../bitrix24/openLines.ts';
import type { Call } from '../bitrix24/portalApi.ts';
import type { Database } from '../db/database.ts';
import type { Clock } from '../kit/clock.ts';
import type { Logger } from '../kit/logger.ts';
import { plainOf } from '../kit/richText.ts';
import type { Handler, Run } from '../outbox/job.ts';
import { type ConversationContext, lockConversation, messengerJob } from './conversations.ts';
import { changeReply } from './jobs.ts';
import type { RunOptions } from './model.ts';
import { type NoteContext as Repairing, writeNote } from './notes.ts';
import { addReply } from './operatorEffects.ts';
import type { PortalCalls } from './portals.ts';
import { inPortal } from './runs.ts';
import { createRunHandler, type RunRow, type RunTurns } from './runTurns.ts';
import { beginSweep, isSwept, sweepOn } from './sessionSweep.ts';
import { createSessionReader, sessionsAround, spokenSessions } from './sessions.ts';

/**
 * Bitrix24 tells of every message once: what operators wrote and changed while nobody listened is found in the histories
 * of the dialogs, and delivered in its order. Of a deletion no history tells, and files have no address in it.
 */

const HOUR_MS = 3_600_000;
/** What is older than this, by the portal's clock, is not on its way any more. */
const YOUNG_MS = 300_000;

export type Judgement = 'lost' | 'too_old' | 'not_marked' | 'only_files' | 'changed';

/** A message of an operator that the messenger got: what it read like, as the event told it. */
export interface KnownReply {
  text: string;
  author: string;
  /** Its later changes are on their way already, or it is gone. */
  settled: boolean;
}

/**
 * Pure: what is to be thought of the messages of one history. What is known and unchanged, was delivered, or is not of
 * the staff is left out.
 */
export function judgeHistory(
  { messages, outsiders }: SessionHistory,
  known: ReadonlyMap<string, KnownReply>,
  limits: { notBefore: number; unmarked: boolean },
): { message: HistoryMessage; judgement: Judgement }[] {
  return messages.flatMap((message) => {
    const reply = known.get(message.id);
    if (reply) return isChanged(message, reply) ? [{ message, judgement: 'changed' as const }] : [];
    const isOurs = message.senderId !== '0' && !outsiders.has(message.senderId);
    if (!isOurs || message.connectorIds.length > 0) return [];
    return [{ message, judgement: judgementOf(message, limits) }];
  });
}

/** The history shows no signature. An empty text is no change: it may be a message of files, or a deleted one. */
function isChanged(message: HistoryMessage, { text, author, settled }: KnownReply): boolean {
  if (settled || message.text.trim() === '' || message.connectorIds.length === 0) return false;
  const before = splitSignature(text, { signed: author !== 'system' }).text;
  return readable(message.text) !== readable(before);
}

const readable = (bb: string): string => plainOf(parseBb(bb)).replaceAll(/\s+/g, ' ').trim();

function judgementOf(message: HistoryMessage, limits: { notBefore: number; unmarked: boolean }): Judgement {
  // What the staff wrote among themselves must never reach the customer.
  if (!message.sending && !limits.unmarked) return 'not_marked';
  const at = Date.parse(message.date);
  if (Number.isNaN(at) || at < limits.notBefore) return 'too_old';
  return message.text.trim() === '' ? 'only_files' : 'lost';
}

const keyOf = ({ chatId }: ConversationContext) => ({ chatId: chatId ?? '' });

interface Finding {
  conversation: ConversationContext;
  message: HistoryMessage;
  judgement: Judgement;
}

export function createReplyRecovery(deps: { db: Database; portals: PortalCalls; clock: Clock; log: Logger }): Handler {
  const { db, clock } = deps;

  const notBefore = ({ channel }: ConversationContext): number => clock.now() - channel.recoverMaxAgeHours * HOUR_MS;

  /** A change has no date of its own. */
  const isOld = ({ message, judgement }: Finding): boolean =>
    judgement !== 'changed' && Date.parse(message.date) < clock.now() - YOUNG_MS;

  const callOf = (row: RunRow, run: Run): Call => deps.portals.of(row.portalId, () => run.token());

  async function prepare(row: RunRow, run: Run): Promise<RunOptions> {
    const { sessionsAfter, sweep: begun } = row.options as RunOptions;
    if (sessionsAfter === undefined) return { prepared: true };
    const before = begun ?? beginSweep(sessionsAfter);
    const sweep = await sweepOn(callOf(row, run), { portalId: row.portalId, sweep: before }, deps);
    return { sweep, prepared: isSwept(sweep) };
  }

  async function look(row: RunRow, page: readonly ConversationContext[], run: Run): Promise<Finding[]> {
    const call = callOf(row, run);
    const dialogs = await getDialogs(call, page.map(keyOf), deps);
    const sessions = createSessionReader(call, deps);
    const spokenIn = await spokenSessions(
      db,
      page.map(({ id }) => id),
    );
    const { unmarked = false, silentSince, activeSince, sweep } = row.options as RunOptions;
    const histories = await Promise.all(
      page.map(async (conversation, index) => {
        const ids = sessionsAround({
          spoken: spokenIn.get(conversation.id) ?? [],
          told: [
            conversation.sessionId,
            await sessions.lastOf(dialogs[index]),
            ...(sweep?.begun[conversation.id] ?? []),
          ],
          silentSince: silentSince === undefined ? row.createdAt : new Date(silentSince),
          // In what was over long before the silence nothing was missed.
          notBefore: new Date(Math.max(notBefore(conversation), silentSince ? Date.parse(silentSince) - HOUR_MS : 0)),
        });
        return sessions.read(ids, conversation.chatId);
      }),
    );
    const known = await knownReplies(db, page, histories.flat());
    return page.flatMap((conversation, index) => {
      const limits = { notBefore: notBefore(conversation), unmarked };
      const replies = known.get(conversation.id) ?? new Map<string, KnownReply>();
      const found = (histories[index] ?? []).flatMap((history) => judgeHistory(history, replies, limits));
      const findings = inOrder(found).map((one) => ({ conversation, ...one }));
      // A restart is no reason to list the notes of the staff again.
      return activeSince === undefined ? findings : findings.filter(isRepairable);
    });
  }

  const turns: RunTurns<Finding> = {
    what: 'conversations',
    event: 'replies.recovered',
    scope: inPortal,
    prepare,
    look,
    suspect: (finding) =>
      isRepairable(finding) && !isOld(finding) ? `${finding.message.id}:${finding.judgement}` : undefined,
    isUnderWay: async ({ portalId }) => {
      const events = { kind: 'applyPortalEvent', portalId, state: { in: ['waiting', 'running'] } };
      return (await db.prisma.job.count({ where: events })) > 0;
    },
    record: (tx, row, findings, requestId) => record({ tx, requestId, now: new Date(clock.now()) }, row, findings),
  };
  return createRunHandler(turns, deps);
}

/** Pure: each message once, oldest first. */
function inOrder<Judged extends { message: HistoryMessage }>(found: readonly Judged[]): Judged[] {
  const once = new Map(found.map((one) => [one.message.id, one]));
  return [...once.values()].sort((a, b) => Number(a.message.id) - Number(b.message.id));
}

/** Of the messages in these histories, those that are known already; by conversation and message. */
async function knownReplies(
  db: Database,
  page: readonly ConversationContext[],
  histories: readonly SessionHistory[],
): Promise<Map<string, Map<string, KnownReply>>> {
  const externalIds = histories.flatMap(({ messages }) => messages.map(({ id }) => id));
  const rows = await db.prisma.message.findMany({
    where: {
      conversationId: { in: page.map(({ id }) => id) },
      direction: 'toMessenger',
      externalId: { in: externalIds },
    },
  });
  const known = new Map<string, Map<string, KnownReply>>();
  for (const { conversationId, externalId, text, author, state, deletedAt } of rows) {
    const of = known.get(conversationId) ?? new Map<string, KnownReply>();
    known.set(conversationId, of);
    of.set(externalId, { text, author, settled: deletedAt !== null || state !== 'delivered' });
  }
  return known;
}

/** Returns how many are on their way now. */
async function record(context: Repairing, run: RunRow, findings: readonly Finding[]): Promise<number> {
  let repaired = 0;
  for (const { conversation, message, judgement } of findings) {
    const delivers = !run.dryRun && (await repair(context, { conversation, message, judgement }));
    if (delivers) repaired++;
    const detail = { messageId: message.id, writtenAt: message.date, files: message.files, delivered: delivers };
    await context.tx.prisma.runFinding.create({
      data: { runId: run.id, conversationId: conversation.id, finding: judgement, detail },
    });
  }
  return repaired;
}

const isRepairable = ({ judgement }: Pick<Finding, 'judgement'>): boolean =>
  judgement === 'lost' || judgement === 'changed' || judgement === 'only_files';

/** Returns whether something of it is on its way now. */
async function repair(
  context: Repairing,
  { conversation: { id, chatId }, message, judgement }: Finding,
): Promise<boolean> {
  if (!isRepairable({ judgement })) return false;
  const conversation = await lockConversation(context.tx, id);
  if (!conversation) return false;
  if (judgement === 'changed') return rewrite(context, conversation, message);
  if (message.files > 0) {
    const text = 'Message not delivered: files sent while the gateway was not listening. Please send them again';
    await writeNote(context, conversation, text, `lost-files-${message.id}`);
  }
  if (judgement === 'only_files') return false;
  const item = {
    chatId: chatId ?? '',
    messageId: message.id,
    userId: message.senderId,
    // The history shows no signature, and the line may hide names: the messenger gets the number of the user alone.
    text: message.text,
    files: [],
    externalChatId: conversation.dialogKey,
  };
  return addReply(context, conversation, item, new Date(message.date));
}

async function rewrite(
  { tx, requestId, now }: Repairing,
  conversation: ConversationContext,
  { id: externalId, text }: HistoryMessage,
): Promise<boolean> {
  const key = { conversationId: conversation.id, direction: 'toMessenger', externalId };
  const row = await tx.prisma.message.findFirst({ where: { ...key, deletedAt: null } });
  if (!row) return false;
  // The name stays with it: the history does not tell it.
  const { name } = splitSignature(row.text, { signed: row.author !== 'system' });
  const data = {
    text: name === undefined ? text : `[b]${name}:[/b] [br]${text}`,
    editedAt: now,
  };
  await tx.prisma.message.update({ where: { id: row.id }, data });
  await tx.enqueue([changeReply({ ...messengerJob(conversation, requestId), payload: { messageId: row.id } })]);
  return true;
}
