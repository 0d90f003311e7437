import { randomBytes } from 'node:crypto';
import type { Response } from 'express';

/** Text that is HTML already. Everything else is escaped on its way into a page. */
export class Html {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

type Part = Html | string | number | boolean | null | undefined | readonly Part[];

/** `html\`<p>${anything}</p>\``: values are escaped, lists are joined, `Html` goes in as it is. */
export const html = (parts: TemplateStringsArray, ...values: readonly Part[]): Html =>
  new Html(parts.map((part, index) => part + (index < values.length ? render(values[index]) : '')).join(''));

function render(value: Part): string {
  if (value instanceof Html) return value.text;
  if (value === undefined || value === null || value === false) return '';
  if (typeof value === 'object') return value.map(render).join('');
  return String(value).replaceAll(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

const STYLE = `
:root{color-scheme:light;--ink:#1f2933;--soft:#5f6c7b;--line:#d9e0e6;--accent:#0b66c3;--good:#1b7f4b;--bad:#b3261e}
*{box-sizing:border-box}
body{margin:0;padding:24px;font:15px/1.5 system-ui,-apple-system,"Segoe UI",sans-serif;color:var(--ink);background:#fff;overflow-wrap:anywhere}
main{max-width:640px}
h1{font-size:20px;margin:0 0 4px}
p{margin:0 0 16px}
.soft,small{color:var(--soft)}
label{display:block;margin:0 0 16px;font-weight:600}
label small{display:block;font-weight:400}
input,select{display:block;width:100%;margin-top:4px;padding:8px 10px;font:inherit;color:inherit;background:#fff;border:1px solid var(--line);border-radius:6px}
input:focus,select:focus,button:focus{outline:2px solid var(--accent);outline-offset:1px}
button{padding:9px 20px;font:inherit;font-weight:600;color:#fff;background:var(--accent);border:0;border-radius:6px;cursor:pointer}
button[disabled]{opacity:.6;cursor:default}
table{width:100%;border-collapse:collapse;margin:0 0 16px}
th,td{padding:8px 12px 8px 0;text-align:left;vertical-align:top;border-bottom:1px solid var(--line)}
th{font-weight:600;color:var(--soft)}
.state{display:block;margin-top:12px;min-height:1.5em}
.good{color:var(--good)}.bad{color:var(--bad)}
code{font-size:.95em}`;

export interface Page {
  title: string;
  body: Html;
  /** Runs in the page. */
  script?: string;
  /** Address of BX24.js, for pages that talk to the portal around them. */
  bx24?: string;
  /** Origin of the portal, the only one that may frame the page. */
  origin: string;
}

/** A page inside the frame of its portal and nobody else's; X-Frame-Options cannot say that (contract platform §6.2). */
export function sendPage(res: Response, { title, body, script, bx24, origin }: Page): void {
  const nonce = randomBytes(18).toString('base64');
  const sources = [`'nonce-${nonce}'`, ...(bx24 === undefined ? [] : [new URL(bx24).origin])];
  const policy = [
    "default-src 'none'",
    `style-src 'nonce-${nonce}'`,
    `script-src ${sources.join(' ')}`,
    `connect-src 'self' ${origin}`,
    "base-uri 'none'",
    "form-action 'none'",
    `frame-ancestors ${origin}`,
  ];
  res.removeHeader('X-Frame-Options');
  res.set({ 'Content-Security-Policy': policy.join('; '), 'Cache-Control': 'no-store' });
  const page = html`<!doctype html>
    <html lang="en">
      <meta charset="utf-8" />
      <meta name="viewport" content="width=device-width, initial-scale=1" />
      <title>${title}</title>
      <style nonce="${nonce}">
        ${new Html(STYLE)}
      </style>
      <main>${body}</main>
      ${bx24 === undefined ? undefined : html`<script src="${bx24}"></script>`}
      ${
        script === undefined
          ? undefined
          : html`<script nonce="${nonce}">
              ${new Html(script)};
            </script>`
      }
    </html>`;
  res.type('html').send(page.text);
}
