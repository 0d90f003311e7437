import { isWebLink, plainOf, type RichNode, RichTextBuilder, type Style } from '../kit/richText.ts';

/** BB-code of operators' messages (contract imconnector §4.2), read as rich text. Pure. */

const STYLES: Readonly<Record<string, Style>> = { b: 'bold', i: 'italic', u: 'underline', s: 'strike', code: 'code' };
/** Their text stays, they themselves go. */
const DROPPED = new Set([
  ...['user', 'chat', 'call', 'size', 'color', 'font', 'send', 'put', 'pch', 'timestamp', 'context', 'p', 'list'],
  ...['left', 'right', 'center', 'justify', 'date', 'history', 'spoiler'],
]);
const TOKEN = /\[(\/?)([a-z*]+)(?:=([^\]\n]*))?((?:\s+[^\]\n]*)?)\]/gi;
/** How the portal quotes: a line of dashes, name and time, the text, a line of dashes. */
const DASHES = /^-{20,}$/;
/** Whom and when; newer portals add which message of which chat. */
const QUOTE_HEAD = /^(.{1,255} \[[^\]\n]{4,40}\])(?:\s+#\S*\/(\d+))?$/;

/** What an operator wrote, and under which name. */
export interface SignedText {
  name?: string;
  text: string;
}

const SIGNATURE = /^\[b\]([^[\]\n]{1,255}):\[\/b\]\s?(?:\[br\]|\n|$)\s?/i;

/**
 * Takes the signature off: `[b]Name:[/b] [br]text`, in an update `[b]Name:[/b][br] text`, with files only the first
 * part (contract imconnector §4.2, 4.3). `signed`: false for automatic texts, which have none.
 */
export function splitSignature(text: string, { signed }: { signed: boolean }): SignedText {
  const found = signed ? SIGNATURE.exec(text) : null;
  return found ? { name: found[1] ?? '', text: text.slice(found[0].length) } : { text };
}

export function parseBb(text: string): RichNode[] {
  const builder = new RichTextBuilder();
  for (const block of blocksOf(text)) {
    if (block.quoted) builder.open({ style: 'quote' }, '>>');
    inline(block.text, builder);
    if (block.quoted) builder.close('>>');
    builder.text(block.ending);
  }
  return builder.done();
}

export interface Quotation {
  /** Id on the portal, where the portal names it. */
  messageId?: string;
  /** What the quoted message reads like, in one line; empty where nothing of it is quoted. */
  text: string;
}

/** The quotations in what an operator wrote. */
export function quotationsIn(text: string): Quotation[] {
  return blocksOf(text)
    .filter(({ quoted }) => quoted)
    .map((block) => {
      const lines = block.text.split('\n').map((line) => plainOf(parseBb(line)));
      const said = QUOTE_HEAD.test(lines[0] ?? '') ? lines.slice(1) : lines;
      const { messageId } = block;
      return {
        ...(messageId === undefined ? {} : { messageId }),
        text: said.join(' ').replaceAll(/\s+/g, ' ').trim(),
      };
    });
}

interface Block {
  text: string;
  quoted: boolean;
  ending: string;
  messageId?: string;
}

/** Lines that belong together; those of one quote lose its mark. */
function blocksOf(text: string): Block[] {
  const blocks: Block[] = [];
  let inDashes = false;
  for (const line of text.replace(/\[br\s*\/?\]/gi, '\n').split('\n')) {
    if (DASHES.test(line.trim())) {
      inDashes = !inDashes;
      continue;
    }
    const quoted = inDashes || line.startsWith('>>');
    const head = inDashes ? QUOTE_HEAD.exec(line.trim()) : null;
    const content = head?.[1] ?? (line.startsWith('>>') ? line.slice(2) : line);
    const last = blocks.at(-1);
    if (last?.quoted === quoted) last.text += `\n${content}`;
    else {
      if (last) last.ending = '\n';
      blocks.push({ text: content, quoted, ending: '', ...(head?.[2] === undefined ? {} : { messageId: head[2] }) });
    }
  }
  return blocks;
}

function inline(text: string, builder: RichTextBuilder): void {
  let at = 0;
  for (let token: RegExpExecArray | null; (token = matchFrom(text, at));) {
    builder.text(text.slice(at, token.index));
    at = token.index + token[0].length;
    at += tag(token, text.slice(at), builder);
  }
  builder.text(text.slice(at));
}

function matchFrom(text: string, at: number): RegExpExecArray | null {
  TOKEN.lastIndex = at;
  return TOKEN.exec(text);
}

/** Returns how much of what follows it took as its own. */
function tag(
  [whole, slash, rawName = '', value = '']: RegExpExecArray,
  after: string,
  builder: RichTextBuilder,
): number {
  const name = rawName.toLowerCase();
  const style = STYLES[name];
  if (slash) {
    if (!(builder.close(name) || style || DROPPED.has(name) || name === 'url')) builder.text(whole);
  } else if (style) builder.open({ style }, name);
  else if (name === 'url') return link(value.trim(), after, builder);
  else if (name === 'img' || name === 'disk') return image(name, after, builder);
  else if (name === 'icon') builder.text(/\btitle="?([^"\]]+)"?/i.exec(whole)?.[1] ?? '');
  else if (name === '*') builder.text('• ');
  else if (!DROPPED.has(name)) builder.text(whole);
  return 0;
}

function link(value: string, after: string, builder: RichTextBuilder): number {
  if (value !== '') {
    if (isWebLink(value)) builder.open({ href: value }, 'url');
    return 0;
  }
  const href = /^[^[\]\s]+(?=\[\/url\])/i.exec(after)?.[0] ?? '';
  if (!isWebLink(href)) return 0;
  builder.open({ href }, 'url').text(href).close('url');
  return href.length + '[/url]'.length;
}

function image(name: string, after: string, builder: RichTextBuilder): number {
  const found = new RegExp(String.raw`^([^[\]]*)\[/${name}\]`, 'i').exec(after);
  if (!found) return 0;
  const href = found[1]?.trim() ?? '';
  if (isWebLink(href)) builder.open({ href }, name).text(href).close(name);
  return found[0].length;
}
