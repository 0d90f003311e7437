import { plainToBb } from '../bitrix24/markup.ts';
import type { Prisma } from '../db/database.ts';
import type { MessengerEvent, MessengerEventType, Person } from '../messenger/payload.ts';
import type { OutboxTx } from '../outbox/job.ts';
import { provideCompanion } from './companionWish.ts';
import { type ConversationContext, convergeTitles, lockConversation, portalJob } from './conversations.ts';
import { deliverMessage } from './jobs.ts';
import { findConversation, mapConversation, type Mapping } from './mapping.ts';
import type { EventState } from './model.ts';
import { hearName } from './nameDecision.ts';
import { oneLine } from './titles.ts';
import { mergePerson } from './translate.ts';

/** What each type of event does. A new type of event is one row of the table at the end. */

export interface EventContext {
  tx: OutboxTx;
  messengerId: string;
  requestId: string;
  at: Date;
  sequence: bigint | null;
  /** By our own clock. */
  now: Date;
}

export interface Applied {
  state: EventState;
  note?: string;
}

export type Effect<Event extends MessengerEvent> = (context: EventContext, event: Event) => Promise<Applied>;
type EventOf<Type extends MessengerEventType> = Extract<MessengerEvent, { type: Type }>;

const APPLIED: Applied = { state: 'applied' };
const NOT_MAPPED: Applied = { state: 'ignored', note: 'the conversation is not mapped' };
const unhandled = (note: string): Applied => ({ state: 'unhandled', note });
const later = (): Promise<Applied> => Promise.resolve(unhandled('this type of event is not handled yet'));

async function conversationCreated(context: EventContext, { data }: EventOf<'conversation.created'>): Promise<Applied> {
  for (const person of data.participants ?? []) await rememberPerson(context, person);
  const mapping = await mapConversation(context.tx, context.messengerId, data.conversation, data.lineId);
  if ('refused' in mapping) return { state: 'ignored', note: mapping.refused };
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
  if ('refused' in mapping) return { state: 'ignored', note: mapping.refused };
  const heard = await hear(context, mapping.conversation, data.conversation.name);
  return heard ? APPLIED : { state: 'applied', note: 'a newer name is known' };
}

async function conversationUpdated(context: EventContext, { data }: EventOf<'conversation.updated'>): Promise<Applied> {
  const conversation = await findConversation(context.tx, context.messengerId, data.conversation.id);
  if (!conversation) return NOT_MAPPED;
  // A topic may be part of the title.
  await convergeTitles(
    context.tx,
    await update(context, conversation, described(data.conversation)),
    context.requestId,
  );
  return APPLIED;
}

async function conversationClosed(context: EventContext, { data }: EventOf<'conversation.closed'>): Promise<Applied> {
  const conversation = await findConversation(context.tx, context.messengerId, data.conversation.id);
  if (!conversation) return NOT_MAPPED;
  await update(context, conversation, { closedAt: context.at });
  return APPLIED;
}

/** The dialog keeps the key it has on the portal, so dialog, companion and names follow. */
async function conversationMigrated(
  context: EventContext,
  { data }: EventOf<'conversation.migrated'>,
): Promise<Applied> {
  const conversation = await findConversation(context.tx, context.messengerId, data.conversation.id);
  if (!conversation) return NOT_MAPPED;
  if (await findConversation(context.tx, context.messengerId, data.newId)) {
    return { state: 'ignored', note: 'the new id belongs to another conversation' };
  }
  await update(context, conversation, { externalId: data.newId });
  return APPLIED;
}

async function messageCreated(context: EventContext, { data }: EventOf<'message.created'>): Promise<Applied> {
  if (data.fromOperator) return unhandled("operators' own messages are not mirrored yet");
  const parts = plainToBb(data.message.text ?? '');
  if (parts.length === 0) return unhandled('messages without text are not carried yet');
  await rememberPerson(context, data.sender);
  const mapping = await mapConversation(context.tx, context.messengerId, data.conversation);
  if ('refused' in mapping) return { state: 'ignored', note: mapping.refused };
  const conversation = await update(context, mapping.conversation, {
    closedAt: null,
    ...personOf(mapping.conversation, data.sender),
  });
  const queued = await queueMessages(context, conversation, data, parts);
  await hear(context, conversation, data.conversation.name);
  await provideCompanion(context.tx, conversation, context.requestId);
  if (queued === 0) return { state: 'ignored', note: 'a message with this id is known' };
  return data.message.attachments?.length ? { ...APPLIED, note: 'its files are not carried yet' } : APPLIED;
}

/** A text longer than the portal takes is several messages, in their order. */
async function queueMessages(
  { tx, at, requestId }: EventContext,
  conversation: ConversationContext,
  { message, sender }: EventOf<'message.created'>['data'],
  parts: readonly string[],
): Promise<number> {
  const rows = parts.map((text, index) => ({
    conversationId: conversation.id,
    direction: 'toPortal',
    externalId: index === 0 ? message.id : `${message.id}#${index + 1}`,
    senderId: sender.id,
    sentAt: at,
    text,
  }));
  const created = await tx.prisma.message.createManyAndReturn({ data: rows, skipDuplicates: true });
  const job = { ...portalJob(conversation, requestId), conversationId: conversation.id };
  await tx.enqueue(created.map(({ id }) => deliverMessage({ ...job, payload: { messageId: id } })));
  return created.length;
}

/** The person a direct dialog belongs to: the first one who is known. */
const personOf = (conversation: ConversationContext, person: Person): { externalUserId?: string } =>
  conversation.externalUserId === null && conversation.channel.connector.kind === 'direct'
    ? { externalUserId: person.id }
    : {};

const described = ({ url, avatarUrl, topic }: Mapping): Prisma.ConversationUpdateInput => ({
  ...(url === undefined ? {} : { url }),
  ...(avatarUrl === undefined ? {} : { avatarUrl }),
  ...(topic === undefined ? {} : { topic }),
});

async function update(
  { tx }: EventContext,
  conversation: ConversationContext,
  data: Prisma.ConversationUpdateInput,
): Promise<ConversationContext> {
  if (Object.keys(data).length === 0) return conversation;
  await tx.prisma.conversation.update({ where: { id: conversation.id }, data });
  return (await lockConversation(tx, conversation.id)) ?? conversation;
}

/** Returns whether the name counts. */
async function hear(
  { tx, at, sequence, requestId, now }: EventContext,
  conversation: ConversationContext,
  name: string | undefined,
): Promise<boolean> {
  const text = oneLine(name ?? '');
  if (text === '') return false;
  const change = hearName(conversation, { name: text, at, sequence });
  if (Object.keys(change).length === 0) return false;
  const heard = { ...change, wantedNameHeardAt: now };
  await tx.prisma.conversation.update({ where: { id: conversation.id }, data: heard });
  await convergeTitles(tx, { ...conversation, ...heard }, requestId);
  return true;
}

async function rememberPerson({ tx, messengerId }: EventContext, person: Person): Promise<void> {
  const where = { messengerId_externalId: { messengerId, externalId: person.id } };
  const known = await tx.prisma.person.findUnique({ where });
  const merged = mergePerson(known?.profile as Person | undefined, person) as unknown as Prisma.InputJsonObject;
  if (known && JSON.stringify(known.profile) === JSON.stringify(merged)) return;
  // Raw: two conversations may meet the same person at the same moment, and an upsert of Prisma's would lose that race.
  await tx.sql.rows(
    `insert into person (messenger_id, external_id, profile, updated_at) values ($1::uuid, $2, $3::jsonb, now())
     on conflict (messenger_id, external_id) do update set profile = excluded.profile, updated_at = now()`,
    messengerId,
    person.id,
    JSON.stringify(merged),
  );
}

export const effects: { [Type in MessengerEventType]: Effect<EventOf<Type>> } = {
  'conversation.created': conversationCreated,
  'conversation.renamed': conversationRenamed,
  'conversation.updated': conversationUpdated,
  'conversation.closed': conversationClosed,
  'conversation.migrated': conversationMigrated,
  'participant.joined': later,
  'participant.left': later,
  'participant.updated': later,
  'message.created': messageCreated,
  'message.edited': later,
  'message.deleted': later,
  'message.delivered': later,
  'message.read': later,
  'message.failed': later,
};
