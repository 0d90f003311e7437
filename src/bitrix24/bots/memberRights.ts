import { DeliveryError } from '../../kit/errors.ts';
import type { Call } from '../portalApi.ts';
import { hasCode, type Fields } from '../wire.ts';
import type { BotChat, ChatChange, ChatRef } from './bots.ts';
import { botParams, chatOf } from './legacyWire.ts';
import { ignoring, portalColor } from './shared.ts';

/**
 * Title, colour and avatar by the deprecated methods, for which any member may do it: the bot must be in the chat, and
 * so must the user of the grant, whose rights are tested as well (contract imbot §11, trap 26).
 */

/** The chat as the user of the grant sees it; undefined when that user does not. */
export async function readAsUser(call: Call, chat: ChatRef): Promise<BotChat | undefined> {
  const params = { ...botParams(chat), DIALOG_ID: `chat${chat.chatId}` };
  try {
    return chatOf(await call('imbot.dialog.get', params, { repeatable: true }));
  } catch (error) {
    if (hasCode(error, 'ACCESS_ERROR')) return undefined;
    throw error;
  }
}

/** Nothing is believed: a refused rename answers success. @throws refused `not_applied` */
export async function changeAsMember(call: Call, chat: ChatRef, change: ChatChange): Promise<void> {
  const run = (method: string, params: Fields): Promise<unknown> =>
    call(`imbot.chat.${method}`, { ...botParams(chat), CHAT_ID: chat.chatId, ...params }, { repeatable: true });
  const { title, color, avatar } = change;
  if (title !== undefined) {
    await run('updateTitle', { TITLE: title });
    if ((await readAsUser(call, chat))?.title !== title) throw notApplied('the title');
  }
  // The current colour is refused like an unknown chat; the chat is known here, so it is the colour (trap 27).
  const COLOR = color === undefined ? undefined : portalColor(color);
  if (COLOR !== undefined) await ignoring(['WRONG_REQUEST'], run('updateColor', { COLOR }));
  if (avatar !== undefined) await run('updateAvatar', { AVATAR: avatar });
}

const notApplied = (what: string): DeliveryError =>
  new DeliveryError({
    verdict: 'refused',
    code: 'not_applied',
    detail: `${what} stays as it is although the portal said yes: the user of the grant may not change it`,
  });
