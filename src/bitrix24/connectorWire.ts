import { DeliveryError } from '../kit/errors.ts';
import { asFields, asFlag, asList, asText, unexpectedResult, type Fields } from './wire.ts';

/** How a line, a person and a message look in the calls of `imconnector.*` (contract imconnector §3.7-3.9). */

export interface LineRef {
  connector: string;
  /** Id of the Open Channel line; used literally in the key of a chat, so always the same text. */
  line: string;
}

/** Codes of connectors are lower-cased everywhere (contract imconnector §0 fact 10). */
export const lineParams = ({ connector, line }: LineRef): { CONNECTOR: string; LINE: string } => ({
  CONNECTOR: connector.toLowerCase(),
  LINE: line,
});

/**
 * A person of the messenger. Always the whole profile: the portal rewrites what it stored whenever the object differs,
 * and takes missing fields as cleared (§3.7), in edits and deletions too.
 */
export interface ConnectorUser {
  id: string;
  name?: string;
  lastName?: string;
  pictureUrl?: string;
  url?: string;
  gender?: 'male' | 'female';
  email?: string;
  phone?: string;
  /** Keeps a phone that Bitrix24 would not accept as one. */
  skipPhoneValidate?: boolean;
}

export interface ConnectorMessage {
  /** At most 100 characters survive on the portal; a longer id can never be edited or deleted later. */
  id: string;
  /** Unix seconds. The portal shows its own time of receipt. */
  date: number;
  /** BB-code. */
  text: string;
  /** Fetched by the portal during the call; what cannot be fetched is dropped without a word. */
  files?: readonly { url: string; name: string }[];
  /** Makes no CRM entity of a new dialog. */
  disableCrm?: boolean;
  /** Written by the operator elsewhere: shown as a system message and not sent back to us as an event (`user_id: 0`). */
  system?: boolean;
}

export interface ConnectorChat {
  /** Must differ between the persons of a direct connector: replies carry nothing else. No `|`. */
  id: string;
  /** Not the title: only `setChatName` changes that. */
  name?: string;
  url?: string;
}

export interface MessageTarget extends LineRef {
  user: ConnectorUser;
  chat: ConnectorChat;
}

export const messageParams = ({ connector, line, user, chat }: MessageTarget, message: Fields): Fields => ({
  ...lineParams({ connector, line }),
  MESSAGES: [{ user: userOf(user), message, chat }],
});

const userOf = (user: ConnectorUser): Fields => ({
  id: user.id,
  name: user.name,
  last_name: user.lastName,
  picture: user.pictureUrl === undefined ? undefined : { url: user.pictureUrl },
  url: user.url,
  gender: user.gender,
  email: user.email,
  phone: user.phone,
  skip_phone_validate: user.skipPhoneValidate ? 'Y' : undefined,
});

export const messageFields = (message: ConnectorMessage): Fields => ({
  id: message.id,
  date: message.date,
  text: message.text,
  files: message.files?.length ? message.files : undefined,
  disable_crm: message.disableCrm ? 'Y' : undefined,
  user_id: message.system ? 0 : undefined,
});

/**
 * The one item of the answer; the SUCCESS at the top says nothing about it (§0 fact 6).
 * @throws DeliveryError refused `item_rejected`.
 */
export function itemOf(result: unknown, method: string, options: { repeatable: boolean }): Fields {
  const [item] = asList(asFields(asFields(result).DATA).RESULT).map(asFields);
  if (!item) throw unexpectedResult(method, options);
  if (asFlag(item.SUCCESS)) return item;
  const errors = asList(item.ERRORS).map(asText).join('; ');
  throw new DeliveryError({ verdict: 'refused', code: 'item_rejected', detail: errors || method });
}
