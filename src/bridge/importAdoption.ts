import { type Dialog, type DialogKey, getDialogs, MOST_DIALOGS } from '../bitrix24/openLines.ts';
import type { Database, Prisma } from '../db/database.ts';
import type { Clock } from '../kit/clock.ts';
import type { Logger } from '../kit/logger.ts';
import type { Handler, OutboxTx } from '../outbox/job.ts';
import {
  type ConversationContext,
  convergeTitles,
  dialogUserCode,
  lockConversation,
  withContext,
} from './conversations.ts';
import { dialogKeyOf, recordRealTitle } from './dialogTitles.ts';
import { advance, type LineProblem } from './importProgress.ts';
import { lineProblem } from './importStoring.ts';
import type { PortalCalls } from './portals.ts';
import { noteRunFailure } from './runTurns.ts';

/**
 * Looks up the dialogs that imported conversations have on a portal already, fifty with one request, and makes them
 * theirs. Nothing is created there; a title that differs is queued like any other.
 */

const withChannel = { connector: true } satisfies Prisma.ChannelInclude;

interface Line {
  line: number;
  conversationId: string;
  /** Chat the line names. */
  chatId: string | null;
  dialogKey: string;
  channel: Prisma.ChannelGetPayload<{ include: typeof withChannel }>;
  /** Missing in a dry run, where it was not made. */
  conversation: ConversationContext | undefined;
}

interface Found extends Line {
  dialog: Dialog | undefined;
}

export function createDialogAdoption(deps: { db: Database; portals: PortalCalls; clock: Clock; log: Logger }): Handler {
  const { db, clock, log } = deps;

  /** `upTo`: the last line of the page; undefined where no other page follows. */
  async function nextLines(runId: string, portalId: string): Promise<{ lines: Line[]; upTo: number | undefined }> {
    const where = { runId, portalId };
    const rows = await db.prisma.importLine.findMany({ where, orderBy: { line: 'asc' }, take: MOST_DIALOGS });
    const channelIds = [...new Set(rows.flatMap(({ channelId }) => channelId ?? []))];
    const channels = await db.prisma.channel.findMany({ where: { id: { in: channelIds } }, include: withChannel });
    const ids = rows.map(({ conversationId }) => conversationId);
    const known = await db.prisma.conversation.findMany({ where: { id: { in: ids } }, include: withContext });
    const lines = rows.flatMap((row) => {
      const channel = channels.find(({ id }) => id === row.channelId);
      const conversation = known.find(({ id }) => id === row.conversationId);
      return channel ? [{ ...row, channel, conversation }] : [];
    });
    return { lines, upTo: rows.length < MOST_DIALOGS ? undefined : rows.at(-1)?.line };
  }

  return {
    async run(job, run) {
      const { runId = '', portalId = '' } = job.payload;
      const row = await db.prisma.run.findUnique({ where: { id: runId } });
      if (!row || row.state === 'done') return { outcome: 'done' };
      const { lines, upTo } = await nextLines(runId, portalId);
      const call = deps.portals.of(portalId, () => run.token());
      const asked = lines.flatMap((line) => keyOf(line) ?? []);
      const dialogs = asked.length === 0 ? [] : await getDialogs(call, asked, deps);
      const found = lines.map((line): Found => ({ ...line, dialog: keyOf(line) && dialogs.shift() }));
      const commit = async (tx: OutboxTx): Promise<void> => {
        const { problems, adopted } = await adopt(tx, row.dryRun, found, job.requestId);
        const asked = lines.length;
        // The row is locked from here on: of two portals that end at once, one sees that the other did.
        await advance(tx, runId, { counts: { adopted, dialogsAsked: asked }, problems });
        const these = upTo === undefined ? {} : { line: { lte: upTo } };
        await tx.prisma.importLine.deleteMany({ where: { runId, portalId, ...these } });
        const isOver = (await tx.prisma.importLine.count({ where: { runId } })) === 0;
        const ending = isOver ? { state: 'done', finishedAt: new Date(clock.now()) } : { state: 'running' };
        await tx.prisma.run.update({ where: { id: runId }, data: { ...ending, lastError: null } });
        log.info('import.dialogsAsked', { runId, portalId, asked, adopted });
      };
      if (upTo === undefined) return { outcome: 'done', commit };
      const reason = 'the next dialogs are still to be looked up';
      return { outcome: 'later', afterMs: 0, reason, progress: true, commit };
    },
    failed: noteRunFailure,
  };
}

/** A dialog that is known goes before the one the line names, and that before the key that can be made. */
function keyOf({ conversation, chatId, channel, dialogKey }: Line): DialogKey | undefined {
  if (conversation?.chatId != null) return dialogKeyOf(conversation);
  if (chatId !== null) return { chatId };
  if (conversation) return dialogKeyOf(conversation);
  const userCode = dialogUserCode({ channel, dialogKey, bitrixUserId: null });
  return userCode === undefined ? undefined : { userCode };
}

async function adopt(
  tx: OutboxTx,
  dryRun: boolean,
  lines: readonly Found[],
  requestId: string | undefined,
): Promise<{ problems: LineProblem[]; adopted: number }> {
  const problems: LineProblem[] = [];
  let adopted = 0;
  for (const line of lines) {
    const problem = problemOf(line);
    if (problem) problems.push(lineProblem(line.line, problem, line.conversation?.id));
    if (!problem && line.dialog && line.conversation?.chatId == null) adopted++;
    if (!dryRun) await converge(tx, line, problem ? undefined : line.dialog, requestId);
  }
  return { problems, adopted };
}

/** Of a chat that the line names, and that is not the one known already. */
function problemOf(line: Found): 'dialog_missing' | 'dialog_of_other' | undefined {
  const { chatId, conversation, dialog } = line;
  if (chatId === null || conversation?.chatId != null) return undefined;
  if (!dialog) return 'dialog_missing';
  return personOf(line, dialog) === undefined ? 'dialog_of_other' : undefined;
}

/** The portal's user in the key of a dialog, `0` where it is of a group; undefined: it is not the line's dialog. */
function personOf({ channel, dialogKey }: Line, { userCode }: Dialog): string | undefined {
  const user = userCode.split('|')[3] ?? '';
  const isGroup = channel.connector.kind === 'group';
  if (user === '' || isGroup !== (user === '0')) return undefined;
  const [connector = '', ...rest] = userCode.split('|');
  const real = [connector.toLowerCase(), ...rest].join('|');
  return real === dialogUserCode({ channel, dialogKey, bitrixUserId: user }) ? user : undefined;
}

async function converge(
  tx: OutboxTx,
  line: Line,
  dialog: Dialog | undefined,
  requestId: string | undefined,
): Promise<void> {
  const conversation = await lockConversation(tx, line.conversationId);
  if (!conversation) return;
  // A dialog that began meanwhile is the newer knowledge.
  const isNew = conversation.chatId === null;
  if (!dialog || (!isNew && conversation.chatId !== dialog.chatId)) {
    await convergeTitles(tx, conversation, requestId);
    return;
  }
  const person = personOf(line, dialog);
  if (isNew && person !== undefined && person !== '0' && conversation.bitrixUserId === null) {
    await tx.prisma.conversation.update({ where: { id: conversation.id }, data: { bitrixUserId: person } });
  }
  await recordRealTitle(tx, conversation, dialog, requestId);
}
