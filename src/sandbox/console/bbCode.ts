import { html, Html } from './html.ts';

/** BB-code as the portal's chat shows it: the few marks that messages of a connector are made of. */

const STYLES: Readonly<Record<string, string>> = { b: 'b', i: 'i', u: 'u', s: 's', code: 'code' };
const TOKEN = /\[(\/?)(b|i|u|s|code|url|br)(?:=([^\]\n]*))?\s*\]/gi;

export function shown(text: string): Html {
  const lines = text.replaceAll(/\[br\s*\/?\]/gi, '\n').split('\n');
  return html`${lines.map((line, index) => {
    const quoted = line.startsWith('>>');
    const inner = inline(quoted ? line.slice(2) : line);
    return quoted ? html`<q>${inner}</q>` : html`${index > 0 && !lines[index - 1]?.startsWith('>>') && '\n'}${inner}`;
  })}`;
}

/** A mark that is closed by another line, or never, ends with its own line: the page must stay in one piece. */
function inline(line: string): Html {
  const open: string[] = [];
  let done = '';
  let at = 0;
  for (const token of line.matchAll(TOKEN)) {
    done += html`${line.slice(at, token.index)}`.text;
    at = token.index + token[0].length;
    const tag = token[2]?.toLowerCase() ?? '';
    if (token[1] === '/') done += closed(open, STYLES[tag] ?? 'a');
    else done += opened(open, tag, token[3] ?? '', line.slice(at));
  }
  done += html`${line.slice(at)}`.text;
  return new Html(
    done +
      open
        .reverse()
        .map((tag) => `</${tag}>`)
        .join(''),
  );
}

function opened(open: string[], tag: string, value: string, after: string): string {
  const name = STYLES[tag];
  const href = tag === 'url' ? value || /^[^[\]\s]+/.exec(after)?.[0] || '' : '';
  if (name === undefined && !/^https?:\/\//i.test(href)) return '';
  open.push(name ?? 'a');
  return name === undefined ? html`<a href="${href}" rel="noreferrer"></a>`.text : `<${name}>`;
}

/** Whatever was opened within it ends too. */
function closed(open: string[], name: string): string {
  const at = open.lastIndexOf(name);
  return at < 0
    ? ''
    : open
        .splice(at)
        .reverse()
        .map((tag) => `</${tag}>`)
        .join('');
}
