import type { ConnectorMessage, MessageTarget } from '../bitrix24/connectorWire.ts';
import { escapeBb } from '../bitrix24/markup.ts';
import type { Database, Prisma } from '../db/database.ts';
import type { Attachment, Person } from '../messenger/payload.ts';
import { type ConversationContext, withContext } from './conversations.ts';
import { fileName } from './messageText.ts';
import { quotationFor } from './quotes.ts';
import { cutText } from './titles.ts';
import { connectorUser, displayName, portalMessageId } from './translate.ts';

/** A message as the portal shall get it: who speaks, in which dialog, what. */

export type MessageContext = Prisma.MessageGetPayload<{ include: { conversation: { include: typeof withContext } } }>;

export type Outgoing = MessageTarget & { message: ConnectorMessage };

/** Where the portal fetches a file: the file's own address, or the gateway's. */
export type MediaUrl = (
  message: { id: string; attachments: Prisma.JsonValue },
  attachment: Attachment,
  settings: { media?: unknown },
) => string;

/** From this attempt on a file is only named: one that makes the call time out must not hold up the dialog. */
const FILE_AS_LINK_FROM_ATTEMPT = 4;
/** Of whoever speaks, in the text. */
const MAX_NAME = 100;
/** The portal would try for a minute, and then drop it. */
const MAX_FILE_BYTES = 200 * 1024 * 1024;

export async function loadMessage(db: Database, id = ''): Promise<MessageContext | undefined> {
  const include = { conversation: { include: withContext } };
  return (await db.prisma.message.findUnique({ where: { id }, include })) ?? undefined;
}

/** What became of a delivery is written on its message; one that was erased meanwhile stays erased. */
export const unlessErased = (id: string) => ({ id, state: { not: 'erased' } });

export const attachmentsOf = (message: { attachments: Prisma.JsonValue }): Attachment[] =>
  message.attachments as unknown as Attachment[];

/** What is written in place of a file the portal does not take. */
export const fileLinks = (message: { attachments: Prisma.JsonValue }): string =>
  attachmentsOf(message)
    .map((file) => `File ${fileName(file)}: ${file.url}`)
    .join('\n');

export async function outgoing(
  deps: { db: Database; mediaUrl: MediaUrl },
  message: MessageContext,
  job: { attempts: number },
): Promise<Outgoing> {
  const { conversation } = message;
  const { author, owner } = await loadPeople(deps.db, message);
  const quotation = await quotationFor(deps.db, message, conversation.messengerId);
  const files = attachmentsOf(message);
  const settings = conversation.messenger.settings as { media?: unknown };
  const asLinks = job.attempts >= FILE_AS_LINK_FROM_ATTEMPT || files.some(({ size = 0 }) => size > MAX_FILE_BYTES);
  const target: Outgoing = {
    connector: conversation.channel.connector.code,
    line: String(conversation.channel.lineId),
    user: owner,
    message: {
      id: portalMessageId(message.externalId, message.part),
      date: Math.floor(message.sentAt.getTime() / 1000),
      text: [quotation, spoken(message, author, owner)].filter(Boolean).join('\n'),
      files: files.map((file) => ({ url: deps.mediaUrl(message, file, settings), name: fileName(file) })),
      ...(message.author === 'person' ? {} : { system: true }),
    },
    chat: {
      id: conversation.dialogKey,
      ...(conversation.wantedName === null ? {} : { name: conversation.wantedName }),
      ...(conversation.url === null ? {} : { url: conversation.url }),
    },
  };
  return asLinks ? withLinks(target, escapeBb(fileLinks(message))) : target;
}

/** Whoever is not the one the portal shows is named in the text. */
function spoken({ author: role, text }: MessageContext, author: Person | undefined, owner: { id: string }): string {
  if (role === 'gateway' || !author) return text;
  const name = escapeBb(cutText(displayName(author), MAX_NAME));
  if (role === 'operator') return `[b]${name}:[/b] ${text}`.trimEnd();
  if (connectorUser(author).id === owner.id || text === '') return text;
  return `${name}: ${text}`;
}

/** The files' own addresses, and not the gateway's: those expire. */
export const withoutFiles = (target: Outgoing, message: MessageContext): Outgoing =>
  withLinks(target, escapeBb(fileLinks(message)));

function withLinks(target: Outgoing, links: string): Outgoing {
  const { message } = target;
  return { ...target, message: { ...message, files: [], text: [message.text, links].filter(Boolean).join('\n') } };
}

/**
 * Who speaks, and as whom the portal sees them: a direct dialog belongs to one person, and what the operator or the
 * gateway says needs somebody of the dialog (contract imconnector §3.7: no junk users).
 */
async function loadPeople(
  db: Database,
  message: MessageContext,
): Promise<{ author: Person | undefined; owner: ReturnType<typeof connectorUser> }> {
  const { conversation } = message;
  const { channel, externalUserId } = conversation;
  const load = (id: string): Promise<Person> => loadPerson(db, conversation.messengerId, id);
  const author = message.author === 'gateway' ? undefined : await load(message.senderId);
  if (channel.connector.kind === 'direct' && externalUserId !== null) {
    return { author, owner: connectorUser(await load(externalUserId)) };
  }
  if (author && message.author === 'person') return { author, owner: connectorUser(author) };
  const last = await lastSpeaker(db, conversation);
  if (last !== undefined) return { author, owner: connectorUser(await load(last)) };
  return { author, owner: connectorUser(author ?? somebody(conversation)) };
}

async function loadPerson(db: Database, messengerId: string, externalId: string): Promise<Person> {
  const row = await db.prisma.person.findUnique({ where: { messengerId_externalId: { messengerId, externalId } } });
  return (row?.profile as Person | undefined) ?? { id: externalId };
}

async function lastSpeaker(db: Database, { id }: ConversationContext): Promise<string | undefined> {
  const row = await db.prisma.message.findFirst({
    where: { conversationId: id, direction: 'toPortal', author: 'person' },
    orderBy: { id: 'desc' },
    select: { senderId: true },
  });
  return row?.senderId;
}

const somebody = ({ dialogKey, wantedName }: ConversationContext): Person => ({
  id: dialogKey,
  ...(wantedName === null ? {} : { name: wantedName }),
});
