/** Titles of dialogs and companions, and which of two names is the newer one. Pure. */

/** The portal keeps so many characters (contract imconnector §3.13), counted as code points. */
const MAX_TITLE = 255;

export interface TitleFacts {
  name: string | null;
  id: string;
  messenger: string;
  topic: string | null;
}

/** Placeholders of a title template. */
export const TITLE_PLACEHOLDERS = ['name', 'id', 'messenger', 'topic'] as const;

/** PHP takes a bare "0" for no name at all (contract imconnector §3.13 rows 2-5); with this it looks the same. */
const ZERO = '0\u200b';

const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' });

/** Cuts to so many code points without taking a character (an emoji with its modifiers, say) apart. */
export function cutText(text: string, max: number): string {
  if (text.length <= max) return text;
  let kept = '';
  let length = 0;
  for (const { segment } of graphemes.segment(text)) {
    length += [...segment].length;
    if (length > max) break;
    kept += segment;
  }
  return kept.trimEnd();
}

export const cutTitle = (title: string): string => cutText(title, MAX_TITLE);

/** The title a conversation shall have; undefined while it has no name. One line, trimmed, at most 255 characters. */
export function renderTitle(template: string | null | undefined, facts: TitleFacts): string | undefined {
  if (facts.name === null) return undefined;
  const values: Record<string, string> = {
    name: facts.name,
    id: facts.id,
    messenger: facts.messenger,
    topic: facts.topic ?? '',
  };
  const text = (template ?? '{name}').replaceAll(/\{(\w+)\}/g, (whole, key: string) => values[key] ?? whole);
  const title = cutTitle(oneLine(text));
  if (title === '0') return ZERO;
  return title === '' ? undefined : title;
}

/** Control characters and line breaks would end in a title nobody can type or compare. */
export const oneLine = (text: string): string => text.replaceAll(/[\s\p{Cc}]+/gu, ' ').trim();

/** When a name was decided: by the messenger's own count where it has one, else by its clock. */
export interface Decided {
  at: Date;
  sequence: bigint | null;
}

/** Whether `next` supersedes `current`. Equal moments: what arrives later wins. */
export function supersedes(next: Decided, current: Decided | undefined): boolean {
  if (!current) return true;
  if (next.sequence !== null && current.sequence !== null) return next.sequence >= current.sequence;
  return next.at.getTime() >= current.at.getTime();
}
