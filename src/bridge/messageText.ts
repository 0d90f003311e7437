import { type Guarding, plainToBb, richToBb } from '../bitrix24/markup.ts';
import { printable } from '../kit/richText.ts';
import { parseHtml } from '../messenger/html.ts';
import { parseMarkdown } from '../messenger/markdown.ts';
import type { Attachment } from '../messenger/payload.ts';

/** What a message of the messenger becomes on the portal. Pure. */

/** A longer text is no message any more; its markup is not worth the reading. */
const MAX_MARKED_UP = 40_000;
/** A customer's `1` must not be taken for a rating: it would never reach the operator. */
const GUARDING: Guarding = { guardRating: true };

export interface WrittenText {
  text?: string | undefined;
  format?: 'plain' | 'markdown' | 'html' | undefined;
}

/** As BB-code, in parts the portal takes whole; none when there is nothing to read. */
export function bbParts({ text = '', format = 'plain' }: WrittenText): string[] {
  const readable = printable(text);
  if (readable.trim() === '') return [];
  if (format === 'plain' || readable.length > MAX_MARKED_UP) return plainToBb(readable, GUARDING);
  const parts = richToBb(format === 'html' ? parseHtml(readable) : parseMarkdown(readable), GUARDING);
  return parts.every((part) => part.trim() === '') ? [] : parts;
}

export interface Part {
  text: string;
  attachments: Attachment[];
}

/**
 * One call of the portal per part. Files go one by one, the first one with the text: the portal drops what it cannot
 * fetch without a word, and whatever follows a slow file would share its fate (contract imconnector §3.7).
 */
export function layOut(texts: readonly string[], attachments: readonly Attachment[]): Part[] {
  const [first, ...others] = attachments;
  const written = texts.length === 0 && first ? [''] : texts;
  return [
    ...written.map((text, index) => ({ text, attachments: first && index === written.length - 1 ? [first] : [] })),
    ...others.map((attachment) => ({ text: '', attachments: [attachment] })),
  ];
}

const MAX_FILE_NAME = 200;

/** What a file is called: by its sender, else by its address. */
export function fileName({ name, url }: Attachment): string {
  const given = printable(name ?? '')
    .replaceAll(/[\n\t]+/g, ' ')
    .trim();
  const last = new URL(url).pathname.split('/').at(-1) ?? '';
  return (given || decoded(last) || 'file').replaceAll(/[\\/]/g, '_').slice(-MAX_FILE_NAME);
}

function decoded(text: string): string {
  try {
    return printable(decodeURIComponent(text)).trim();
  } catch {
    return text;
  }
}
