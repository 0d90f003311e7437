/** The words of the bridge, as they are stored. */

/** Of a webhook event. `unhandled`: stored, and its effect comes with a later version. */
export type EventState = 'accepted' | 'applied' | 'ignored' | 'unhandled' | 'failed';

export type NameState = 'applied' | 'pending' | 'waitingForDialog' | 'failed';

/** `toCompanion`: posted by the bot into the companion. */
export type MessageDirection = 'toPortal' | 'toMessenger' | 'toCompanion';

export type MessageState = 'pending' | 'delivered' | 'failed' | 'parked';

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
  managerUserIds?: number[];
  memberUserIds?: number[];
  color?: string;
  titleTemplate?: string;
}

/** Every kind of job, and the ids its payload carries. */
export interface JobPayloads {
  /** All accepted events of one conversation; an event that names none goes alone. */
  applyWebhookEvents: { messengerId: string; externalId: string } | { eventId: string };
  applyPortalEvent: { eventId: string };
  deliverMessage: { messageId: string };
  convergeName: { conversationId: string };
  convergeCompanion: { companionId: string };
  postToCompanion: { messageId: string };
  retitleChannel: { channelId: string };
  setUpPortal: { portalId: string };
  convergeConnector: { connectorId: string };
  removeConnector: { portalId: string; code: string };
  convergeBot: { botId: string };
  removeBot: { portalId: string; botId: string; token: string };
  connectChannel: { channelId: string };
  disconnectChannel: { portalId: string; connector: string; line: string };
}

export type JobKind = keyof JobPayloads;
