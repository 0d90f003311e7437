/**
 * What the gateway does with bots, the same for both generations of the portal's API: `imbot.v2.*`, and the deprecated
 * `imbot.*` of older portals (contract imbot). All ids are text; every function throws DeliveryError, with the code
 * `unsupported_by_portal` (refused) where the deprecated API has no way.
 */

/** Always the whole profile: the portal takes what is missing as cleared (contract imbot §5.2). */
export interface BotProfile {
  name: string;
  lastName?: string;
  workPosition?: string;
  /** A colour of §4.5, such as `green` or `lightBlue`. */
  color?: string;
  gender?: 'M' | 'F';
  /** Base64 of an image of at most 5000 x 5000 points, without a `data:` prefix. */
  avatar?: string;
}

export interface BotRef {
  botId: string;
  /** At most 40 characters, stored before the bot is registered. Ignored by the portal for an application. */
  token: string;
}

export interface ChatRef extends BotRef {
  chatId: string;
  /** What it was created with: the deprecated API tells a chat that is gone from a hidden one only by looking it up. */
  key?: string;
}

export interface Bot {
  botId: string;
  code: string;
  /** The portal showed what only the owner of a bot sees. */
  ours: boolean;
}

/** `undefined` leaves a field as it is. */
export interface ChatChange {
  title?: string;
  description?: string;
  color?: string;
  /** Base64. Every change posts a system message, and nothing reads the image back: send it only when it changed. */
  avatar?: string;
}

export interface NewChat extends BotRef {
  /** Findable later: lower case, at most 255 characters, not guessable by others (contract imbot §19.2). */
  key: string;
  title: string;
  /** Also posted as a message of the owner. */
  description?: string;
  color?: string;
  avatar?: string;
  userIds: readonly string[];
}

export interface BotChat {
  chatId: string;
  title: string;
  description: string;
  /** Id of the user who owns it; `0` for none. */
  owner: string;
  managers: string[];
  /** `#rrggbb` */
  color: string;
  avatar: string;
  /** What it was created with; empty for none. */
  key: string;
  textFieldEnabled: boolean;
  lastMessageId: string;
  memberCount: number;
}

/** `notMember`: it exists, but the bot is not in it; only `gone` allows to create another (contract imbot trap 15). */
export type ChatState = BotChat | 'gone' | 'notMember';

export interface Bots {
  readonly generation: 'v2' | 'legacy';

  /** Idempotent by code; changes nothing of an existing bot. @throws refused `BOT_CODE_ALREADY_TAKEN`. */
  register(bot: { code: string; token: string; profile: BotProfile; webhook?: string }): Promise<Bot>;
  /** `nextToken`: the bot's token from now on. @throws refused `unsupported_by_portal` where it cannot be changed. */
  update(bot: BotRef & { profile: BotProfile; webhook?: string; nextToken?: string }): Promise<void>;
  /** Success also when there is no such bot. */
  unregister(bot: BotRef): Promise<void>;
  get(bot: BotRef): Promise<Bot | undefined>;
  /** Bots of the portal: ours on v2, everybody's on the deprecated API (contract imbot trap 31). */
  list(bot: { token: string }): Promise<Bot[]>;

  /** @returns the id of a chat created with this key. Verify it with `getChat`: the look-up asks no rights. */
  findChat(by: { key: string }): Promise<string | undefined>;
  /**
   * Never deduplicated, not repeatable (contract imbot §6.1). `keyEchoed`: the portal stored the key.
   * The new chat has the bot as owner.
   */
  addChat(chat: NewChat): Promise<{ chatId: string; keyEchoed: boolean }>;
  getChat(chat: ChatRef): Promise<ChatState>;
  /**
   * Idempotent. @throws refused `ACCESS_DENIED` once the bot is not the owner any more; `unsupported_by_portal` where
   * the deprecated API says yes and does nothing.
   */
  updateChat(chat: ChatRef & ChatChange): Promise<void>;
  /**
   * The same by the rights of a member, for a bot that is not the owner any more; every change is a visible post.
   * @throws refused `not_owner` where that is not possible: the user of the grant is not in the chat, or for a description.
   */
  updateChatAsMember(chat: ChatRef & ChatChange): Promise<void>;

  /** Ids of the members, the bot included; of more than 400 only 400 (contract imbot §7.3). */
  listMembers(chat: ChatRef): Promise<string[]>;
  /** Idempotent. Users the portal does not accept are left out without a word: verify with `listMembers`. */
  addMembers(chat: ChatRef & { userIds: readonly string[] }): Promise<void>;
  /** Success also for somebody who is not in it. */
  removeMember(chat: ChatRef & { userId: string }): Promise<void>;
  addManagers(chat: ChatRef & { userIds: readonly string[] }): Promise<void>;
  removeManagers(chat: ChatRef & { userIds: readonly string[] }): Promise<void>;
  /**
   * Hands the chat over. v2 does not check the user: make sure of the membership first, read the owner afterwards.
   * Repeating a success is refused with `ACCESS_DENIED` (contract imbot §6.4).
   */
  setOwner(chat: ChatRef & { userId: string }): Promise<void>;
  /** Lets people write, or not. The bot always can. */
  setTextField(chat: ChatRef & { enabled: boolean }): Promise<void>;
  /** Success also when the bot is not in it. As owner it would hand the chat to an arbitrary person. */
  leave(chat: ChatRef): Promise<void>;

  /**
   * Posts as the bot; BB-code. `templateId`: a lower-case UUID v4, unique on the portal, makes it repeatable for about
   * 31 days on v2 (contract imbot §8.1). Without it, and on the deprecated API, it is not repeatable.
   */
  sendMessage(message: ChatRef & { text: string; templateId?: string }): Promise<{ messageId: string }>;

  /**
   * What happened to the bot, oldest first, at most `limit` (100; up to 1000). An `offset` above 0 makes the portal forget everything before
   * it, for good (contract imbot §9.1). On the deprecated API there is nothing to fetch: events are posted to the webhook.
   */
  readEvents(
    bot: BotRef & { offset: string; limit?: number },
  ): Promise<{ events: BotEvent[]; nextOffset: string; hasMore: boolean }>;
}

/** An event of a bot; what is none of the known ones is `other`. */
export type BotEvent =
  | { id: string; kind: 'joined'; chat: JoinedChat }
  | { id: string; kind: 'message'; message: BotMessage }
  | { id: string; kind: 'deleted' | 'other' };

/** The bot became a member of it, which also happens when it creates one (contract imbot §10.1). */
export interface JoinedChat {
  chatId: string;
  title: string;
  owner: string;
  key: string;
  /** Who added the bot: itself in a chat it made. */
  byUserId: string;
}

export interface BotMessage {
  messageId: string;
  chatId: string;
  text: string;
  authorId: string;
  /** An active employee, not the portal itself, a bot, a guest or a client. */
  byEmployee: boolean;
}
