import { setChatName } from '../bitrix24/connector.ts';
import { type Dialog, getDialog } from '../bitrix24/openLines.ts';
import type { Call } from '../bitrix24/portalApi.ts';
import type { Database } from '../db/database.ts';
import type { Clock } from '../kit/clock.ts';
import { DeliveryError } from '../kit/errors.ts';
import type { Logger } from '../kit/logger.ts';
import type { Handler, Job, Result } from '../outbox/job.ts';
import type { OutboxTx } from '../outbox/job.ts';
import { notify } from './companionNotices.ts';
import {
  type ConversationContext,
  convergeTitles,
  dialogUserCode,
  lockConversation,
  wantedTitle,
  withContext,
} from './conversations.ts';
import { noteLineTrouble } from './lineTrouble.ts';
import type { PortalCalls } from './portals.ts';
import { portalChatId } from './translate.ts';

/**
 * One statement, because thousands of names are recorded after each other. $1 conversation, $2 title, $3 the name and
 * $6 the topic it was made of, $4 when, $5 chat.
 */
const RECORD_APPLIED = `
update conversation set applied_title = $2, applied_name = $3, applied_at = $4::timestamptz, name_error = null,
  session_open = true, chat_id = coalesce($5, chat_id),
  name_state = case when wanted_name is not distinct from $3 and topic is not distinct from $6
    then 'applied' else name_state end
where id = $1::uuid
returning wanted_name is distinct from $3 or topic is distinct from $6 as moved`;

/** What was found out about a dialog's title. */
type Finding =
  /** The dialog has the title now. */
  | { kind: 'applied'; title: string; dialog?: Dialog }
  /** No dialog, or no open session in it: the next one brings the name along. */
  | { kind: 'waiting'; reason: string; dialog?: Dialog }
  /** The portal does not let us see whether it has: nothing is known about the session either. */
  | { kind: 'unknown'; reason: 'dialog_unreadable'; dialog?: Dialog };

/**
 * Makes the title of a dialog equal to the wanted one: reads the wanted state when it runs, applies the difference,
 * records what it applied, and is due again if the wanted state moved meanwhile.
 */
export function createNameConvergence(deps: {
  db: Database;
  portals: PortalCalls;
  clock: Clock;
  log: Logger;
}): Handler {
  async function load(job: Job): Promise<ConversationContext | undefined> {
    const { conversationId = '' } = job.payload;
    const found = await deps.db.prisma.conversation.findUnique({ where: { id: conversationId }, include: withContext });
    return found ?? undefined;
  }

  async function record(tx: OutboxTx, job: Job, seen: ConversationContext, finding: Finding): Promise<void> {
    if (finding.kind !== 'applied') {
      const dialog = finding.dialog ? { chatId: finding.dialog.chatId } : {};
      const session = finding.kind === 'waiting' ? { sessionOpen: false } : {};
      const data = { ...dialog, nameState: 'waitingForDialog', nameError: finding.reason, ...session };
      await tx.prisma.conversation.updateMany({ where: { id: seen.id }, data });
      return;
    }
    const now = new Date(deps.clock.now());
    const facts = [finding.title, seen.wantedName, now.toISOString(), finding.dialog?.chatId ?? null, seen.topic];
    const [row] = await tx.sql.rows<{ moved: boolean }>(RECORD_APPLIED, seen.id, ...facts);
    const { appliedName: from, wantedName: to } = seen;
    if (row && from !== null && to !== null && from !== to) {
      await notify(tx, seen, `renamed:${job.id}`, { kind: 'renamed', from, to }, { now, requestId: job.requestId });
    }
    if (!row?.moved) return;
    // The wanted name moved while the portal was working.
    const conversation = await lockConversation(tx, seen.id);
    if (conversation) await convergeTitles(tx, conversation, job.requestId);
  }

  return {
    async run(job, run): Promise<Result> {
      const conversation = await load(job);
      const title = conversation && wantedTitle(conversation);
      if (!conversation || title === undefined) return { outcome: 'done' };
      if (title === conversation.appliedTitle && conversation.nameState === 'applied') return { outcome: 'done' };
      const quietAfterMs = burstLeftMs(conversation, deps.clock.now());
      if (quietAfterMs > 0)
        return { outcome: 'later', afterMs: quietAfterMs, reason: 'a burst of renames is not over' };
      const call = deps.portals.packed(conversation.channel.portalId, run);
      const finding = await applyTitle(call, conversation, title);
      deps.log.info('name.converged', {
        conversationId: conversation.id,
        portalId: conversation.channel.portalId,
        requestId: job.requestId,
        outcome: finding.kind,
        ...(finding.kind === 'applied' ? lagOf(conversation, deps.clock.now()) : { reason: finding.reason }),
      });
      return { outcome: 'done', commit: (tx) => record(tx, job, conversation, finding) };
    },
    async failed(tx, job, failure) {
      const { conversationId: id = '' } = job.payload;
      const nameState = failure.outcome === 'retry' ? 'pending' : 'failed';
      await tx.prisma.conversation.updateMany({ where: { id }, data: { nameState, nameError: failure.code } });
      await noteLineTrouble(tx, id, failure);
    },
  };
}

/** How long the name took from our ears to the dialog, where nothing but we stood between: a session was open. */
function lagOf({ nameState, wantedNameHeardAt, appliedAt }: ConversationContext, now: number): { lagMs?: number } {
  const isNews = wantedNameHeardAt !== null && (appliedAt === null || wantedNameHeardAt > appliedAt);
  return isNews && nameState === 'pending' ? { lagMs: Math.max(0, now - wantedNameHeardAt.getTime()) } : {};
}

/** A name that comes this soon after one was applied may be one of a burst: it waits until nothing was heard for a moment. */
const BURST_MS = 5_000;
const QUIET_MS = 400;

/** A single rename is applied at once; of a burst the first and the last, and one every five seconds of a longer one. */
function burstLeftMs({ appliedAt, wantedNameHeardAt }: ConversationContext, now: number): number {
  if (appliedAt === null || wantedNameHeardAt === null || now - appliedAt.getTime() >= BURST_MS) return 0;
  return Math.max(0, wantedNameHeardAt.getTime() + QUIET_MS - now);
}

async function applyTitle(call: Call, conversation: ConversationContext, title: string): Promise<Finding> {
  const dialog = conversation.chatId === null ? await findDialog(call, conversation) : undefined;
  const chatId = conversation.chatId ?? dialog?.chatId;
  if (chatId === undefined) return { kind: 'waiting', reason: 'no_dialog' };
  const found = dialog ? { dialog } : {};
  if (dialog?.title === title) return { kind: 'applied', title, ...found };
  const direct = conversation.channel.connector.kind === 'direct';
  if (direct && conversation.externalUserId === null) return { kind: 'waiting', reason: 'no_person', ...found };
  try {
    await setChatName(call, {
      connector: conversation.channel.connector.code,
      line: String(conversation.channel.lineId),
      chatId: conversation.dialogKey,
      name: title,
      ...(direct ? { userId: portalChatId(conversation.externalUserId ?? '') } : {}),
    });
  } catch (error) {
    if (!(error instanceof DeliveryError) || error.code !== 'CHAT_RENAMING_FAILED') throw error;
    return { ...(await readBack(call, chatId, title, 'no_open_session')), ...found };
  }
  // For a person the portal does not know, it answers success and changes nothing (contract imconnector §3.13 row 9).
  if (direct) {
    const read = await readBack(call, chatId, title, 'nothing_changed');
    // A person it has named to us it knows: that success is to be believed even where the dialog cannot be read.
    const believed = read.kind === 'unknown' && conversation.bitrixUserId !== null;
    return { ...(believed ? { kind: 'applied' as const, title } : read), ...found };
  }
  return { kind: 'applied', title, ...found };
}

/** The refusal does not say why: an equal title means done, anything else that no session is open. */
async function readBack(call: Call, chatId: string, title: string, otherwise: string): Promise<Finding> {
  const dialog = await getDialog(call, { chatId });
  if (!dialog) return { kind: 'unknown', reason: 'dialog_unreadable' };
  return dialog.title === title ? { kind: 'applied', title } : { kind: 'waiting', reason: otherwise };
}

/** A dialog we have not spoken in yet: a mapped one, or ours before the database was lost. */
async function findDialog(call: Call, conversation: ConversationContext): Promise<Dialog | undefined> {
  const key = dialogUserCode(conversation);
  return key === undefined ? undefined : getDialog(call, { userCode: key });
}
