import { type FormValue, misshapen, type PortalEvent } from '../events.ts';
import { formMap } from '../form.ts';
import { asFlag, asId, asText } from '../wire.ts';
import type { BotMessage, JoinedChat } from './bots.ts';

/** Events of bots that were registered by the deprecated API: posted to our events address (contract imbot §10.4). */

interface BotForm {
  botId: string;
  params: Readonly<Record<string, FormValue>>;
  user: Readonly<Record<string, FormValue>>;
}

/** `data[BOT]` is keyed by the id of the bot. @throws RequestError */
function readBotForm(event: PortalEvent): BotForm {
  const { BOT, PARAMS, USER } = formMap(event.data);
  const params = formMap(PARAMS);
  const botId = asId(params.BOT_ID) ?? asId(Object.keys(formMap(BOT))[0]);
  if (botId === undefined) throw misshapen(event);
  return { botId, params, user: formMap(USER) };
}

/** The event does not tell what kind of user wrote it: whoever is no bot and no client of a line is taken for staff. */
export function readBotMessage(event: PortalEvent): { botId: string; message: BotMessage } {
  const { botId, params, user } = readBotForm(event);
  const authorId = asId(params.FROM_USER_ID) ?? '0';
  const isPerson = authorId !== '0' && authorId !== botId && asId(user.ID) === authorId;
  const isStranger = ['IS_BOT', 'IS_CONNECTOR', 'IS_EXTRANET'].some((flag) => asFlag(user[flag]));
  const message = {
    messageId: asId(params.MESSAGE_ID) ?? '0',
    chatId: chatIdOf(params),
    text: asText(params.MESSAGE),
    authorId,
    byEmployee: isPerson && !isStranger,
  };
  return { botId, message };
}

export function readBotJoin(event: PortalEvent): { botId: string; chat: JoinedChat } {
  const { botId, params } = readBotForm(event);
  const chat = {
    chatId: chatIdOf(params),
    title: '',
    owner: asId(params.CHAT_AUTHOR_ID) ?? '0',
    key: asText(params.CHAT_ENTITY_ID),
    byUserId: asId(params.USER_ID) ?? '0',
  };
  return { botId, chat };
}

export const readBotDelete = (event: PortalEvent): string => readBotForm(event).botId;

const chatIdOf = (params: BotForm['params']): string =>
  asId(params.CHAT_ID) ?? /^chat(\d+)$/.exec(asText(params.DIALOG_ID))?.[1] ?? '0';
