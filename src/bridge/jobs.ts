import type { LaneClass, NewJob } from '../outbox/job.ts';
import type { JobKind, JobPayloads } from './model.ts';

/** How each kind of work is queued: the one place that knows lanes, classes and coalescing keys. */

type Queued<Kind extends JobKind> = Pick<NewJob, 'gateId' | 'portalId' | 'conversationId'> & {
  requestId?: string | undefined;
  payload: JobPayloads[Kind];
};

const job = <Kind extends JobKind>(
  kind: Kind,
  laneClass: LaneClass,
  lane: string,
  queued: Queued<Kind>,
  coalesceKey?: string,
): NewJob => ({ ...queued, kind, class: laneClass, lane, ...(coalesceKey ? { coalesceKey } : {}) });

/** Events of one conversation are applied in order; those that name none do not wait for each other. */
export const webhookEventLane = (externalId: string | undefined, eventId: string): string =>
  externalId === undefined ? `event:#${eventId}` : `event:${externalId}`;

/** What `accept` queues in its own statement. The events of one conversation share a job until it starts. */
export function applyWebhookEvents(
  event: { id: bigint; eventId: string; messengerId: string; externalId: string | null },
  queued: Pick<NewJob, 'gateId' | 'requestId'>,
): NewJob {
  const { messengerId, externalId } = event;
  if (externalId !== null) {
    const payload = { messengerId, externalId };
    return job('applyWebhookEvents', 'live', webhookEventLane(externalId, ''), { ...queued, payload }, 'apply');
  }
  const payload = { eventId: event.id.toString() };
  return job('applyWebhookEvents', 'live', webhookEventLane(undefined, event.eventId), { ...queued, payload });
}

/** Jobs of these lanes are made by the statement that accepts the event. */
export const portalEventLane = (lane: string): string => `portalEvent:${lane}`;

/** Live work: one lane per conversation, so messages cross in order. */
export const deliverMessage = (queued: Queued<'deliverMessage'> & { conversationId: string }): NewJob =>
  job('deliverMessage', 'live', `messages:${queued.conversationId}`, queued);

/** Behind the delivery of the same message. What changes again before its turn is one call. */
export const changeMessage = (queued: Queued<'changeMessage'> & { conversationId: string }): NewJob =>
  job('changeMessage', 'live', `messages:${queued.conversationId}`, queued, `change:${queued.payload.messageId}`);

/** After everything that was said before. */
export const finishDialog = (queued: Queued<'finishDialog'>): NewJob =>
  job('finishDialog', 'live', `messages:${queued.payload.conversationId}`, queued, 'finish');

/** One lane per conversation, at the messenger's gate. */
export const deliverReply = (queued: Queued<'deliverReply'> & { conversationId: string }): NewJob =>
  job('deliverReply', 'live', `toMessenger:${queued.conversationId}`, queued);
export const changeReply = (queued: Queued<'changeReply'> & { conversationId: string }): NewJob =>
  job('changeReply', 'live', `toMessenger:${queued.conversationId}`, queued, `change:${queued.payload.messageId}`);
export const notifyMessenger = (lane: string, queued: Queued<'notifyMessenger'>): NewJob =>
  job('notifyMessenger', 'live', lane, queued);

/** Does not wait for what customers say meanwhile. */
export const confirmDelivery = (queued: Queued<'confirmDelivery'> & { conversationId: string }): NewJob =>
  job('confirmDelivery', 'live', `confirm:${queued.conversationId}`, queued);

/** Look at all dialogs of a portal: whatever else waits for it goes first. */
export const reconcileCompanions = (queued: Queued<'reconcileCompanions'>): NewJob =>
  job('reconcileCompanions', 'bulk', `run:${queued.payload.runId}`, queued);
export const reconcileNames = (queued: Queued<'reconcileNames'>): NewJob =>
  job('reconcileNames', 'bulk', `run:${queued.payload.runId}`, queued);
/**
 * Those that begin by themselves go one after the other: a process that keeps dying would begin ever more of them, which
 * look for the same. What a person orders waits for none.
 */
export const recoverReplies = (queued: Queued<'recoverReplies'>): NewJob =>
  job('recoverReplies', 'bulk', queued.requestId ? `run:${queued.payload.runId}` : 'run:recoverReplies', queued);

/** Storing concerns no portal; the dialogs of each are looked up at its own gate. */
export const importConversations = (queued: Queued<'importConversations'>): NewJob =>
  job('importConversations', 'bulk', `run:${queued.payload.runId}`, queued);
export const adoptDialogs = (queued: Queued<'adoptDialogs'>): NewJob =>
  job('adoptDialogs', 'bulk', `run:${queued.payload.runId}`, queued);

/** State: a burst of renames is one job. Not the companion's lane, so neither waits for the other's trouble. */
export const convergeName = (queued: Queued<'convergeName'>): NewJob =>
  job('convergeName', 'bulk', `name:${queued.payload.conversationId}`, queued, 'name');

/** One lane for the chat of a key, so that archiving never overtakes a making, and the other way round. */
export const convergeCompanion = (key: string, queued: Queued<'convergeCompanion'>): NewJob =>
  job('convergeCompanion', 'bulk', `companion:${key}`, queued, `converge:${queued.payload.companionId}`);
export const archiveCompanion = (queued: Queued<'archiveCompanion'>): NewJob =>
  job('archiveCompanion', 'bulk', `companion:${queued.payload.key}`, queued);

/** Somebody waits for it, but it is no part of the dialog: a lane of its own. */
export const postToCompanion = (companionId: string, queued: Queued<'postToCompanion'>): NewJob =>
  job('postToCompanion', 'live', `companionMessages:${companionId}`, queued);

/** The titles of a whole channel are made differently now. */
export const retitleChannel = (queued: Queued<'retitleChannel'>): NewJob =>
  job('retitleChannel', 'bulk', `retitle:${queued.payload.channelId}`, queued, 'retitle');

export const verifyInstall = (queued: Queued<'verifyInstall'>): NewJob =>
  job('verifyInstall', 'live', `install:${queued.requestId ?? ''}`, queued);

export const setUpPortal = (queued: Queued<'setUpPortal'>): NewJob =>
  job('setUpPortal', 'live', 'setUp', queued, 'setUp');

export const checkPortal = (queued: Queued<'checkPortal'>): NewJob =>
  job('checkPortal', 'bulk', 'check', queued, 'check');

/** Both ask the OAuth server and not the portal: they belong to the local gate. */
export const confirmUninstall = (queued: Queued<'confirmUninstall'>): NewJob =>
  job('confirmUninstall', 'live', `uninstall:${queued.payload.portalId}`, queued, 'confirm');
export const keepGrant = (queued: Queued<'keepGrant'>): NewJob =>
  job('keepGrant', 'bulk', `grant:${queued.payload.grantId}`, queued, 'keep');

/** One lane for everything of a connector, so that a removal never overtakes a registration. */
export const convergeConnector = (code: string, queued: Queued<'convergeConnector'>): NewJob =>
  job('convergeConnector', 'live', `connector:${code}`, queued, 'converge');
export const removeConnector = (queued: Queued<'removeConnector'>): NewJob =>
  job('removeConnector', 'live', `connector:${queued.payload.code}`, queued);
export const connectChannel = (code: string, queued: Queued<'connectChannel'>): NewJob =>
  job('connectChannel', 'live', `connector:${code}`, queued, `connect:${queued.payload.channelId}`);
export const disconnectChannel = (queued: Queued<'disconnectChannel'>): NewJob =>
  job('disconnectChannel', 'live', `connector:${queued.payload.connector}`, queued);

export const convergeBot = (code: string, queued: Queued<'convergeBot'>): NewJob =>
  job('convergeBot', 'live', `bot:${code}`, queued, 'converge');
export const removeBot = (code: string, queued: Queued<'removeBot'>): NewJob =>
  job('removeBot', 'live', `bot:${code}`, queued);

export const pollBotEvents = (queued: Queued<'pollBotEvents'>): NewJob =>
  job('pollBotEvents', 'bulk', `botEvents:${queued.payload.botId}`, queued, 'poll');
