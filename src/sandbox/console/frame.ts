import type { FrameForm } from '../install/pages.ts';
import { type Html, html } from './html.ts';

/** A page of an application as the portal shows it: a hidden form, posted by the browser into a frame (contract platform §1.3). */
export const framePage = (title: string, form: FrameForm): Html => html`
  <header>
    <h1>${title}</h1>
    <a href="/">back to the portal</a>
  </header>
  <main style="grid-template-columns: 1fr">
    <form id="open" method="post" action="${form.action}" target="application" hidden>
      ${Object.entries(form.fields).map(
        ([name, value]) => html`<input type="hidden" name="${name}" value="${value}" />`,
      )}
    </form>
    <iframe name="application" title="${title}"></iframe>
  </main>
`;

/** Opens the frame, and does what BX24.js asks for on behalf of the page inside it. */
export const frameScript = (clientId: string, userId: number): string => `
const frame = document.querySelector('iframe');
document.getElementById('open').submit();
addEventListener('message', async (event) => {
  if (event.source !== frame.contentWindow || event.data?.bx24 !== 'installFinish') return;
  await fetch('/_sandbox/v1/set-installed', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(${JSON.stringify({ clientId, userId }).replaceAll('<', '\\u003c')}),
  });
  location.reload();
})`;

/** The little of BX24.js that installers need: there is no server-side way to finish (contract platform §1.4). */
export const BX24_STAND_IN = `
window.BX24 = {
  init: (callback) => document.readyState === 'loading'
    ? addEventListener('DOMContentLoaded', callback)
    : callback(),
  installFinish: () => parent.postMessage({ bx24: 'installFinish' }, '*'),
  getLang: () => new URLSearchParams(location.search).get('LANG'),
  fitWindow: () => {},
};
`;
