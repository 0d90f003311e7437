import { isArray, isSet, toInt, toText, type Params } from '../../../php/values.ts';
import type { Method } from '../../method.ts';
import {
  addChat,
  announceChat,
  automaticTitle,
  changeChat,
  chatById,
  cutTitle,
  removeMember,
  type NewChat,
} from '../chats.ts';
import { knownColor } from '../colors.ts';
import { readImage, storeImage } from '../images.ts';
import { post, postSystem } from '../messages.ts';
import { isMember } from '../roles.ts';
import { imbotSwitches, type ChatRow } from '../tables.ts';
import { chatArgument, eitherCase, fieldsArgument, intArgument, intList } from './arguments.ts';
import {
  botMethod,
  OK,
  refuseChat,
  requireGroup,
  requireRight,
  requireUploadedAvatar,
  visibleChat,
  type BotCall,
} from './botCall.ts';
import { chatAnswer } from './views.ts';

export const chatMethods: readonly Method[] = [
  botMethod('Chat.add', add),
  botMethod('Chat.get', get),
  botMethod('Chat.update', update),
  botMethod('Chat.setOwner', setOwner),
  botMethod('Chat.leave', leave),
];

/** The one right of v2 that is asked of the REST user and not of the bot (contract imbot §2.5, §18.29). */
function add({ call, bot, params, revision }: BotCall) {
  const fields = fieldsArgument(params);
  if (call.user.kind !== 'employee') refuseChat('ACCESS_DENIED');
  requireUploadedAvatar(eitherCase(fields, 'avatar'));
  const chat = addChat(call, bot.id, wantedChat(call.portal, fields, bot.id, revision));
  announceChat(call, chat, bot.id);
  if (chat.description !== '') post(call, { chatId: chat.id, saidBy: chat.ownerId, text: chat.description });
  return chatAnswer(call.portal, chatById(call.portal, chat.id), bot.id);
}

/** The entity pair passes as it is; `message` is not read by anybody (contract imbot §6.1). */
function wantedChat(portal: BotCall['call']['portal'], fields: Params, botId: number, revision: number): NewChat {
  const text = (name: string) => toText(eitherCase(fields, name));
  const image = readImage(eitherCase(fields, 'avatar'));
  return {
    type: text('type').toLowerCase() === 'open' ? 'O' : 'C',
    title: text('title'),
    description: text('description'),
    color: knownColor(eitherCase(fields, 'color'), revision),
    avatar: image ? storeImage(portal, image) : '',
    ownerId: toInt(eitherCase(fields, 'ownerId')) || botId,
    userIds: intList(eitherCase(fields, 'userIds')),
    ...entityPair(portal, text('entityType'), text('entityId')),
  };
}

function entityPair(portal: BotCall['call']['portal'], entityType: string, entityId: string) {
  return imbotSwitches(portal).keepsEntityPair ? { entityType, entityId } : { entityType: '', entityId: '' };
}

function get(botCall: BotCall) {
  const chat = visibleChat(botCall, chatArgument(botCall));
  return chatAnswer(botCall.call.portal, chat, botCall.bot.id);
}

/** Only the owner may, and in a chat of a custom entity type nobody (contract imbot §6.3). No message tells of it. */
function update(botCall: BotCall) {
  const { call, params } = botCall;
  const chatId = chatArgument(botCall);
  const fields = fieldsArgument(params);
  const chat = visibleChat(botCall, chatId);
  requireUploadedAvatar(fields.avatar);
  requireRight(botCall, chat, 'update');
  requireGroup(chat);
  changeChat(call.portal, chatId, changeOf(botCall, chat, fields));
  if (isSet(fields.avatar)) updateAvatar(botCall, chatId, fields.avatar);
  return OK;
}

function changeOf({ call, revision }: BotCall, chat: ChatRow, fields: Params): Partial<ChatRow> {
  const color = knownColor(fields.color, revision) ?? chat.color;
  const title = isSet(fields.title) ? cutTitle(toText(fields.title)) || automaticTitle(call.portal, color) : chat.title;
  const description = isSet(fields.description) ? toText(fields.description) : chat.description;
  return { title, description, color };
}

/** What is no picture takes the old one away (contract imbot §6.3, §18.35). */
function updateAvatar({ call }: BotCall, chatId: number, avatar: unknown): void {
  const image = isArray(avatar) ? undefined : readImage(avatar);
  changeChat(call.portal, chatId, { avatar: image ? storeImage(call.portal, image) : '' });
  postSystem(call, chatId, 'The chat avatar was changed');
}

/** The new owner is believed to exist, to be a member, to be alive (contract imbot §6.4). */
function setOwner(botCall: BotCall) {
  const chatId = chatArgument(botCall);
  const userId = intArgument(botCall.params, 'userId');
  requireRight(botCall, visibleChat(botCall, chatId), 'changeOwner');
  changeChat(botCall.call.portal, chatId, { ownerId: userId });
  return OK;
}

function leave(botCall: BotCall) {
  const { call, bot } = botCall;
  const chat = visibleChat(botCall, chatArgument(botCall));
  if (!isMember(chat, bot.id)) refuseChat('ACCESS_DENIED');
  requireGroup(chat);
  removeMember(call, chat.id, bot.id, bot.id);
  return OK;
}
