import { readDialogs } from '../bitrix24/connectorEvents.ts';
import { readLineDelete, readStatusDelete } from '../bitrix24/events.ts';
import { botDeleted, botHeard, botJoined } from './botEffects.ts';
import { notify } from './companionNotices.ts';
import { convergeTitles } from './conversations.ts';
import { ignored } from './effect.ts';
import { notifyOfChannel, notifyOfDialog } from './notifications.ts';
import { operatorMessageAdded, operatorMessageDeleted, operatorMessageEdited } from './operatorEffects.ts';
import { findByDialog, type PortalApplied, type PortalEffect, type PortalEventContext } from './portalEffect.ts';

/** What each event of Bitrix24 does. A new one is one row of the table at the end. */

const UNKNOWN_DIALOG = ignored('no conversation of ours has this dialog');

/** A session opened: a name that waited for one can be set now. */
const dialogStarted: PortalEffect = async (context, event) => {
  let applied: PortalApplied = UNKNOWN_DIALOG;
  for (const dialog of readDialogs(event)) {
    const conversation = await findByDialog(context, dialog);
    if (!conversation) continue;
    const { bitrixUserId, sessionId } = dialog;
    const change = { sessionOpen: true, sessionId, ...(bitrixUserId === '0' ? {} : { bitrixUserId }) };
    await context.tx.prisma.conversation.update({ where: { id: conversation.id }, data: change });
    await convergeTitles(context.tx, { ...conversation, ...change }, context.requestId, { dialogExists: true });
    await notifyOfDialog(context, conversation, 'dialog.started', sessionId);
    await notify(context.tx, conversation, `dialog:${sessionId}:started`, { kind: 'dialogStarted' }, context);
    applied = { state: 'applied', conversationId: conversation.id };
  }
  return applied;
};

const dialogFinished: PortalEffect = async (context, event) => {
  let applied: PortalApplied = UNKNOWN_DIALOG;
  for (const dialog of readDialogs(event)) {
    const conversation = await findByDialog(context, dialog);
    if (!conversation) continue;
    applied = { state: 'applied', conversationId: conversation.id };
    await notifyOfDialog(context, conversation, 'dialog.finished', dialog.sessionId);
    // A late event about an earlier session says nothing of the one that is open now.
    if (conversation.sessionId !== null && conversation.sessionId !== dialog.sessionId) continue;
    await context.tx.prisma.conversation.update({ where: { id: conversation.id }, data: { sessionOpen: false } });
    const record = `dialog:${dialog.sessionId}:finished`;
    await notify(context.tx, conversation, record, { kind: 'dialogFinished' }, context);
  }
  return applied;
};

/** Of channels that still exist: our own disconnecting deletes the row first, so it is never answered here. */
const disconnected: PortalEffect = async (context, event) => {
  const { connector, line } = readStatusDelete(event);
  return disconnect(context, { lineId: Number(line), connector: { code: connector } }, 'disconnected_on_portal');
};

/** Sent for every line of the portal, ours or not (contract imconnector §4.6). */
const lineDeleted: PortalEffect = (context, event) =>
  disconnect(context, { lineId: Number(readLineDelete(event)) }, 'line_deleted');

async function disconnect(
  context: PortalEventContext,
  line: { lineId: number; connector?: { code: string } },
  reason: string,
): Promise<PortalApplied> {
  const { tx, portalId } = context;
  const channels = await tx.prisma.channel.findMany({
    where: { portalId, ...line },
    include: { messenger: true, connector: true },
  });
  for (const channel of channels) {
    await tx.prisma.channel.update({ where: { id: channel.id }, data: { state: 'disconnected', lastError: reason } });
    await notifyOfChannel(context, channel, reason);
  }
  return channels.length > 0 ? { state: 'applied' } : ignored('not a line of ours');
}

/** The portal paid: what waited for that need not wait for the next look. Only what is paid for sends events at all. */
const paid: PortalEffect = async ({ tx, portalId }) => {
  const { gateId } = await tx.prisma.portal.findUniqueOrThrow({ where: { id: portalId } });
  const where = { id: gateId, blockedReason: { in: ['PAYMENT_REQUIRED', 'ACCESS_DENIED'] } };
  const { count } = await tx.prisma.gate.updateMany({ where, data: { blockedUntil: null, blockedReason: null } });
  if (count > 0) tx.wakeAfterCommit([gateId.toString()]);
  return { state: 'applied' };
};

/** The doctor asked for it, and finds it where it was stored. */
const tested: PortalEffect = () => Promise.resolve({ state: 'applied' });

export const portalEffects: Readonly<Record<string, PortalEffect>> = {
  ONIMCONNECTORMESSAGEADD: operatorMessageAdded,
  ONIMCONNECTORMESSAGEUPDATE: operatorMessageEdited,
  ONIMCONNECTORMESSAGEDELETE: operatorMessageDeleted,
  ONIMCONNECTORDIALOGSTART: dialogStarted,
  ONIMCONNECTORDIALOGFINISH: dialogFinished,
  ONIMCONNECTORSTATUSDELETE: disconnected,
  ONIMCONNECTORLINEDELETE: lineDeleted,
  ONAPPPAYMENT: paid,
  ONAPPTEST: tested,
  ONIMBOTMESSAGEADD: botHeard,
  ONIMBOTJOINCHAT: botJoined,
  ONIMBOTDELETE: botDeleted,
};
