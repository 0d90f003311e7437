import type { Call } from './portalApi.ts';
import {
  itemOf,
  lineParams,
  messageFields,
  messageParams,
  type ConnectorMessage,
  type LineRef,
  type MessageTarget,
} from './connectorWire.ts';

/** What follows a message: its edit, its deletion, its delivery (contract imconnector §3.8-3.10). One per call. */

const REPEATABLE = { repeatable: true };

/** Changes the text of every message with this id; success also when there is none (§3.8). An empty text deletes. */
export async function updateMessage(
  call: Call,
  { message, ...target }: MessageTarget & { message: ConnectorMessage },
): Promise<void> {
  const method = 'imconnector.update.messages';
  itemOf(await call(method, messageParams(target, messageFields(message)), REPEATABLE), method, REPEATABLE);
}

/** Success also when there is no such message (§3.9). */
export async function deleteMessage(
  call: Call,
  { messageId, ...target }: MessageTarget & { messageId: string },
): Promise<void> {
  const method = 'imconnector.delete.messages';
  itemOf(await call(method, messageParams(target, { id: messageId }), REPEATABLE), method, REPEATABLE);
}

export interface Delivery extends LineRef {
  /** Ids on the portal, as the operator's message came. */
  chatId: string;
  messageId: string;
  /** Ids in the messenger. Only the first confirmation stores them; without them no edit or deletion follows (§3.10). */
  externalIds: readonly string[];
  externalChatId: string;
  /** Unix seconds. */
  date: number;
}

/** Takes the "sending" mark off an operator's message. Repeatable. */
export async function confirmDelivery(call: Call, delivery: Delivery): Promise<void> {
  await call(
    'imconnector.send.status.delivery',
    {
      ...lineParams(delivery),
      MESSAGES: [
        {
          im: { chat_id: delivery.chatId, message_id: delivery.messageId },
          message: { id: delivery.externalIds, date: delivery.date },
          chat: { id: delivery.externalChatId },
        },
      ],
    },
    REPEATABLE,
  );
}
