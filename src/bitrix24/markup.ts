import { isStyled, plainOf, type RichText, type Style } from '../kit/richText.ts';

/** Text of a person as BB-code that shows exactly that text (contract imconnector §3.7, platform §3.5). */

/** The portal cuts a text above 20,000 off (contract imconnector §3.7); the rest is for who speaks, and what is quoted. */
const MAX_LENGTH = 19_500;
/** Shown as nothing, and breaks a tag for the portal. */
const ZERO_WIDTH_SPACE = '\u200b';

const TAGS = [
  ...['b', 'i', 'u', 's', 'p', 'br', 'url', 'user', 'chat', 'call', 'size', 'color', 'font', 'img', 'icon', 'code'],
  ...['quote', 'send', 'put', 'pch', 'disk', 'rating', 'attach', 'timestamp', 'context', 'history', 'like', 'dislike'],
  ...['list', 'table', 'tr', 'td', 'th', 'video', 'date', 'left', 'right', 'center', 'justify', 'spoiler', 'mail'],
];
const TAG_START = new RegExp(String.raw`\[(?=\/?(?:${TAGS.join('|')}|\*)[\]=\s/])`, 'gi');
/** Taken as the answer to "how was it?" by a session that waits for one. */
const RATING = /^\s*[01](\s|$)/;

/** What the portal does to a text besides showing it. */
export interface Guarding {
  /** Keeps a text that is or starts with `1` or `0` from being swallowed as a rating. */
  guardRating?: boolean;
}

/** The text in parts the portal takes whole, in their order; none for an empty text. */
export const plainToBb = (text: string, guarding: Guarding = {}): string[] =>
  split(guarded(escapeBb(text), guarding), MAX_LENGTH);

/** As `plainToBb`, with its markup. Too long for one part, it goes without: a tag must not be cut in two. */
export function richToBb(nodes: RichText, guarding: Guarding = {}): string[] {
  const whole = guarded(renderBb(nodes), guarding);
  if (whole.length > MAX_LENGTH) return plainToBb(plainOf(nodes), guarding);
  return whole === '' ? [] : [whole];
}

const guarded = (text: string, { guardRating = false }: Guarding): string =>
  guardRating && RATING.test(text) ? ZERO_WIDTH_SPACE + text : text;

/** Text that shows as it is, also within tags. */
export const escapeBb = (text: string): string => text.replace(TAG_START, `[${ZERO_WIDTH_SPACE}`);

const STYLE_TAGS: Readonly<Record<Exclude<Style, 'quote'>, string>> = {
  bold: 'b',
  italic: 'i',
  underline: 'u',
  strike: 's',
  code: 'code',
};

export const renderBb = (nodes: RichText): string =>
  nodes
    .map((node) => {
      if (typeof node === 'string') return escapeBb(node);
      const inner = renderBb(node.children);
      if (!isStyled(node)) return `[url=${linkOf(node.href)}]${inner || escapeBb(node.href)}[/url]`;
      // A quote is a mark before every line (contract platform, formatting of messages).
      if (node.style === 'quote') return inner.replace(/^/gm, '>>');
      return inner.trim() === '' ? inner : `[${STYLE_TAGS[node.style]}]${inner}[/${STYLE_TAGS[node.style]}]`;
    })
    .join('');

/** A bracket would end the tag. */
const linkOf = (href: string): string => href.replaceAll('[', '%5B').replaceAll(']', '%5D');

function split(text: string, limit: number): string[] {
  const parts: string[] = [];
  let rest = text;
  while (rest.length > limit) {
    const at = boundary(rest, limit);
    parts.push(rest.slice(0, at));
    rest = rest.slice(at);
  }
  return rest === '' ? parts : [...parts, rest];
}

/** Text as a quotation, which ends with its line. */
export const quoteToBb = (text: string): string => escapeBb(text).replaceAll(/^/gm, '>>');

const graphemes = new Intl.Segmenter(undefined, { granularity: 'grapheme' });
/** Longer than any character people write; what claims to be longer is cut at a code point. */
const LONGEST = 256;

/** The last position of at most `limit` that is inside no character. */
function boundary(text: string, limit: number): number {
  const from = limit - LONGEST;
  const inside = graphemes.segment(text.slice(from, limit + LONGEST)).containing(LONGEST);
  if (inside && inside.index > 0) return from + inside.index;
  const splitsPair = /[\uDC00-\uDFFF]/.test(text.charAt(limit)) && /[\uD800-\uDBFF]/.test(text.charAt(limit - 1));
  return splitsPair ? limit - 1 : limit;
}
