import { type Dialog, getDialogs, MOST_DIALOGS } from '../bitrix24/openLines.ts';
import type { Call } from '../bitrix24/portalApi.ts';
import type { Database, Prisma } from '../db/database.ts';
import type { Clock } from '../kit/clock.ts';
import type { Logger } from '../kit/logger.ts';
import type { Handler, OutboxTx } from '../outbox/job.ts';
import { type ConversationContext, lockConversation, wantedTitle } from './conversations.ts';
import { dialogKeyOf, recordRealTitle } from './dialogTitles.ts';
import type { NameState } from './model.ts';
import type { PortalCalls } from './portals.ts';
import { findable } from './runs.ts';
import { createRunHandler, type RunTurns } from './runTurns.ts';

/**
 * A look at the title of every dialog of a portal, fifty with one request: what differs from the wanted one is listed,
 * and repaired by making the name converge again.
 */

export type NameDrift =
  /** Somebody renamed the dialog, or a rename was lost. */
  | 'title'
  /** It differs, and that was known: no session was open, or the portal refused. It is tried again. */
  | 'title_waiting'
  | 'title_failed'
  /** The dialog has the wanted title, and that was not known. */
  | 'title_unnoticed'
  /** The portal has a dialog, and that was not known. */
  | 'dialog_found'
  /** The portal shows no such dialog: it is gone, or not ours to see. */
  | 'dialog_missing';

interface Finding {
  conversation: ConversationContext;
  finding: NameDrift;
  dialog?: Dialog;
}

/** Pure: what is to be thought of a dialog; undefined where everything is as it shall be. */
export function judgeTitle(
  { chatId, nameState, wanted }: { chatId: string | null; nameState: NameState; wanted: string | undefined },
  dialog: Pick<Dialog, 'title'> | undefined,
): NameDrift | undefined {
  if (!dialog) return chatId === null ? undefined : 'dialog_missing';
  if (chatId === null) return 'dialog_found';
  // One that is just being set is no drift.
  if (wanted === undefined || nameState === 'pending') return undefined;
  if (dialog.title === wanted) return nameState === 'applied' ? undefined : 'title_unnoticed';
  return DIFFERS[nameState];
}

const DIFFERS = { applied: 'title', waitingForDialog: 'title_waiting', failed: 'title_failed' } as const;

export function createNameReconciliation(deps: {
  db: Database;
  portals: PortalCalls;
  clock: Clock;
  log: Logger;
}): Handler {
  async function look(call: Call, page: readonly ConversationContext[]): Promise<Finding[]> {
    const asked = page.flatMap((conversation) => {
      const key = dialogKeyOf(conversation);
      return key ? [{ conversation, key }] : [];
    });
    if (asked.length === 0) return [];
    const keys = asked.map(({ key }) => key);
    const dialogs = await getDialogs(call, keys, deps);
    return asked.flatMap(({ conversation }, index) => {
      const dialog = dialogs[index];
      const nameState = conversation.nameState as NameState;
      const { chatId } = conversation;
      const finding = judgeTitle({ chatId, nameState, wanted: wantedTitle(conversation) }, dialog);
      return finding === undefined ? [] : [{ conversation, finding, ...(dialog ? { dialog } : {}) }];
    });
  }

  const turns: RunTurns<Finding> = {
    what: 'conversations',
    event: 'names.reconciled',
    scope: findable,
    page: MOST_DIALOGS,
    look: (row, page, run) =>
      look(
        deps.portals.of(row.portalId, () => run.token()),
        page,
      ),
    async record(tx, row, findings, requestId) {
      let repaired = 0;
      for (const found of findings) {
        if (!row.dryRun && (await repair(tx, found, requestId))) repaired++;
      }
      await tx.prisma.runFinding.createMany({ data: findings.map((found) => ({ runId: row.id, ...describe(found) })) });
      return repaired;
    },
  };
  return createRunHandler(turns, deps);
}

const describe = ({
  conversation,
  finding,
  dialog,
}: Finding): { conversationId: string; finding: string; detail: Prisma.InputJsonObject } => ({
  conversationId: conversation.id,
  finding,
  detail: {
    wanted: wantedTitle(conversation) ?? null,
    found: dialog?.title ?? null,
    chatId: dialog?.chatId ?? conversation.chatId,
  },
});

/** Returns whether the name is on its way now, or known to be there. */
async function repair(
  tx: OutboxTx,
  { conversation: seen, dialog }: Finding,
  requestId: string | undefined,
): Promise<boolean> {
  const conversation = dialog && (await lockConversation(tx, seen.id));
  // What moved since the look is made equal by whoever moved it.
  if (!dialog || !conversation || stateOf(conversation) !== stateOf(seen)) return false;
  await recordRealTitle(tx, conversation, dialog, requestId);
  return true;
}

const stateOf = (conversation: ConversationContext): string =>
  JSON.stringify([
    wantedTitle(conversation),
    conversation.appliedTitle,
    conversation.appliedAt,
    conversation.nameState,
    conversation.chatId,
  ]);
