import { createHmac, randomBytes } from 'node:crypto';
import { z } from 'zod';
import { RequestError } from '../../kit/errors.ts';
import { decodeEntities } from '../html.ts';
import { readEvent, readJson } from '../payload.ts';
import { type Preset, type PresetRequest, sameText } from './preset.ts';

/**
 * Slack's Events API (https://docs.slack.dev/apis/events-api): signed with the signing secret of the Slack application,
 * with a challenge before the first event. Messages are known by their `ts`, unique within a channel.
 */

/** How far the sender's clock may be from ours, as Slack recommends. */
const TOLERANCE_S = 5 * 60;

const file = z.object({ name: z.string().nullish(), permalink: z.string().nullish() });
const written = z.object({
  ts: z.string().optional(),
  /** Events about people, which we do not carry, have an object here. */
  user: z.string().optional().catch(undefined),
  text: z.string().nullish(),
  thread_ts: z.string().optional(),
  bot_id: z.string().optional(),
  files: z.array(file).optional(),
});
const event = written.extend({
  type: z.string(),
  subtype: z.string().optional(),
  /** Its id, or, where the event is about the channel itself, all of it. */
  channel: z.union([z.string(), z.object({ id: z.string(), name: z.string().optional() })]).optional(),
  name: z.string().optional(),
  old_name: z.string().optional(),
  message: written.optional(),
  previous_message: written.optional(),
  deleted_ts: z.string().optional(),
});
const payload = z.object({
  type: z.string(),
  challenge: z.string().optional(),
  event_id: z.string().optional(),
  event_time: z.int().optional(),
  event: event.optional(),
});

type SlackEvent = z.output<typeof event>;

export const slack: Preset = {
  createSecret: () => randomBytes(16).toString('hex'),
  secret: /^[A-Za-z0-9]{16,128}$/,
  verify({ header, body, secrets, now }) {
    const timestamp = header('x-slack-request-timestamp');
    const given = header('x-slack-signature');
    if (!/^\d{1,12}$/.test(timestamp) || given === '') throw new RequestError('invalid_signature');
    if (Math.abs(Math.floor(now / 1000) - Number(timestamp)) > TOLERANCE_S) throw new RequestError('signature_expired');
    const expected = secrets.map(
      (secret) => `v0=${createHmac('sha256', secret).update(`v0:${timestamp}:`).update(body).digest('hex')}`,
    );
    if (expected.map((right) => sameText(given, right)).filter(Boolean).length === 0) {
      throw new RequestError('invalid_signature');
    }
  },
  handshake({ body }) {
    const { type, challenge = '' } = readJson(payload, body);
    return type === 'url_verification' ? { challenge } : undefined;
  },
  translate(request) {
    const { type, event_id: id, event_time: time, event: inner } = readJson(payload, request.body);
    const meaning = type === 'event_callback' && inner ? meaningOf(inner) : undefined;
    if (!meaning || id === undefined) return [];
    const timestamp = new Date((time ?? sentAt(request)) * 1000).toISOString();
    return [{ id, event: readEvent({ ...meaning, timestamp }) }];
  },
};

const sentAt = ({ header }: PresetRequest): number => Number(header('x-slack-request-timestamp'));

/** Of messages: those of people. What applications say would come back as an echo. */
function meaningOf(event: SlackEvent): { type: string; data: object } | undefined {
  const { type, channel } = event;
  const id = typeof channel === 'string' ? channel : channel?.id;
  if (id === undefined) return undefined;
  const conversation = { id };
  if (type === 'message') return messageOf(event, conversation);
  const name = typeof channel === 'object' ? channel.name : undefined;
  const participant = { id: event.user ?? '' };
  switch (type) {
    case 'channel_rename':
    case 'group_rename':
      return name === undefined ? undefined : { type: 'conversation.renamed', data: { conversation: { id, name } } };
    case 'channel_archive':
    case 'group_archive':
      return { type: 'conversation.closed', data: { conversation } };
    case 'member_joined_channel':
      return { type: 'participant.joined', data: { conversation, participant } };
    case 'member_left_channel':
      return { type: 'participant.left', data: { conversation, participant } };
    default:
      return undefined;
  }
}

const BY_PEOPLE = new Set([undefined, 'file_share', 'thread_broadcast', 'me_message']);

function messageOf(event: SlackEvent, conversation: { id: string }): { type: string; data: object } | undefined {
  const { subtype, message, previous_message: before, deleted_ts: gone, name, old_name: previousName } = event;
  if (subtype === 'channel_name' || subtype === 'group_name') {
    return { type: 'conversation.renamed', data: { conversation: { ...conversation, name }, previousName } };
  }
  if (subtype === 'message_deleted' && before?.bot_id === undefined) {
    const sender = { id: before?.user ?? 'unknown' };
    return { type: 'message.deleted', data: { conversation, sender, message: { id: gone } } };
  }
  if (subtype === 'message_changed' && message?.user !== undefined && message.bot_id === undefined) {
    const next = { id: message.ts, text: textOf(message) };
    if (next.text === '') return undefined;
    return { type: 'message.edited', data: { conversation, sender: { id: message.user }, message: next } };
  }
  if (!BY_PEOPLE.has(subtype) || event.bot_id !== undefined || event.user === undefined) return undefined;
  // Polls, canvases and the like are blocks without words.
  if (textOf(event) === '') return undefined;
  const answers = event.thread_ts !== undefined && event.thread_ts !== event.ts ? { replyToId: event.thread_ts } : {};
  const data = { sender: { id: event.user }, message: { id: event.ts, text: textOf(event), ...answers } };
  return { type: 'message.created', data: { conversation: { ...conversation, kind: 'group' }, ...data } };
}

/** A file is behind a token of Slack's: it is named, with its page in Slack. */
function textOf({ text, files = [] }: z.output<typeof written>): string {
  const named = files.map(({ name, permalink }) => `[File ${name ?? ''}] ${permalink ?? ''}`.trim());
  return [plain(text ?? ''), ...named].filter(Boolean).join('\n');
}

/** `<https://a.example|label>`, `<@U1>`, `<#C1|general>`, `<!here>`; only `&`, `<` and `>` are escaped. */
const plain = (text: string): string =>
  decodeEntities(
    text.replaceAll(/<([@#!]?)([^<>|]*)(?:\|([^<>]*))?>/g, (_, sign: string, target: string, label?: string) => {
      if (sign !== '') return `${sign === '!' ? '@' : sign}${label || target}`;
      return label === undefined || label === target ? target : `${label} (${target})`;
    }),
  );
