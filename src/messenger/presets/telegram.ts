import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { RequestError } from '../../kit/errors.ts';
import { readEvent, readJson, type ReceivedEvent } from '../payload.ts';
import { type Preset, sameText } from './preset.ts';

/**
 * Updates of the Telegram Bot API (https://core.telegram.org/bots/api#update), sent with the `secret_token` that was given
 * to `setWebhook`. Chats are groups, channels and private talks with the bot; ids are unique within a chat.
 */

const user = z.object({
  id: z.int(),
  first_name: z.string().optional(),
  last_name: z.string().optional(),
  username: z.string().optional(),
});
const chat = user.extend({ type: z.string(), title: z.string().optional() });
const file = z.object({ file_name: z.string().optional() });
const message = z.object({
  message_id: z.int(),
  date: z.int(),
  edit_date: z.int().optional(),
  chat,
  from: user.optional(),
  text: z.string().optional(),
  caption: z.string().optional(),
  reply_to_message: z.object({ message_id: z.int() }).optional(),
  new_chat_title: z.string().optional(),
  new_chat_members: z.array(user).optional(),
  left_chat_member: user.optional(),
  migrate_to_chat_id: z.int().optional(),
  ...{ photo: z.array(z.unknown()).optional(), document: file.optional(), video: file.optional() },
  ...{ audio: file.optional(), voice: file.optional(), sticker: z.object({ emoji: z.string().optional() }).optional() },
});
const update = z.object({
  update_id: z.int(),
  message: message.optional(),
  channel_post: message.optional(),
  edited_message: message.optional(),
  edited_channel_post: message.optional(),
});

type Message = z.output<typeof message>;
type User = z.output<typeof user>;

/** An event but for its time. */
interface Meaning {
  type: string;
  data: object;
}

export const telegram: Preset = {
  createSecret: () => randomBytes(32).toString('base64url'),
  secret: /^[A-Za-z0-9_-]{16,256}$/,
  verify({ header, secrets }) {
    const given = header('x-telegram-bot-api-secret-token');
    const fits = secrets.map((secret) => sameText(given, secret)).filter(Boolean);
    if (given === '' || fits.length === 0) throw new RequestError('invalid_signature');
  },
  translate({ body }) {
    const { update_id: id, ...parts } = readJson(update, body);
    const written = parts.message ?? parts.channel_post;
    const edited = parts.edited_message ?? parts.edited_channel_post;
    const found = written ? meaningOf(written) : edited ? editOf(edited) : [];
    const at = (edited?.edit_date ?? written?.date ?? edited?.date ?? 0) * 1000;
    // After a week of silence Telegram counts from a random number: the time keeps two updates apart.
    return found.map(({ type, data }, index): ReceivedEvent => {
      const event = readEvent({ type, timestamp: new Date(at).toISOString(), data });
      return { id: `tg-${id}-${at / 1000}-${index}`, event };
    });
  },
};

function meaningOf(written: Message): Meaning[] {
  const conversation = { id: String(written.chat.id) };
  if (written.new_chat_title !== undefined) {
    return [
      { type: 'conversation.renamed', data: { conversation: { ...conversation, name: written.new_chat_title } } },
    ];
  }
  if (written.migrate_to_chat_id !== undefined) {
    return [{ type: 'conversation.migrated', data: { conversation, newId: String(written.migrate_to_chat_id) } }];
  }
  if (written.new_chat_members) {
    return written.new_chat_members.map((one) => ({
      type: 'participant.joined',
      data: { conversation, participant: person(one) },
    }));
  }
  if (written.left_chat_member) {
    return [{ type: 'participant.left', data: { conversation, participant: person(written.left_chat_member) } }];
  }
  const text = textOf(written);
  // Pinned messages, boosts and the like.
  return text === '' ? [] : [{ type: 'message.created', data: createdOf(written, text) }];
}

function createdOf(written: Message, text: string): object {
  const { chat: place, message_id: id, reply_to_message: answered } = written;
  const kind = place.type === 'private' ? 'direct' : 'group';
  const name = place.title ?? [place.first_name, place.last_name].filter(Boolean).join(' ');
  return {
    conversation: { id: String(place.id), kind, ...(name.trim() === '' ? {} : { name }) },
    sender: senderOf(written),
    message: { id: String(id), text, ...(answered ? { replyToId: String(answered.message_id) } : {}) },
  };
}

/** A live location is edited every few seconds, and has no words. */
function editOf(edited: Message): Meaning[] {
  const text = textOf(edited);
  const conversation = { id: String(edited.chat.id) };
  const data = { conversation, sender: senderOf(edited), message: { id: String(edited.message_id), text } };
  return text === '' ? [] : [{ type: 'message.edited', data }];
}

/** A channel speaks for itself. */
const senderOf = ({ from, chat: place }: Message): object =>
  from ? person(from) : { id: String(place.id), ...(place.title === undefined ? {} : { name: place.title }) };

const person = ({ id, first_name: name, last_name: lastName, username }: User): object => ({
  id: String(id),
  ...{ name, lastName, username },
});

/** A file can only be fetched with the token of the bot, which the gateway does not have: it is named. */
function textOf(written: Message): string {
  const { photo, document, video, audio, voice, sticker } = written;
  const named = [
    photo && 'Photo',
    document && `File ${document.file_name ?? ''}`,
    video && `Video ${video.file_name ?? ''}`,
    audio && `Audio ${audio.file_name ?? ''}`,
    voice && 'Voice message',
    sticker && `Sticker ${sticker.emoji ?? ''}`,
  ];
  const files = named.filter((one) => one !== undefined).map((one) => `[${one.trim()}]`);
  return [...files, written.text ?? written.caption ?? ''].filter(Boolean).join('\n');
}
