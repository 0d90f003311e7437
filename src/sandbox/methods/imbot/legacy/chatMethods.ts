import { dialogByCode } from '../../../openlines/dialogs.ts';
import { foldKeysDeep, isArray, isEmpty, isSet, toText } from '../../../php/values.ts';
import { refuse } from '../../../refusal.ts';
import type { Method } from '../../method.ts';
import { addChat, announceChat, changeChat, chatByPair, cutTitle, nameOf } from '../chats.ts';
import { legacyColor } from '../colors.ts';
import { readImage, storeImage } from '../images.ts';
import { post, postSystem } from '../messages.ts';
import { isMember, may } from '../roles.ts';
import { chats, type BotRow, type ChatRow } from '../tables.ts';
import { intList } from '../v2/arguments.ts';
import { chatView } from '../v2/views.ts';
import {
  groupChat,
  groupId,
  legacyBot,
  legacyChatId,
  legacyMethod,
  refuseDialog,
  refuseRequest,
  type LegacyCall,
} from './legacyCall.ts';

export const legacyChatMethods: readonly Method[] = [
  legacyMethod('chat.add', add),
  legacyMethod('chat.get', get),
  legacyMethod('dialog.get', dialog),
  legacyMethod('chat.updateTitle', updateTitle),
  legacyMethod('chat.updateColor', updateColor),
  legacyMethod('chat.updateAvatar', updateAvatar),
];

/** Here MESSAGE is posted; for a guest of the extranet the entity pair is ignored (contract imbot §11). */
function add(legacy: LegacyCall): number {
  const { call, params } = legacy;
  if (isSet(params.USERS) && !isArray(params.USERS)) refuse('INVALID_FORMAT', 'Parameter USERS has wrong type');
  const bot = legacyBot(legacy);
  const image = readImage(params.AVATAR);
  const isGuest = call.user.kind === 'extranet';
  const chat = addChat(call, bot.id, {
    type: params.TYPE === 'OPEN' ? 'O' : 'C',
    title: toText(params.TITLE),
    description: toText(params.DESCRIPTION),
    color: legacyColor(params.COLOR),
    avatar: image ? storeImage(call.portal, image) : '',
    ownerId: bot.id,
    userIds: intList(params.USERS),
    entityType: isGuest ? '' : toText(params.ENTITY_TYPE),
    entityId: isGuest ? '' : toText(params.ENTITY_ID),
  });
  announceChat(call, chat, bot.id);
  for (const text of [chat.description, toText(params.MESSAGE)]) {
    if (text !== '') post(call, { chatId: chat.id, saidBy: bot.id, text });
  }
  return chat.id;
}

/** By pair it asks for no bot, no token and no membership; an unknown pair is null (contract imbot §11, §18.30). */
function get(legacy: LegacyCall): unknown {
  const { call, params } = legacy;
  if (isEmpty(params.ENTITY_TYPE) || isEmpty(params.ENTITY_ID)) return dialog(legacy);
  const [entityType, entityId] = [toText(params.ENTITY_TYPE), toText(params.ENTITY_ID)];
  const line = entityType.toUpperCase() === 'LINES' ? dialogByCode(call.portal, entityId)?.chatId : undefined;
  const id = line ?? chatByPair(call.portal, entityType, entityId)?.id;
  return id === undefined ? null : { ID: id };
}

/** Looks with the eyes of the REST user, not of the bot (contract imbot §11, §18.26). */
function dialog({ call, params }: LegacyCall): unknown {
  if (isEmpty(params.DIALOG_ID)) refuseDialog();
  const chat = chats(call.portal).get(groupId(params.DIALOG_ID) ?? 0);
  if (!chat || (chat.type !== 'O' && !isMember(chat, call.userId))) {
    refuse('ACCESS_ERROR', 'You do not have access to the specified dialog', { status: 403 });
  }
  return foldKeysDeep(dialogView(chat, call.userId), snakeCase);
}

function snakeCase(key: string): string {
  return key.replace(/[A-Z]|\d+$/g, (found) => `_${found.toLowerCase()}`);
}

function dialogView(chat: ChatRow, userId: number) {
  const restrictions = ['avatar', 'rename', 'extend', 'call', 'mute', 'leave', 'leave_owner', 'send', 'user_list'];
  return {
    ...chatView(chat, userId),
    counter: 0,
    restrictions: Object.fromEntries(restrictions.map((name) => [name, true])),
    readedList: [],
  };
}

/** The bot must be in the chat, and the REST user must have the right (contract imbot §11). */
function mayRename({ call }: LegacyCall, chat: ChatRow | undefined, bot: BotRow): chat is ChatRow {
  return chat !== undefined && isMember(chat, bot.id) && may(chat, call.userId, 'rename');
}

/** True whether or not anything changed (contract imbot §18.26). */
function updateTitle(legacy: LegacyCall): true {
  const { call, params } = legacy;
  const chatId = legacyChatId(legacy);
  const title = cutTitle(toText(params.TITLE));
  if (title === '') refuse('TITLE_EMPTY', "Title can't be empty");
  const bot = legacyBot(legacy);
  const chat = groupChat(legacy, chatId);
  if (!mayRename(legacy, chat, bot) || chat.title === title) return true;
  changeChat(call.portal, chatId, { title });
  postSystem(call, chatId, `${nameOf(call.portal, bot.id)} changed the chat title to "${title}"`);
  return true;
}

/** The color it has already is an error (contract imbot §18.27). */
function updateColor(legacy: LegacyCall): true {
  const { call, params } = legacy;
  const chatId = legacyChatId(legacy);
  const color = legacyColor(params.COLOR);
  if (color === undefined) refuse('WRONG_COLOR', 'This color is not available');
  const bot = legacyBot(legacy);
  const chat = groupChat(legacy, chatId);
  if (!mayRename(legacy, chat, bot) || chat.color === color) {
    refuseRequest("This color currently set or chat isn't exists");
  }
  changeChat(call.portal, chatId, { color });
  postSystem(call, chatId, `${nameOf(call.portal, bot.id)} changed the chat color`);
  return true;
}

/** The right of the REST user comes before anything is known of the bot (contract imbot §11). */
function updateAvatar(legacy: LegacyCall): true {
  const { call, params } = legacy;
  const chatId = legacyChatId(legacy);
  const chat = groupChat(legacy, chatId);
  if (!chat || !may(chat, call.userId, 'rename')) refuse('ACCESS_DENIED', 'Access denied');
  const image = readImage(params.AVATAR);
  if (!image || image.tooLarge) refuse('AVATAR_ERROR', 'Avatar is not an image of at most 5000x5000');
  const bot = legacyBot(legacy);
  if (!isMember(chat, bot.id)) refuseRequest("Chat isn't exists");
  changeChat(call.portal, chatId, { avatar: storeImage(call.portal, image) });
  postSystem(call, chatId, `${nameOf(call.portal, bot.id)} changed the chat avatar`);
  return true;
}
