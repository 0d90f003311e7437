import { asFields, asId, asText, type Fields } from '../wire.ts';
import type { BotEvent, BotMessage, JoinedChat } from './bots.ts';

/** Events of a bot as `Event.get` and the deprecated webhooks carry them (contract imbot §9.1, 10). */

export function eventOf(item: unknown): BotEvent {
  const { eventId, type, data } = asFields(item);
  const id = asId(eventId) ?? '0';
  switch (asText(type).toUpperCase()) {
    case 'ONIMBOTV2JOINCHAT':
      return { id, kind: 'joined', chat: joinedChat(asFields(data)) };
    case 'ONIMBOTV2MESSAGEADD':
      return { id, kind: 'message', message: messageOf(asFields(data)) };
    case 'ONIMBOTV2DELETE':
      return { id, kind: 'deleted' };
    default:
      return { id, kind: 'other' };
  }
}

function joinedChat({ chat, user }: Fields): JoinedChat {
  const { id, name, owner, entityId } = asFields(chat);
  return {
    chatId: asId(id) ?? '0',
    title: asText(name),
    owner: asId(owner) ?? '0',
    key: asText(entityId),
    byUserId: asId(asFields(user).id) ?? '0',
  };
}

/** What vanished before the event was built leaves an id at most (§10.1): such a message is nobody's. */
function messageOf({ message, chat, user }: Fields): BotMessage {
  const { id, chatId, authorId, text, isSystem } = asFields(message);
  const { id: userId, bot, extranet, connector, type } = asFields(user);
  const author = asId(authorId) ?? '0';
  const isPerson = bot !== true && extranet !== true && connector !== true && asText(type) === 'employee';
  return {
    messageId: asId(id) ?? '0',
    chatId: asId(chatId) ?? asId(asFields(chat).id) ?? '0',
    text: asText(text),
    authorId: author,
    byEmployee: isSystem !== true && author !== '0' && asId(userId) === author && isPerson,
  };
}
