/** Text of a person as BB-code that shows exactly that text (contract imconnector §3.7, platform §3.5). */

/** The portal cuts a longer text off (contract imconnector §3.7). */
const MAX_LENGTH = 20_000;
/** Shown as nothing, and breaks a tag for the portal. */
const ZERO_WIDTH_SPACE = '\u200b';

const TAGS = [
  ...['b', 'i', 'u', 's', 'p', 'br', 'url', 'user', 'chat', 'call', 'size', 'color', 'font', 'img', 'icon', 'code'],
  ...['quote', 'send', 'put', 'pch', 'disk', 'rating', 'attach', 'timestamp', 'context', 'history', 'like', 'dislike'],
  ...['list', 'table', 'tr', 'td', 'th', 'video', 'date', 'left', 'right', 'center', 'justify', 'spoiler', 'mail'],
];
const TAG_START = new RegExp(String.raw`\[(?=\/?(?:${TAGS.join('|')}|\*)[\]=\s/])`, 'gi');
/** A batch replaces references in values after decoding them, so encoding does not protect (platform §3.5). */
const REFERENCE = /\$(?=(?:result|error|total|next|time)\S*\[)/gi;
/** Taken as the answer to "how was it?" by a session that waits for one. */
const RATING = /^\s*[01](\s|$)/;

/**
 * The text in parts the portal takes whole, in their order; none for an empty text.
 * `guardRating` keeps a text that is or starts with `1` or `0` from being swallowed as a rating.
 */
export function plainToBb(text: string, { guardRating = false }: { guardRating?: boolean } = {}): string[] {
  const harmless = breakReferences(text.replace(TAG_START, `[${ZERO_WIDTH_SPACE}`));
  return split(guardRating && RATING.test(harmless) ? ZERO_WIDTH_SPACE + harmless : harmless, MAX_LENGTH);
}

/** `$result[...]` and its kin, so that a batch takes them as the text they are. */
export const breakReferences = (text: string): string => text.replace(REFERENCE, `$$${ZERO_WIDTH_SPACE}`);

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
