/** Text that is HTML already. Everything else is escaped on its way into a page. */
export class Html {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

type Part = Html | string | number | boolean | null | undefined | readonly Part[];

/** Values are escaped, lists are joined, `Html` goes in as it is, nothing and `false` are left out. */
export const html = (parts: TemplateStringsArray, ...values: readonly Part[]): Html =>
  new Html(parts.map((part, index) => part + (index < values.length ? render(values[index]) : '')).join(''));

function render(value: Part): string {
  if (value instanceof Html) return value.text;
  if (value === undefined || value === null || value === false) return '';
  if (typeof value === 'object') return value.map(render).join('');
  return String(value).replaceAll(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

const STYLE = `
:root{--ink:#1c2733;--soft:#667587;--line:#dfe5ea;--back:#eef2f5;--accent:#2067b0;--mine:#dcefff;--good:#1b7f4b;--bad:#b3261e}
*{box-sizing:border-box}
body{margin:0;font:14px/1.45 system-ui,-apple-system,"Segoe UI",sans-serif;color:var(--ink);background:var(--back)}
header{display:flex;flex-wrap:wrap;gap:4px 20px;align-items:baseline;padding:14px 24px;color:#fff;background:#22384f}
header h1{margin:0;font-size:18px}header a{color:#bfe0ff}header span{opacity:.8}
main{display:grid;grid-template-columns:minmax(0,3fr) minmax(0,2fr);gap:16px;padding:16px 24px;max-width:1440px}
@media(max-width:900px){main{grid-template-columns:minmax(0,1fr)}}
section{margin-bottom:16px;padding:14px 16px;background:#fff;border:1px solid var(--line);border-radius:8px;overflow-wrap:anywhere}
h2{margin:0 0 10px;font-size:15px}h3{margin:0;font-size:14px}
.soft{color:var(--soft)}.good{color:var(--good)}.bad{color:var(--bad)}
.card{padding:10px 0;border-top:1px solid var(--line)}.card:first-of-type{border-top:0;padding-top:0}
.talk{margin:8px 0;padding:0;list-style:none;max-height:260px;overflow-y:auto}
.talk li{width:fit-content;max-width:85%;margin:4px 0;padding:5px 10px;background:var(--back);border-radius:8px}
.talk span{white-space:pre-wrap}
.talk li.operator{margin-left:auto;background:var(--mine)}
.talk li.system{margin-left:auto;margin-right:auto;color:var(--soft);background:none;font-size:12px}
.talk small{display:block;color:var(--soft)}
.talk q{display:block;padding-left:8px;color:var(--soft);border-left:3px solid var(--line)}.talk q:before,.talk q:after{content:none}
.talk .file{display:block}.talk details{font-size:12px}.talk summary{color:var(--soft);cursor:pointer;list-style:none}
form{display:inline-flex;gap:6px;margin:4px 8px 0 0}form.wide{display:flex}form.wide input{flex:1;min-width:0}form.wide input[type=file]{flex:0 1 15rem;border:0}
input{padding:5px 8px;font:inherit;border:1px solid var(--line);border-radius:6px}
button{padding:5px 12px;font:inherit;color:var(--accent);background:#fff;border:1px solid var(--line);border-radius:6px;cursor:pointer}
button.main{color:#fff;background:var(--accent);border-color:var(--accent)}
table{width:100%;border-collapse:collapse;font-size:13px}th,td{padding:4px 8px 4px 0;text-align:left;vertical-align:top;border-bottom:1px solid var(--line)}
th{color:var(--soft);font-weight:600}
iframe{width:100%;height:640px;background:#fff;border:1px solid var(--line);border-radius:8px}
#problem{padding:0 24px;color:var(--bad)}`;

/** A page of the portal. Nothing in it comes from another host. */
export const page = (title: string, body: Html, script: string): string =>
  html`<!doctype html>
    <html lang="en">
      <meta charset="utf-8" />
      <meta name="viewport" content="width=device-width, initial-scale=1" />
      <link rel="icon" href="data:," />
      <title>${title}</title>
      <style>
        ${new Html(STYLE)}
      </style>
      ${body}
      <script>
        ${new Html(script)};
      </script>
    </html>`.text;
