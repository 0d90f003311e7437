import { render } from 'preact';
import { html } from './html.js';
import { key, whoIsIt } from './session.js';
import { Shell } from './shell.js';
import { SignInPage, Unreachable } from './signIn.js';

/** The whole page: whoever is not signed in signs in, and sees the views then. */
function App() {
  if (key.value === undefined) return html`<p class="loading" role="status">Loading…</p>`;
  return key.value === null ? html`<${SignInPage} />` : html`<${Shell} />`;
}

const root = document.getElementById('app');
root.textContent = '';

async function start() {
  try {
    await whoIsIt();
    render(html`<${App} />`, root);
  } catch (problem) {
    render(html`<${Unreachable} problem=${problem} again=${start} />`, root);
  }
}

await start();
