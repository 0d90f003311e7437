import { isoSeconds } from '../../../clock.ts';
import type { Portal } from '../../../hit.ts';
import type { Params } from '../../../php/values.ts';
import { fullName, users, type UserRow } from '../../../users.ts';
import { automaticColor, hexOf } from '../colors.ts';
import { roleOf } from '../roles.ts';
import { bots, revisionOf, type BotMessageRow, type BotRow, type ChatRow } from '../tables.ts';

/** The short form is what strangers see; a full one proves that the bot is yours (contract imbot §4.1, §5.3). */
export function botView(portal: Portal, bot: BotRow, full: boolean): Params {
  const short = {
    id: bot.id,
    code: bot.code,
    type: bot.type,
    isHidden: bot.isHidden,
    isSupportOpenline: bot.isSupportOpenline,
    isReactionsEnabled: bot.isReactionsEnabled,
    backgroundId: bot.backgroundId,
    language: portal.row().language,
  };
  if (!full) return short;
  return {
    ...short,
    moduleId: 'rest',
    eventMode: bot.eventMode,
    ...(revisionOf(portal) < 35 ? { appId: bot.appId } : {}),
    countMessage: bot.countMessage,
    countCommand: 0,
    countChat: bot.countChat,
    countUser: bot.countUser,
  };
}

export function usersView(portal: Portal, userIds: readonly number[]): Params[] {
  return userIds.flatMap((userId) => {
    const user = users(portal).get(userId);
    return user ? [userView(portal, user)] : [];
  });
}

/** Contract imbot §4.2. */
export function userView(portal: Portal, user: UserRow): Params {
  const isBot = user.kind === 'bot';
  return {
    id: user.id,
    active: user.active,
    name: fullName(user),
    firstName: user.name,
    lastName: user.lastName,
    workPosition: user.workPosition ?? '',
    color: hexOf(bots(portal).get(user.id)?.color ?? automaticColor(user.id)),
    avatar: user.avatarUrl ?? '',
    gender: user.gender || 'M',
    birthday: '',
    extranet: user.kind === 'extranet',
    bot: isBot,
    connector: user.kind === 'connector',
    externalAuthId: isBot ? 'bot' : user.kind === 'connector' ? 'imconnector' : 'default',
    status: 'online',
    ...{ idle: false, lastActivityDate: false, mobileLastDate: false, desktopLastDate: false, absent: false },
    departments: isBot ? [] : [1],
    phones: user.phone ? { personalMobile: user.phone } : false,
    type: user.kind,
    website: user.url ?? '',
    email: user.email ?? '',
  };
}

/** Somebody who vanished leaves an id (contract imbot §10.1). */
export function userEventView(portal: Portal, userId: number): Params {
  const user = users(portal).get(userId);
  return user ? userView(portal, user) : { id: userId };
}

/** A dialog of two is named by the other one. */
export function dialogIdOf(chat: ChatRow, viewerId: number): string {
  const other = chat.members.find(({ userId }) => userId !== viewerId);
  return chat.type === 'P' && other ? String(other.userId) : `chat${chat.id}`;
}

/** `CHAT` becomes `chat`, `MY_APP` becomes `myApp` (contract imbot §4.3). */
function typeOf({ type, entityType }: ChatRow): string {
  if (entityType !== '') return entityType.toLowerCase().replace(/_+(.)/g, (_, letter: string) => letter.toUpperCase());
  return { C: 'chat', O: 'open', P: 'private' }[type];
}

/** The short form events carry. */
export function chatEventView(chat: ChatRow, viewerId: number): Params {
  return {
    id: chat.id,
    dialogId: dialogIdOf(chat, viewerId),
    parentChatId: 0,
    parentMessageId: 0,
    name: chat.title,
    description: chat.description,
    owner: chat.ownerId,
    color: hexOf(chat.color),
    avatar: chat.avatar,
    extranet: false,
    containsCollaber: false,
    type: typeOf(chat),
    messageType: chat.type,
    entityType: chat.entityType,
    entityId: chat.entityId,
    ...{ entityData1: '', entityData2: '', entityData3: '' },
    entityLink: { type: chat.entityType, url: '', id: chat.entityId },
    diskFolderId: 0,
    permissions: {
      manageUsersAdd: 'member',
      manageUsersDelete: 'manager',
      manageUi: 'member',
      manageSettings: 'owner',
      manageMessages: 'member',
      manageMessagesAutoDelete: 'manager',
      canPost: 'member',
    },
    isNew: false,
    textFieldEnabled: chat.textFieldEnabled,
    backgroundId: null,
  };
}

export function chatView(chat: ChatRow, viewerId: number): Params {
  const role = roleOf(chat, viewerId);
  return {
    ...chatEventView(chat, viewerId),
    role: role === 'none' ? 'guest' : role,
    muteList: [],
    dateCreate: isoSeconds(chat.createdAt),
    lastMessageId: chat.lastMessageId,
    lastMessageViews: { messageId: chat.lastMessageId, firstViewers: [], countOfViewers: 0 },
    lastId: chat.lastMessageId,
    managerList: chat.members.filter(({ manager }) => manager).map(({ userId }) => userId),
    markedId: 0,
    messageCount: chat.messageCount,
    public: '',
    unreadId: 0,
    userCounter: chat.members.length,
  };
}

/** Whatever the documentation shows, `users` is the bot alone (contract imbot §6.1). */
export function chatAnswer(portal: Portal, chat: ChatRow, botId: number): Params {
  return {
    recentConfig: { chatId: chat.id, sections: ['default'] },
    users: usersView(portal, [botId]),
    copilot: null,
    messagesAutoDeleteConfigs: [],
    callInfo: { token: '', chatId: chat.id },
    chat: chatView(chat, botId),
  };
}

/** Source writes two names twice; an empty PHP map is a list (contract imbot §4.4). */
export function messageEventView(message: BotMessageRow): Params {
  return {
    id: message.id,
    chatId: message.chatId,
    chat_id: message.chatId,
    authorId: message.authorId,
    author_id: message.authorId,
    date: isoSeconds(message.at),
    text: message.text,
    isSystem: message.authorId === 0,
    uuid: message.uuid,
    forward: null,
    params: Object.keys(message.params).length > 0 ? message.params : [],
    viewedByOthers: false,
  };
}
