import type { LineSettings } from '../../bridge/lineSettings.ts';
import { type Html, html } from './html.ts';

/** The form an administrator fills in where Bitrix24 shows the settings of a connector on a line. */

const MODES = [
  ['off', 'No companion chats'],
  ['onFirstMessage', 'A companion chat for every conversation'],
  ['onDemand', 'Only where one is asked for'],
] as const;

export function settingsForm({ connector, lineId, messengers, chosen }: LineSettings, session: string): Html {
  return html` <h1>${connector}, line ${lineId}</h1>
    <p class="soft">Choose the messenger whose conversations come to this line.</p>
    <form id="settings" data-session="${session}">
      <label
        >Messenger
        <select name="messenger" required>
          ${messengers.map(({ slug, name }) => option(slug, name, chosen?.messenger))}
        </select>
      </label>
      <label
        >Title of a dialog
        <input name="titleTemplate" maxlength="255" placeholder="{name}" value="${chosen?.titleTemplate ?? ''}" />
        <small>Made of {name}, {id}, {messenger} and {topic}. Empty: the name of the conversation.</small>
      </label>
      <label
        >Companion chats
        <select name="companionMode">
          ${MODES.map(([mode, text]) => option(mode, text, chosen?.companionMode))}
        </select>
      </label>
      <button>Save</button>
      <output class="state" role="status">${chosen ? describe(chosen) : 'Not connected yet.'}</output>
    </form>`;
}

const option = (value: string, text: string, selected: string | undefined): Html =>
  html`<option value="${value}" ${value === selected ? html` selected` : undefined}>${text}</option>`;

const describe = ({ state, lastError }: { state: string; lastError: string | null }): string =>
  state === 'ready' ? 'Connected.' : `Not connected: ${lastError ?? state}.`;

export const noMessenger = html` <h1>No messenger yet</h1>
  <p>
    Make one over the administration API of the gateway (<code>POST /admin/v1/messengers</code>), then open this page
    again.
  </p>`;

/** Relative, so that it holds behind any path the gateway is published under. */
export const SETTINGS_SCRIPT = `
const form = document.getElementById('settings');
const state = form.querySelector('output');
const show = (text, look) => { state.textContent = text; state.className = 'state ' + look; };
form.addEventListener('submit', async (event) => {
  event.preventDefault();
  const button = form.querySelector('button');
  const fields = Object.fromEntries(new FormData(form));
  button.disabled = true;
  show('Saving…', '');
  try {
    const answer = await fetch('connector/line', {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: 'Bearer ' + form.dataset.session },
      body: JSON.stringify({ ...fields, titleTemplate: fields.titleTemplate.trim() || null }),
    });
    const body = await answer.json();
    if (!answer.ok) show(body.detail || body.title, 'bad');
    else if (body.state === 'ready') show('Saved. The line is connected.', 'good');
    else if (body.state === 'pending') show('Saved. The line is being connected.', '');
    else show('Saved, but the line is not connected: ' + (body.lastError || body.state), 'bad');
  } catch {
    show('The gateway could not be reached. Nothing was saved.', 'bad');
  }
  button.disabled = false;
});`;
