import type { Bots, ChatRef } from '../bitrix24/bots/bots.ts';
import { DeliveryError } from '../kit/errors.ts';

/** The steps of letting a chat go. Each can be repeated. */

/** Some old portals have no way to close it; people are removed anyway. */
export async function closeTextField(chat: ChatRef, bots: Bots): Promise<void> {
  try {
    await bots.setTextField({ ...chat, enabled: false });
  } catch (error) {
    if (!(error instanceof DeliveryError) || error.code !== 'unsupported_by_portal') throw error;
  }
}

export async function removePeople(chat: ChatRef, bots: Bots): Promise<void> {
  for (const userId of await bots.listMembers(chat)) {
    if (userId !== chat.botId) await bots.removeMember({ ...chat, userId });
  }
}
