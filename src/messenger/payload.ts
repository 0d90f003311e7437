import { z } from 'zod';
import { RequestError } from '../kit/errors.ts';
import {
  attachment,
  documented,
  format,
  id,
  identifier,
  kind,
  lineId,
  name,
  person,
  sequence,
  text,
  timestamp,
  webUrl,
} from './fields.ts';
import { type BodyFault, describeIssues } from './issues.ts';

/** What a webhook carries: the wire format of the messenger, checked, and nothing of it that we do not know. */

const MAX_BATCH = 100;
const MAX_EVENT_ID_LENGTH = 200;

const conversation = z.object({ id });
const about = { url: webUrl.optional(), avatarUrl: webUrl.optional(), topic: text.optional() };
const described = { name: name.optional(), kind: kind.optional() };
const aboutPerson = { conversation, participant: person };
const aboutReply = {
  message: z.object({ gatewayId: id, id: id.optional(), ids: z.array(id).optional(), error: text.optional() }),
};

function event<Type extends string, Data extends z.ZodRawShape>(
  type: Type,
  data: Data,
  meta: { description: string; example: object },
) {
  const sample = { type, timestamp: '2026-11-20T10:00:00.000Z', data: meta.example };
  return z
    .object({ type: z.literal(type), timestamp, data: z.object({ ...data, sequence: sequence.optional() }) })
    .meta(documented(componentOf(type), meta.description, sample));
}

/** `message.created` → `MessageCreatedEvent`. */
const componentOf = (type: string): string =>
  `${type.replaceAll(/(?:^|\.)(.)/g, (_, letter: string) => letter.toUpperCase())}Event`;

const c1 = { id: 'c-1' };
const anna = { id: 'u-7', name: 'Anna' };

const events = [
  event(
    'conversation.created',
    {
      conversation: z.object({ id, ...described, ...about }),
      participants: z.array(person).optional(),
      lineId: lineId.optional(),
    },
    {
      description:
        'A conversation began. `lineId` names the Open Channel line it belongs to, where several are possible.',
      example: { conversation: { ...c1, name: 'Order 1042', kind: 'group' }, participants: [anna] },
    },
  ),
  event(
    'conversation.renamed',
    { conversation: z.object({ id, name }), previousName: text.optional() },
    {
      description: 'The conversation has another name.',
      example: { conversation: { ...c1, name: 'Order 1042, Anna' } },
    },
  ),
  event(
    'conversation.updated',
    { conversation: z.object({ id, ...about }) },
    { description: 'Something other than the name changed.', example: { conversation: { ...c1, topic: 'Delivery' } } },
  ),
  event('conversation.closed', { conversation }, { description: 'It is over.', example: { conversation: c1 } }),
  event(
    'conversation.migrated',
    { conversation, newId: id },
    { description: 'It goes on under another id.', example: { conversation: c1, newId: 'c-2' } },
  ),
  event('participant.joined', aboutPerson, {
    description: 'Somebody joined.',
    example: { conversation: c1, participant: anna },
  }),
  event('participant.left', aboutPerson, {
    description: 'Somebody left.',
    example: { conversation: c1, participant: anna },
  }),
  event('participant.updated', aboutPerson, {
    description: 'A person has another name, picture or address.',
    example: { conversation: c1, participant: anna },
  }),
  event(
    'message.created',
    {
      conversation: z.object({ id, ...described }),
      sender: person,
      message: z.object({
        id,
        text: text.optional(),
        format: format.optional(),
        attachments: z.array(attachment).optional(),
        replyToId: id.optional(),
      }),
      fromOperator: z.boolean().optional(),
    },
    {
      description:
        'A message. `fromOperator`: written by the operator on their own device; it is mirrored and never echoed back.',
      example: { conversation: c1, sender: anna, message: { id: 'm-1', text: 'Good morning' } },
    },
  ),
  event(
    'message.edited',
    { conversation, sender: person, message: z.object({ id, text, format: format.optional() }) },
    {
      description: 'A message reads differently now.',
      example: { conversation: c1, sender: anna, message: { id: 'm-1', text: 'Hi' } },
    },
  ),
  event(
    'message.deleted',
    { conversation, sender: person, message: z.object({ id }) },
    { description: 'A message is gone.', example: { conversation: c1, sender: anna, message: { id: 'm-1' } } },
  ),
  event('message.delivered', aboutReply, {
    description: 'An operator message was delivered; `ids` are its ids in the messenger.',
    example: { message: { gatewayId: 'g-1', ids: ['m-2'] } },
  }),
  event('message.read', aboutReply, {
    description: 'An operator message was read.',
    example: { message: { gatewayId: 'g-1', id: 'm-2' } },
  }),
  event('message.failed', aboutReply, {
    description: 'An operator message could not be delivered; `error` says why and is shown to the operator.',
    example: { message: { gatewayId: 'g-1', error: 'The recipient blocked the bot' } },
  }),
] as const;

export const eventSchema = z.discriminatedUnion('type', events).meta({
  id: 'MessengerEvent',
  description: 'One thing that happened in the messenger. Members that are not listed are ignored.',
});

const batchSchema = z
  .array(z.intersection(z.object({ id: identifier(MAX_EVENT_ID_LENGTH) }), eventSchema))
  .min(1)
  .max(MAX_BATCH);

/** The whole body of `POST /webhooks/{messenger}`, for the OpenAPI document. */
export const webhookBodySchema = z.union([eventSchema, batchSchema]).meta({
  id: 'WebhookBody',
  description: 'One event, or up to 100 of them, each with an `id` of its own to recognise repeats by.',
});

/** An event as we keep it: plain JSON, times in UTC, texts that PostgreSQL can store. */
export type MessengerEvent = z.output<typeof eventSchema>;
export type MessengerEventType = MessengerEvent['type'];
export type Person = z.output<typeof person>;
export type Attachment = z.output<typeof attachment>;

export interface ReceivedEvent {
  /** Deduplication key within the messenger, at most 200 characters. */
  id: string;
  event: MessengerEvent;
}

/** The messenger's id of the conversation an event is about; the fate of an operator message names none. */
export const conversationIdOf = (event: MessengerEvent): string | undefined =>
  'conversation' in event.data ? event.data.conversation.id : undefined;

/**
 * The events of one request: a single one is known by the `webhook-id`, those of an array by their own `id`.
 * `raw`: the body as it was sent. Two events of an array may carry the same `id`; the second is then a repeat.
 * @throws RequestError `invalid_json`, or `invalid_request` with `errors: [{path, message}]`.
 */
export function parseWebhookBody(raw: Buffer, webhookId: string): ReceivedEvent[] {
  if (webhookId === '' || webhookId.length > MAX_EVENT_ID_LENGTH) {
    throw new RequestError('invalid_request', `webhook-id must have 1 to ${MAX_EVENT_ID_LENGTH} characters`);
  }
  const body = parseJson(raw);
  if (!Array.isArray(body)) return [{ id: webhookId, event: check(eventSchema, body) }];
  // Before the elements are looked at: a megabyte holds half a million of them.
  if (body.length > MAX_BATCH) throw wrongShape([{ path: '', message: `Too big: at most ${MAX_BATCH} events` }]);
  return check(batchSchema, body).map(({ id, ...event }) => ({ id, event }));
}

/** The body of another messenger's webhook. @throws RequestError `invalid_json`, `invalid_request` */
export const readJson = <Schema extends z.ZodType>(schema: Schema, raw: Buffer): z.output<Schema> =>
  check(schema, parseJson(raw));

/** An event that was translated. @throws RequestError `invalid_request` when it cannot be kept. */
export const readEvent = (event: object): MessengerEvent => check(eventSchema, event);

function parseJson(raw: Buffer): unknown {
  try {
    // Fatal: two identifiers must not become the same one by way of U+FFFD. A byte order mark is dropped.
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(raw));
  } catch {
    throw new RequestError('invalid_json');
  }
}

function check<Schema extends z.ZodType>(schema: Schema, body: unknown): z.output<Schema> {
  const result = schema.safeParse(body);
  if (result.success) return result.data;
  throw wrongShape(describeIssues(result.error.issues));
}

/** The detail repeats the first fault, for those who only log that. */
function wrongShape(errors: BodyFault[]): RequestError {
  const [first] = errors;
  return new RequestError('invalid_request', first && `${first.path || 'The body'}: ${first.message}`, { errors });
}
