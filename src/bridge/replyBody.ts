import { parseBb, splitSignature } from '../bitrix24/bbCode.ts';
import type { Prisma } from '../db/database.ts';
import { plainOf, printable } from '../kit/richText.ts';
import { renderHtml } from '../messenger/html.ts';
import { renderMarkdown } from '../messenger/markdown.ts';

/** What the messenger is told, as `docs/messenger.md` describes it. Pure. */

type MessageRow = Prisma.MessageGetPayload<object>;
interface Conversation {
  externalId: string;
}

export interface Envelope {
  type: string;
  timestamp: string;
  data: Record<string, unknown>;
}

export function createdBody(message: MessageRow, conversation: Conversation): Envelope {
  const { name, ...text } = textOf(message);
  return {
    type: 'operator.message.created',
    timestamp: message.sentAt.toISOString(),
    data: {
      ...about(message, conversation),
      message: {
        ...text,
        attachments: message.attachments,
        system: message.author === 'system',
        ...(message.replyToId === null ? {} : { replyToId: message.replyToId }),
      },
      operator: operatorOf(message, name),
    },
  };
}

export function editedBody(message: MessageRow, conversation: Conversation): Envelope {
  const { name, ...text } = textOf(message);
  return {
    type: 'operator.message.edited',
    timestamp: (message.editedAt ?? message.sentAt).toISOString(),
    data: {
      ...about(message, conversation),
      messageIds: message.messageIds,
      message: text,
      operator: operatorOf(message, name),
    },
  };
}

export const deletedBody = (message: MessageRow, conversation: Conversation): Envelope => ({
  type: 'operator.message.deleted',
  timestamp: (message.deletedAt ?? message.sentAt).toISOString(),
  data: { ...about(message, conversation), messageIds: message.messageIds },
});

const about = (
  { id }: MessageRow,
  { externalId }: Conversation,
): { gatewayId: string; conversation: { id: string } } => ({
  gatewayId: id,
  conversation: { id: externalId },
});

function textOf({ text, author }: MessageRow): { name?: string; text: string; html: string; markdown: string } {
  const { name, text: bb } = splitSignature(text, { signed: author !== 'system' });
  const nodes = parseBb(printable(bb));
  const forms = { text: plainOf(nodes), html: renderHtml(nodes), markdown: renderMarkdown(nodes) };
  return { ...forms, ...(name === undefined ? {} : { name: plainOf(parseBb(name)) }) };
}

/** Without a name where the line hides it, or nobody of the staff spoke. */
const operatorOf = (
  { author, senderId }: MessageRow,
  name: string | undefined,
): { name?: string; userId?: string } => ({
  ...(name === undefined ? {} : { name }),
  ...(author === 'system' || senderId === '0' || senderId === '' ? {} : { userId: senderId }),
});
