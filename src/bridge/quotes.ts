import { parseBb, quotationsIn, splitSignature } from '../bitrix24/bbCode.ts';
import { quoteToBb } from '../bitrix24/markup.ts';
import type { Prisma, Tx } from '../db/database.ts';
import { plainOf } from '../kit/richText.ts';
import type { Attachment, Person } from '../messenger/payload.ts';
import { cutText } from './titles.ts';
import { displayName } from './translate.ts';

/**
 * Answers to a message. The portal's connectors know no such thing (contract imconnector §3.7, §4.2): what is answered
 * is quoted, as people do it there, and a quotation of an operator tells which message it is from.
 */

type MessageRow = Prisma.MessageGetPayload<object>;
type Reading = Pick<Tx, 'prisma'>;

const MAX_NAME = 60;
const MAX_BEGINNING = 120;
/** Messages a quotation may be from. */
const LOOK_BACK = 200;

/** The quotation that goes before an answer; empty when what it answers is not known, or gone. */
export async function quotationFor(
  db: Reading,
  message: Pick<MessageRow, 'conversationId' | 'replyToId' | 'part'>,
  messengerId: string,
): Promise<string> {
  const { conversationId, replyToId, part } = message;
  if (replyToId === null || part > 1) return '';
  const answered = await db.prisma.message.findFirst({
    where: {
      conversationId,
      deletedAt: null,
      OR: [
        { direction: 'toPortal', externalId: replyToId },
        { direction: 'toMessenger', messageIds: { has: replyToId } },
      ],
    },
    orderBy: { part: 'asc' },
  });
  const beginning = answered && beginningOf(answered);
  if (!beginning) return '';
  const name = await authorOf(db, answered, messengerId);
  return quoteToBb(name === '' ? beginning : `${name}: ${beginning}`);
}

function beginningOf(message: MessageRow): string {
  const line = normal(readable(message));
  if (line !== '') return [...line].length > MAX_BEGINNING ? `${cutText(line, MAX_BEGINNING)}…` : line;
  const [file] = message.attachments as unknown as Attachment[];
  return file ? cutText(file.name || 'file', MAX_BEGINNING) : '';
}

async function authorOf(db: Reading, message: MessageRow, messengerId: string): Promise<string> {
  if (message.direction === 'toMessenger') {
    const { name = '' } = splitSignature(message.text, { signed: message.author === 'operator' });
    return cutText(plainOf(parseBb(name)), MAX_NAME);
  }
  const where = { messengerId_externalId: { messengerId, externalId: message.senderId } };
  const person = await db.prisma.person.findUnique({ where });
  return person ? cutText(displayName(person.profile as unknown as Person), MAX_NAME) : '';
}

/** What somebody reads in a message, without the quotation it begins with and without the signature. */
function readable({ text, author, direction }: Pick<MessageRow, 'text' | 'author' | 'direction'>): string {
  const signed = direction === 'toMessenger' && author === 'operator';
  const nodes = parseBb(splitSignature(text, { signed }).text);
  return plainOf(nodes.filter((node) => typeof node === 'string' || !('style' in node) || node.style !== 'quote'));
}

/** The messenger's id of the message an operator quotes; undefined when it cannot be known, or could be several. */
export async function quotedId(db: Reading, conversationId: string, bb: string): Promise<string | undefined> {
  const [quotation] = quotationsIn(bb);
  if (!quotation) return undefined;
  const { messageId, text } = quotation;
  const known = { conversationId, deletedAt: null };
  if (messageId !== undefined) {
    const where = { ...known, direction: 'toMessenger', externalId: messageId };
    const row = await db.prisma.message.findFirst({ where });
    if (row) return row.messageIds[0];
  }
  const rows = await db.prisma.message.findMany({ where: known, orderBy: { id: 'desc' }, take: LOOK_BACK });
  const [sought, ...others] = text === '' ? [] : rows.filter((row) => normal(readable(row)) === text);
  if (!sought || others.length > 0) return undefined;
  return sought.direction === 'toPortal' ? sought.externalId : sought.messageIds[0];
}

const normal = (text: string): string => text.replaceAll(/\s+/g, ' ').trim();
