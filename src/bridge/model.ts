/** The words of the bridge, as they are stored. */

/** Of a webhook event. `unhandled`: stored, and its effect comes with a later version. */
export type EventState = 'accepted' | 'applied' | 'ignored' | 'unhandled' | 'failed';

export type NameState = 'applied' | 'pending' | 'waitingForDialog' | 'failed';

/** `toCompanion`: posted by the bot into the companion. */
export type MessageDirection = 'toPortal' | 'toMessenger' | 'toCompanion';

/**
 * `accepted`: the messenger took it and will say what became of it · `deleted`: deleted on the other side too, or
 * before it crossed · `erased`: for the sake of the person it is of; nothing of it crosses any more.
 */
export type MessageState = 'pending' | 'accepted' | 'delivered' | 'deleted' | 'failed' | 'parked' | 'erased';

/**
 * To the portal: a `person`, an `operator` on their own device (mirrored), or the `gateway` (a note).
 * To the messenger: an `operator`, or the `system` of the portal.
 */
export type MessageAuthor = 'person' | 'operator' | 'gateway' | 'system';

/** Of connectors, bots and channels: whether the portal has what we want. */
export type WiringState = 'pending' | 'ready' | 'failed' | 'disconnected';

export type CompanionState = 'pending' | 'ready' | 'failed' | 'archived';

export type ConversationKind = 'direct' | 'group';

/** A channel's policy for companions. */
export interface CompanionPolicy {
  mode: 'off' | 'onFirstMessage' | 'onDemand';
  /** Id or code of the bot; the portal's first one when absent. */
  bot?: string;
  ownerUserId?: number;
  /** `handover` (default): the owner gets the chat. `bot`: the bot keeps it, and the owner becomes a manager. */
  ownerPolicy?: 'bot' | 'handover';
  managerUserIds?: number[];
  memberUserIds?: number[];
  color?: string;
  titleTemplate?: string;
  /** Whether the bot tells in it what happens to the conversation. Default true. */
  notices?: boolean;
}

/** Why a companion was archived: with its conversation, which brings it back, or by a person. */
export type ArchiveReason = 'closing' | 'administrator';

export interface RunOptions {
  /** Also what the portal does not mark as on its way; it may have been meant for the staff alone. */
  unmarked?: boolean;
  /** ISO. Only conversations with an open session, or in which something was said since then. */
  activeSince?: string;
  /** ISO. Of a run that began by itself: from when on nobody listened. */
  silentSince?: string;
  /** Sessions of greater numbers were not known when the silence began. */
  sessionsAfter?: number;
  /** What is known of these. */
  sweep?: Sweep;
  /** Nothing is prepared any more: it is done, or was tried in vain. */
  prepared?: boolean;
  /** A page that is looked at again, because what was found there may have been on its way just then. */
  again?: LookedAt;
}

/** A look at the sessions of a portal by their numbers. */
export interface Sweep {
  /** The next number. */
  next: number;
  /** The last number that is looked at. */
  end: number;
  /** Requests in a row that showed nothing. */
  empty: number;
  /** Sessions of our conversations that nobody told us of, by conversation. */
  begun: Record<string, number[]>;
}

export interface LookedAt {
  conversationIds: string[];
  isLast: boolean;
  /** Names of what was found. */
  suspects: string[];
  looks: number;
}

/** Of a portal. */
export type PortalRunKind = 'recoverReplies' | 'reconcileCompanions' | 'reconcileNames';
export type RunKind = PortalRunKind | 'importConversations';
/** `uploading`: of an import, whose lines are still coming. */
export type RunState = 'uploading' | 'waiting' | 'running' | 'done' | 'failed';

/** Every kind of job, and the ids its payload carries. */
export interface JobPayloads {
  /** All accepted events of one conversation; an event that names none goes alone. */
  applyWebhookEvents: { messengerId: string; externalId: string } | { eventId: string };
  applyPortalEvent: { eventId: string };
  deliverMessage: { messageId: string };
  /** Its text or its deletion, as the row says. */
  changeMessage: { messageId: string };
  finishDialog: { conversationId: string };
  /** A message of an operator, and what they changed of it. */
  deliverReply: { messageId: string };
  changeReply: { messageId: string };
  confirmDelivery: { messageId: string };
  notifyMessenger:
    | { type: 'dialog.started' | 'dialog.finished'; conversationId: string; sessionId: string; at: string }
    | { type: 'channel.disconnected'; channelId: string; reason: string; at: string };
  recoverReplies: { runId: string };
  reconcileCompanions: { runId: string };
  reconcileNames: { runId: string };
  importConversations: { runId: string };
  adoptDialogs: { runId: string; portalId: string };
  convergeName: { conversationId: string };
  convergeCompanion: { companionId: string };
  /**
   * Whole in itself: the rows may be gone when it runs. `bot` is the id of our row; without a `chatId` the chat was
   * begun at `begunAt` (ms) and is looked up.
   */
  archiveCompanion: {
    companionId: string;
    bot: string;
    chatId: string;
    begunAt: string;
    key: string;
    handOverTo: string;
  };
  postToCompanion: { messageId: string };
  pollBotEvents: { botId: string };
  retitleChannel: { channelId: string };
  /** The form of an installation event that could not be verified when it came. */
  verifyInstall: { sealed: string };
  setUpPortal: { portalId: string };
  /** The same without an occasion, every day: events may have been missed, and people may have changed things. */
  checkPortal: { portalId: string };
  confirmUninstall: { portalId: string };
  keepGrant: { grantId: string };
  convergeConnector: { connectorId: string };
  removeConnector: { portalId: string; code: string };
  convergeBot: { botId: string };
  removeBot: { portalId: string; botId: string; token: string };
  connectChannel: { channelId: string };
  disconnectChannel: { portalId: string; connector: string; line: string };
}

export type JobKind = keyof JobPayloads;
