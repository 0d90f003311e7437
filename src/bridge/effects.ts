import type { Prisma } from '../db/database.ts';
import type { MessengerEventType } from '../messenger/payload.ts';
import { retireCompanion } from './companionWish.ts';
import { convergeTitles, portalJob, lockConversationOf } from './conversations.ts';
import {
  type Applied,
  APPLIED,
  type Effect,
  type EventContext,
  type EventOf,
  ignored,
  NOT_MAPPED,
  personOf,
  rememberPerson,
  update,
} from './effect.ts';
import { hear } from './hearing.ts';
import { finishDialog } from './jobs.ts';
import { mapConversation, type Mapping } from './mapping.ts';
import { messageCreated, messageDeleted, messageEdited } from './messageEffects.ts';
import { adoptNewId } from './migration.ts';
import { writeNote } from './notes.ts';
import { participantJoined, participantLeft, participantUpdated } from './participantEffects.ts';
import { replyDelivered, replyFailed, replyRead } from './replyEffects.ts';

/** What each type of event does. A new type of event is one row of the table at the end. */

async function conversationCreated(context: EventContext, { data }: EventOf<'conversation.created'>): Promise<Applied> {
  for (const person of data.participants ?? []) await rememberPerson(context, person);
  const mapping = await mapConversation(context.tx, context.messengerId, data.conversation, data.lineId);
  if ('refused' in mapping) return ignored(mapping.refused);
  const [only, ...others] = data.participants ?? [];
  const conversation = await update(context, mapping.conversation, {
    ...described(data.conversation),
    ...(only && others.length === 0 ? personOf(mapping.conversation, only) : {}),
  });
  await hear(context, conversation, data.conversation.name);
  return APPLIED;
}

async function conversationRenamed(context: EventContext, { data }: EventOf<'conversation.renamed'>): Promise<Applied> {
  const mapping = await mapConversation(context.tx, context.messengerId, data.conversation);
  if ('refused' in mapping) return ignored(mapping.refused);
  const heard = await hear(context, mapping.conversation, data.conversation.name);
  return heard ? APPLIED : { state: 'applied', note: 'a newer name is known' };
}

async function conversationUpdated(context: EventContext, { data }: EventOf<'conversation.updated'>): Promise<Applied> {
  const conversation = await lockConversationOf(context.tx, context.messengerId, data.conversation.id);
  if (!conversation) return NOT_MAPPED;
  // A topic may be part of the title.
  await convergeTitles(
    context.tx,
    await update(context, conversation, described(data.conversation)),
    context.requestId,
  );
  return APPLIED;
}

/** The channel decides whether the dialog ends with the conversation, after everything that was said before. */
async function conversationClosed(context: EventContext, { data }: EventOf<'conversation.closed'>): Promise<Applied> {
  const { tx, requestId, messengerId } = context;
  const found = await lockConversationOf(tx, messengerId, data.conversation.id);
  if (!found) return NOT_MAPPED;
  const conversation = await update(context, found, { closedAt: context.at });
  await retireCompanion(tx, conversation, requestId);
  const { channel, sessionOpen, id } = conversation;
  if (!sessionOpen) return APPLIED;
  if (channel.notes) await writeNote(context, conversation, 'The conversation was closed in the messenger');
  if (!channel.finishOnClose) return APPLIED;
  await tx.enqueue([finishDialog({ ...portalJob(conversation, requestId), payload: { conversationId: id } })]);
  return APPLIED;
}

/** The dialog keeps the key it has on the portal, so dialog, companion and names follow. */
async function conversationMigrated(
  context: EventContext,
  { data }: EventOf<'conversation.migrated'>,
): Promise<Applied> {
  const { tx, messengerId, requestId } = context;
  const conversation = await lockConversationOf(tx, messengerId, data.conversation.id);
  if (!conversation) return NOT_MAPPED;
  if (conversation.externalId === data.newId) return { state: 'applied', note: 'it has this id already' };
  const adopted = await adoptNewId(tx, conversation, data.newId);
  if (!adopted) return ignored('the new id belongs to another conversation');
  // The id may be part of the title.
  await convergeTitles(tx, adopted, requestId);
  return APPLIED;
}

const described = ({ url, avatarUrl, topic }: Mapping): Prisma.ConversationUpdateInput => ({
  ...(url === undefined ? {} : { url }),
  ...(avatarUrl === undefined ? {} : { avatarUrl }),
  ...(topic === undefined ? {} : { topic }),
});

export const effects: { [Type in MessengerEventType]: Effect<EventOf<Type>> } = {
  'conversation.created': conversationCreated,
  'conversation.renamed': conversationRenamed,
  'conversation.updated': conversationUpdated,
  'conversation.closed': conversationClosed,
  'conversation.migrated': conversationMigrated,
  'participant.joined': participantJoined,
  'participant.left': participantLeft,
  'participant.updated': participantUpdated,
  'message.created': messageCreated,
  'message.edited': messageEdited,
  'message.deleted': messageDeleted,
  'message.delivered': replyDelivered,
  'message.read': replyRead,
  'message.failed': replyFailed,
};
