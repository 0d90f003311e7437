import type { Portal } from '../../hit.ts';

export type BotType = 'bot' | 'network' | 'openline' | 'supervisor' | 'personal' | 'human';

/** Handlers of a bot that was registered by `imbot.register` (contract imbot §10.4). */
export interface LegacyHandlers {
  readonly messageAdd: string;
  readonly messageUpdate: string;
  readonly messageDelete: string;
  readonly welcome: string;
  readonly botDelete: string;
}

/** A bot; its names, its picture and its job title are those of the portal user with the same id. */
export interface BotRow {
  readonly id: number;
  readonly code: string;
  /** Whose bot it is: a client id, or "custom" and the token (contract imbot §2.1). */
  readonly appId: string;
  readonly type: BotType;
  readonly color: string;
  readonly isHidden: boolean;
  readonly isReactionsEnabled: boolean;
  readonly isSupportOpenline: boolean;
  readonly backgroundId: string | null;
  readonly eventMode: 'fetch' | 'webhook';
  readonly webhookUrl: string;
  /** Set: events come in the legacy form, to these addresses. */
  readonly handlers: LegacyHandlers | null;
  readonly countMessage: number;
  /** Groups it is in, and people it has a dialog with; kept, because every stored event tells them. */
  readonly countChat: number;
  readonly countUser: number;
}

export interface Member {
  readonly userId: number;
  readonly manager: boolean;
  /** Grows with every entry into any chat. */
  readonly relationId: number;
}

export interface ChatRow {
  readonly id: number;
  /** C private group, O open group, P dialog of two. */
  readonly type: 'C' | 'O' | 'P';
  readonly title: string;
  readonly description: string;
  /** A name of colors.ts. */
  readonly color: string;
  readonly avatar: string;
  /** Never checked against anything: may be nobody, or somebody outside (contract imbot §6.4). */
  readonly ownerId: number;
  readonly members: readonly Member[];
  readonly entityType: string;
  readonly entityId: string;
  readonly textFieldEnabled: boolean;
  readonly createdAt: number;
  readonly messageCount: number;
  readonly lastMessageId: number;
}

export interface BotMessageRow {
  readonly id: number;
  readonly chatId: number;
  /** 0: the system. */
  readonly authorId: number;
  readonly text: string;
  readonly at: number;
  readonly uuid: string | null;
  readonly params: Readonly<Record<string, unknown>>;
  readonly deleted: boolean;
}

export interface BotEventRow {
  readonly id: number;
  readonly botId: number;
  readonly at: number;
  readonly type: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** Where the readings of a fact differ, which one the portal plays; without a row the contract's choice. */
export interface ImbotSwitches {
  /** Legacy setOwner asks for the right of the REST user too (contract imbot §11, §15). */
  readonly setOwnerAsksRestUser: boolean;
  /** v2 stores the undocumented entity pair of a new chat (contract imbot §6.1, §19.2). */
  readonly keepsEntityPair: boolean;
}

export const bots = (portal: Portal) => portal.table<BotRow>('bots');
export const chats = (portal: Portal) => portal.table<ChatRow>('botChats');
/** Chat ids by folded entity pair, oldest first: equal pairs are allowed. */
export const chatPairs = (portal: Portal) => portal.table<readonly number[]>('botChatPairs');
/** Messages of one chat, in the order of their ids. */
export const messagesOf = (portal: Portal, chatId: number) => portal.table<BotMessageRow>(`botMessages/${chatId}`);
export const messageChats = (portal: Portal) => portal.table<number>('botMessageChats');
export const messageUuids = (portal: Portal) => portal.table<{ messageId: number; at: number }>('botMessageUuids');
export const eventsOf = (portal: Portal, botId: number) => portal.table<BotEventRow>(`botEvents/${botId}`);

const switches = (portal: Portal) => portal.table<ImbotSwitches>('imbotSwitches');

export function imbotSwitches(portal: Portal): ImbotSwitches {
  return switches(portal).get('all') ?? { setOwnerAsksRestUser: true, keepsEntityPair: true };
}

export function setImbotSwitches(portal: Portal, change: Partial<ImbotSwitches>): ImbotSwitches {
  const next = { ...imbotSwitches(portal), ...change };
  switches(portal).put('all', next);
  return next;
}

/** The REST revision a portal of this generation reports (contract imbot §13.1). */
export function revisionOf(portal: Portal): number {
  return portal.row().profile === 'cloud' ? 36 : 32;
}
