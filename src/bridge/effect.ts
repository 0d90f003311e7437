import type { Prisma } from '../db/database.ts';
import type { MessengerEvent, MessengerEventType, Person } from '../messenger/payload.ts';
import type { OutboxTx } from '../outbox/job.ts';
import { type ConversationContext, lockConversation } from './conversations.ts';
import type { EventState } from './model.ts';
import { mergePerson } from './translate.ts';

/** What the effects of events are made of. */

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
export type EventOf<Type extends MessengerEventType> = Extract<MessengerEvent, { type: Type }>;

export const APPLIED: Applied = { state: 'applied' };
export const ignored = (note: string): Applied => ({ state: 'ignored', note });
export const NOT_MAPPED: Applied = ignored('the conversation is not mapped');

export async function update(
  { tx }: EventContext,
  conversation: ConversationContext,
  data: Prisma.ConversationUpdateInput,
): Promise<ConversationContext> {
  if (Object.keys(data).length === 0) return conversation;
  await tx.prisma.conversation.update({ where: { id: conversation.id }, data });
  return (await lockConversation(tx, conversation.id)) ?? conversation;
}

/** The person a direct dialog belongs to: the first one who is known. */
export const personOf = (conversation: ConversationContext, person: Person): { externalUserId?: string } =>
  conversation.externalUserId === null && conversation.channel.connector.kind === 'direct'
    ? { externalUserId: person.id }
    : {};

export async function rememberPerson({ tx, messengerId }: EventContext, person: Person): Promise<void> {
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
