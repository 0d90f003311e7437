import { setChatName } from '../bitrix24/connector.ts';
import { type Dialog, getDialog, type SessionHistory } from '../bitrix24/openLines.ts';
import type { Call } from '../bitrix24/portalApi.ts';
import type { Clock } from '../kit/clock.ts';
import { DeliveryError } from '../kit/errors.ts';
import { type ConversationContext, dialogUserCode, wantedTitle } from './conversations.ts';
import { createSessionReader, withBetween } from './sessions.ts';
import { portalChatId, portalMessageId } from './translate.ts';

/** What the portal knows of a message whose answer was lost. Sends are never deduplicated, so we look. */
export type LookUp =
  | { kind: 'delivered'; chatId: string | undefined; sessionId: string | undefined }
  | { kind: 'absent' }
  /** The portal does not tell: a person has to decide. */
  | { kind: 'unknown'; reason: string };

/** A message of ours, as it was sent. */
export interface Sought {
  externalId: string;
  part?: number;
  text: string;
  /** Sent as the system. */
  system?: boolean;
  /** The session in which the one before it arrived. */
  sessionBefore?: string | undefined;
}

/** Sessions a portal may begin while a call is in doubt; somebody waits, so not many are read. */
const MOST_MEANWHILE = 30;

/**
 * Reads the histories of the dialog's sessions from the one before it to the last, which may have begun after the message
 * arrived: what came through the connector carries its external id there (`params.connectorMid`, documentation of
 * imopenlines.session.history.get).
 */
export async function lookUpMessage(
  call: Call,
  conversation: ConversationContext,
  message: Sought,
  deps: { clock: Clock },
): Promise<LookUp> {
  const dialog = await findDialog(call, conversation);
  if (!dialog) {
    // Absent and not allowed to see are one and the same answer; only the first message can be told another way.
    if (conversation.chatId !== null) return { kind: 'unknown', reason: 'the dialog cannot be read' };
    return probeByName(call, conversation);
  }
  const sessions = createSessionReader(call, deps);
  const told = conversation.sessionId ?? undefined;
  const last = (await sessions.lastOf(dialog)) ?? told;
  if (last === undefined) return { kind: 'unknown', reason: 'the dialog names no session' };
  const since = message.sessionBefore ?? told ?? last;
  const known = [last, since, told ?? last].map(Number);
  const histories = await sessions.read(withBetween(known, Number(since), MOST_MEANWHILE), dialog.chatId);
  const found = judge(histories, message, dialog.chatId);
  const isWhole = histories.some(({ sessionId }) => sessionId === last);
  if (found.kind === 'absent' && !isWhole)
    return { kind: 'unknown', reason: 'the history of the session cannot be read' };
  return found;
}

/** Pure: what the histories of a chat say about one of our messages. */
export function judge(
  histories: readonly Pick<SessionHistory, 'sessionId' | 'messages'>[],
  message: Sought,
  chatId: string,
): LookUp {
  const id = portalMessageId(message.externalId, message.part);
  const found = histories.find(({ messages }) => messages.some((one) => one.connectorIds.includes(id)));
  if (found) return { kind: 'delivered', chatId, sessionId: found.sessionId };
  const messages = histories.flatMap((history) => history.messages);
  const namesIds = messages.some((one) => one.connectorIds.length > 0);
  const sameText = messages.some(
    (one) => (one.senderId === '0') === (message.system ?? false) && one.text.trim() === message.text.trim(),
  );
  // A history that shows external ids and not ours is proof; without any, only a text nobody wrote is.
  if (namesIds || !sameText) return { kind: 'absent' };
  return { kind: 'unknown', reason: 'the history shows the same text, but not whose message it is' };
}

async function findDialog(call: Call, conversation: ConversationContext): Promise<Dialog | undefined> {
  if (conversation.chatId !== null) return getDialog(call, { chatId: conversation.chatId });
  const key = dialogUserCode(conversation);
  return key === undefined ? undefined : getDialog(call, { userCode: key });
}

/**
 * Whether the dialog of a conversation exists that was never spoken in before: if it does, the lost message made it.
 * A dialog can be renamed when there is one with an open session. For a direct connector a success may also mean that
 * the portal does not know the person; naming it twice tells, because an equal name is refused
 * (contract imconnector §3.13 rows 9 to 12).
 */
async function probeByName(call: Call, conversation: ConversationContext): Promise<LookUp> {
  const delivered: LookUp = { kind: 'delivered', chatId: undefined, sessionId: undefined };
  const direct = conversation.channel.connector.kind === 'direct';
  const first = await rename(call, conversation);
  if (!direct) return first ? delivered : { kind: 'absent' };
  if (!first) return { kind: 'unknown', reason: 'the portal knows the person, but does not tell since when' };
  return (await rename(call, conversation)) ? { kind: 'absent' } : delivered;
}

async function rename(call: Call, conversation: ConversationContext): Promise<boolean> {
  const { connector, lineId } = conversation.channel;
  const person = conversation.externalUserId;
  try {
    await setChatName(call, {
      connector: connector.code,
      line: String(lineId),
      chatId: conversation.dialogKey,
      name: wantedTitle(conversation) ?? conversation.externalId,
      ...(connector.kind === 'direct' && person !== null ? { userId: portalChatId(person) } : {}),
    });
    return true;
  } catch (error) {
    if (error instanceof DeliveryError && error.code === 'CHAT_RENAMING_FAILED') return false;
    throw error;
  }
}
