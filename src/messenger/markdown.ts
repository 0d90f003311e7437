import {
  isStyled,
  isWebLink,
  plainOf,
  type RichNode,
  type RichText,
  RichTextBuilder,
  type Style,
} from '../kit/richText.ts';

/** Markdown as messengers use it: `**bold**`, `*italic*`, `~~strike~~`, code, links, quotes. Pure. */

const LINK = /^\[((?:[^[\]\\\n]|\\.)*)\]\(\s*<?([^\s()<>]*(?:\([^\s()<>]*\))?[^\s()<>]*)>?(?:\s+"[^"\n]*")?\s*\)/;
const AUTOLINK = /^<((?:https?:\/\/|mailto:)[^\s<>]+)>/i;
const ESCAPED = /^\\([!-/:-@[-`{-~])/;
const FENCE = /^```[^\n`]*\n([\s\S]*?)\n?```(?=\n|$)/;
const MARKS: readonly { mark: string; style: Style }[] = [
  { mark: '**', style: 'bold' },
  { mark: '__', style: 'bold' },
  { mark: '~~', style: 'strike' },
  { mark: '*', style: 'italic' },
  { mark: '_', style: 'italic' },
];

/** So far the end of a mark is looked for; farther ones would make hostile texts slow. */
const LONGEST_MARKED = 4_000;

export function parseMarkdown(markdown: string): RichNode[] {
  const nodes: RichNode[] = [];
  let quote: string[] = [];
  const endQuote = (): void => {
    if (quote.length > 0) nodes.push({ style: 'quote', children: inline(quote.join('\n')) }, '\n');
    quote = [];
  };
  let rest = markdown;
  while (rest !== '') {
    const fence = FENCE.exec(rest);
    if (fence) {
      endQuote();
      nodes.push({ style: 'code', children: [fence[1] ?? ''] });
      rest = rest.slice(fence[0].length);
      continue;
    }
    const end = rest.indexOf('\n');
    const line = end < 0 ? rest : rest.slice(0, end);
    const ending = end < 0 ? '' : '\n';
    rest = rest.slice(line.length + ending.length);
    const quoted = /^> ?(.*)$/.exec(line);
    if (quoted) {
      quote.push(quoted[1] ?? '');
      continue;
    }
    endQuote();
    const heading = /^#{1,6} +(.+?)(?: +#+)?$/.exec(line);
    if (heading) nodes.push({ style: 'bold', children: inline(heading[1] ?? '') }, ending);
    else nodes.push(...inline(line.replace(/^(\s*)[-*+] +/, '$1• ')), ending);
  }
  endQuote();
  if (nodes.at(-1) === '\n' && !markdown.endsWith('\n')) nodes.pop();
  return merged(nodes);
}

/** One line, or the lines of a quote. */
function inline(text: string): RichNode[] {
  const builder = new RichTextBuilder();
  const open: string[] = [];
  for (let at = 0; at < text.length;) at += step(text, at, builder, open);
  return builder.done();
}

/** Reads one thing; returns its length. */
function step(text: string, at: number, builder: RichTextBuilder, open: string[]): number {
  const rest = text.slice(at);
  const escaped = ESCAPED.exec(rest);
  if (escaped) return take(escaped[0], () => builder.text(escaped[1] ?? ''));
  const code = /^(`+)([^`]|[^`][\s\S]*?[^`])\1(?!`)/.exec(rest);
  if (code) return take(code[0], () => styled(builder, 'code', code[2] ?? ''));
  const link = LINK.exec(rest);
  if (link && isWebLink(link[2] ?? '')) return take(link[0], () => linked(builder, link[2] ?? '', link[1] ?? ''));
  const auto = AUTOLINK.exec(rest);
  if (auto) return take(auto[0], () => linked(builder, auto[1] ?? '', auto[1] ?? ''));
  const mark = MARKS.find((one) => rest.startsWith(one.mark));
  if (mark) return toggle(text, at, mark, builder, open);
  // A whole word at once: marks inside of one, as in snake_case, are no marks.
  const plain = /^[\p{L}\p{N}]+(?:_+[\p{L}\p{N}]+)*|^[\s\S]/u.exec(rest)?.[0] ?? rest.charAt(0);
  return take(plain, () => builder.text(plain));
}

function toggle(
  text: string,
  at: number,
  { mark, style }: { mark: string; style: Style },
  builder: RichTextBuilder,
  open: string[],
): number {
  const before = text.charAt(at - 1);
  const after = text.charAt(at + mark.length);
  if (open.includes(mark) && /\S/.test(before)) {
    open.length = open.lastIndexOf(mark);
    builder.close(mark);
  } else if (/\S/.test(after) && closesLater(text, at + mark.length, mark)) {
    open.push(mark);
    builder.open({ style }, mark);
  } else builder.text(mark);
  return mark.length;
}

function closesLater(text: string, from: number, mark: string): boolean {
  const until = from + LONGEST_MARKED;
  for (let at = text.indexOf(mark, from + 1); at > 0 && at < until; at = text.indexOf(mark, at + 1)) {
    if (/\S/.test(text.charAt(at - 1)) && text.charAt(at - 1) !== '\\') return true;
  }
  return false;
}

function take(text: string, then: () => unknown): number {
  then();
  return text.length;
}

function styled(builder: RichTextBuilder, style: Style, text: string): void {
  builder.open({ style }, style).text(text).close(style);
}

function linked(builder: RichTextBuilder, href: string, text: string): void {
  builder.open({ href }, 'link').text(text.replace(/\\(.)/g, '$1')).close('link');
}

function merged(nodes: readonly RichNode[]): RichNode[] {
  const whole: RichNode[] = [];
  for (const node of nodes) {
    const last = whole.at(-1);
    if (typeof node === 'string' && typeof last === 'string') whole[whole.length - 1] = last + node;
    else if (node !== '') whole.push(node);
  }
  return whole;
}

const RENDERED: Readonly<Record<Exclude<Style, 'code' | 'quote'>, string>> = {
  bold: '**',
  italic: '_',
  // Markdown has no underline.
  underline: '',
  strike: '~~',
};

const escape = (text: string): string => text.replace(/[\\`*_~[\]<>]/g, String.raw`\$&`);

export const renderMarkdown = (nodes: RichText): string => nodes.map(renderNode).join('');

function renderNode(node: RichNode): string {
  if (typeof node === 'string') return escape(node);
  if (!isStyled(node)) return `[${renderMarkdown(node.children) || escape(node.href)}](${node.href})`;
  if (node.style === 'code') return renderCode(plainOf(node.children));
  const inner = renderMarkdown(node.children);
  if (node.style === 'quote') return inner.replace(/^/gm, '> ');
  // Marks must touch the text they mark.
  const [, start = '', middle = '', end = ''] = /^(\s*)([\s\S]*?)(\s*)$/.exec(inner) ?? [];
  const mark = RENDERED[node.style];
  return middle === '' ? inner : start + mark + middle + mark + end;
}

function renderCode(code: string): string {
  if (code.includes('\n')) return `\`\`\`\n${code}\n\`\`\``;
  return code.includes('`') ? `\`\` ${code} \`\`` : `\`${code}\``;
}
