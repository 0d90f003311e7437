import { isStyled, isWebLink, type RichNode, type RichText, RichTextBuilder, type Style } from '../kit/richText.ts';

/** HTML as messengers use it: a few inline tags. Everything else is dropped, its text stays. Pure. */

const STYLES: Readonly<Record<string, Style>> = {
  b: 'bold',
  strong: 'bold',
  i: 'italic',
  em: 'italic',
  u: 'underline',
  ins: 'underline',
  s: 'strike',
  strike: 'strike',
  del: 'strike',
  code: 'code',
  pre: 'code',
  blockquote: 'quote',
};
const TAGS: Readonly<Record<Style, string>> = {
  bold: 'b',
  italic: 'i',
  underline: 'u',
  strike: 's',
  code: 'code',
  quote: 'blockquote',
};
const BLOCKS = new Set(['p', 'div', 'blockquote', 'pre', 'li', 'ul', 'ol', 'h1', 'h2', 'h3', 'h4', 'h5', 'h6', 'tr']);
/** Neither tag nor content is for people. */
const SKIPPED = /<(script|style|head|title)\b[^>]*>[\s\S]*?(?:<\/\1\s*>|$)/gi;
const TOKEN = /<!--[\s\S]*?-->|<(\/?)([a-zA-Z][a-zA-Z0-9-]*)((?:[^<>"']|"[^"]*"|'[^']*')*)>/g;

const ENTITIES: Readonly<Record<string, string>> = {
  amp: '&',
  lt: '<',
  gt: '>',
  quot: '"',
  apos: "'",
  nbsp: '\u00a0',
};

export const decodeEntities = (text: string): string =>
  text.replace(/&(#x[0-9a-f]{1,6}|#\d{1,7}|[a-z]{2,6});/gi, (whole, name: string) => {
    if (!name.startsWith('#')) return ENTITIES[name.toLowerCase()] ?? whole;
    const code = /^#x/i.test(name) ? parseInt(name.slice(2), 16) : Number(name.slice(1));
    return code > 0 && code <= 0x10ffff && !(code >= 0xd800 && code <= 0xdfff) ? String.fromCodePoint(code) : whole;
  });

export const escapeHtml = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');

export function parseHtml(html: string): RichNode[] {
  const builder = new RichTextBuilder();
  const lines = new LineBreaks(builder);
  const source = html.replace(SKIPPED, '');
  let at = 0;
  for (const token of source.matchAll(TOKEN)) {
    lines.text(decodeEntities(source.slice(at, token.index)));
    at = token.index + token[0].length;
    if (token[2] !== undefined) tag(builder, lines, token[2].toLowerCase(), token[1] === '/', token[3] ?? '');
  }
  lines.text(decodeEntities(source.slice(at)));
  return builder.done();
}

function tag(builder: RichTextBuilder, lines: LineBreaks, name: string, closes: boolean, attributes: string): void {
  const style = STYLES[name];
  if (name === 'br') return lines.hard();
  if (BLOCKS.has(name)) lines.soft();
  if (closes) return void builder.close(style ?? name);
  if (name === 'li') lines.text('• ');
  // The line ends before the mark begins.
  if (style || name === 'a') lines.flush();
  if (style) builder.open({ style }, style);
  if (name === 'a') {
    const href = decodeEntities(/\bhref\s*=\s*("[^"]*"|'[^']*'|[^\s"'>]+)/i.exec(attributes)?.[1] ?? '');
    const bare = href.replace(/^["']|["']$/g, '').trim();
    if (isWebLink(bare)) builder.open({ href: bare }, 'a');
  }
}

/** A block begins on a line of its own, and leaves no empty one at the ends of the text. */
class LineBreaks {
  readonly #builder: RichTextBuilder;
  #pending = false;
  #atStart = true;

  constructor(builder: RichTextBuilder) {
    this.#builder = builder;
  }

  soft(): void {
    if (!this.#atStart) this.#pending = true;
  }

  hard(): void {
    this.flush();
    this.#builder.text('\n');
    this.#atStart = true;
  }

  text(text: string): void {
    // White space between blocks is only how the source was written.
    if (text === '' || (text.trim() === '' && text.includes('\n') && (this.#pending || this.#atStart))) return;
    this.flush();
    this.#builder.text(text);
    this.#atStart = text.endsWith('\n');
  }

  flush(): void {
    if (this.#pending) this.#builder.text('\n');
    this.#pending = false;
  }
}

export const renderHtml = (nodes: RichText): string =>
  nodes
    .map((node) => {
      if (typeof node === 'string') return escapeHtml(node).replaceAll('\n', '<br>');
      const inner = renderHtml(node.children);
      if (!isStyled(node)) return `<a href="${escapeHtml(node.href)}">${inner || escapeHtml(node.href)}</a>`;
      return `<${TAGS[node.style]}>${inner}</${TAGS[node.style]}>`;
    })
    .join('');
