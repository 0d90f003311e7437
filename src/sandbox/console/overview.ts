import type { LedgerEntry } from '../ledger.ts';
import type { SandboxPortal } from '../portalHandle.ts';
import type { MessageRow } from '../openlines/messages.ts';
import type { DialogView, StateView } from '../stateView.ts';
import { fullName } from '../users.ts';
import { shown } from './bbCode.ts';
import { type Html, html } from './html.ts';

/** What somebody sees who looks at the portal: people talk in it, lines can be cut, and every call is on the table. */

const DIALOGS = 30;
const MESSAGES = 30;
const CALLS = 40;

export function overview(portal: SandboxPortal, all: Iterable<SandboxPortal>): Html {
  const state = portal.state();
  return html`
    <header>
      <h1>${state.portal.title}</h1>
      <span>${state.portal.profile}, ${state.portal.plan}</span>
      <span>member_id ${portal.memberId}</span>
      <span>${new Date(state.portal.now).toISOString().slice(0, 19)}</span>
      ${[...all].filter((other) => other !== portal).map((other) => html`<a href="${other.url}">${other.domain}</a>`)}
    </header>
    <p id="problem" role="alert"></p>
    <main>
      <div>${dialogs(state)}</div>
      <div>${applications(state)} ${lines(state)} ${companions(state)} ${ledger(portal.ledger.entries())}</div>
    </main>
  `;
}

/** A form whose fields are posted to the control API as JSON. */
const action = (path: string, button: string, fields: Html | undefined, look = ''): Html =>
  html`<form data-path="${path}" class="${look}">${fields}<button>${button}</button></form>`;

function dialogs({ dialogs: all, users }: StateView): Html {
  const names = new Map(users.map((user) => [user.id, fullName(user)]));
  const shown = all.slice(-DIALOGS).reverse();
  return html`<section id="dialogs">
    <h2>Dialogs (${all.length})</h2>
    ${shown.length === 0 && html`<p class="soft">Nobody has written yet.</p>`}
    ${shown.map((dialog) => dialogCard(dialog, names))}
  </section>`;
}

function dialogCard(dialog: DialogView, names: ReadonlyMap<number, string>): Html {
  const { chatId, title, connector, line, externalChatId, sessionOpen } = dialog;
  const path = `dialogs/${chatId}`;
  return html`<div class="card" data-chat="${chatId}">
    <h3>${title}</h3>
    <span class="soft">chat ${chatId}, ${connector} on line ${line}, external ${externalChatId}</span>
    <span class="${sessionOpen ? 'good' : 'soft'}">session ${sessionOpen ? 'open' : 'closed'}</span>
    <ul class="talk">
      ${dialog.messages.slice(-MESSAGES).map((message) => messageItem(message, names.get(message.authorId)))}
    </ul>
    ${action(`${path}/operator-message`, 'Answer', answerFields, 'wide')}
    ${action(`${path}/rename`, 'Rename', field('title', 'Another title'))}
    ${sessionOpen && action(`${path}/close`, 'Close the session', hidden('atOnce', '1'))}
  </div>`;
}

function messageItem({ id, origin, text, files, sending, deleted }: MessageRow, author: string | undefined): Html {
  if (deleted) return html`<li class="${origin} soft">${author && html`<small>${author}</small>`}<i>deleted</i></li>`;
  return html`<li class="${origin}" data-message="${id}">
    <small>${author}${sending && ' · being sent'}</small><span>${shown(text)}</span>
    ${files.map(({ name, url }) => html`<a class="file" href="${url}" rel="noreferrer">${name}</a>`)}
    ${
      origin === 'operator' &&
      html`<details>
        <summary>change</summary>
        ${action(`messages/${id}/edit`, 'Save', html`<input name="text" value="${text}" aria-label="New text" />`)}
        ${action(`messages/${id}/delete`, 'Delete', undefined)}
      </details>`
    }
  </li>`;
}

const answerFields = html`<input
    name="text"
    placeholder="Answer as the operator"
    aria-label="Answer as the operator"
    autocomplete="off"
  /><input name="file" type="file" aria-label="A file" />`;

const field = (name: string, label: string): Html =>
  html`<input name="${name}" placeholder="${label}" aria-label="${label}" required autocomplete="off" />`;
const hidden = (name: string, value: string): Html => html`<input type="hidden" name="${name}" value="${value}" />`;

function applications({ installations, users }: StateView): Html {
  const staff = users.filter(({ kind, active }) => kind === 'employee' && active).slice(0, 4);
  return html`<section id="applications">
    <h2>Applications</h2>
    ${installations.length === 0 && html`<p class="soft">None is installed.</p>`}
    ${installations.map(
      ({ clientId, active, installed, version }) =>
        html`<div class="card">
          <h3>${clientId}</h3>
          <span class="${installed ? 'good' : 'bad'}"
            >${active ? (installed ? 'installed' : 'not finished') : 'removed'}</span
          >
          <span class="soft">version ${version}</span><br />
          ${
            active &&
            staff.map(
              (user) =>
                html`<a href="/app/?id=${encodeURIComponent(clientId)}&user=${user.id}">open as ${fullName(user)}</a>
                  ${user.admin && '(administrator)'}<br />`,
            )
          }
        </div>`,
    )}
  </section>`;
}

function lines({ lines: all, connectors, statuses }: StateView): Html {
  const usable = new Set(statuses.filter((one) => one.usable).map(({ connector, line }) => `${connector}|${line}`));
  return html`<section id="lines">
    <h2>Open Channels</h2>
    ${all.map(
      ({ id, settings, queue }) =>
        html`<div class="card" data-line="${id}">
          <h3>${id}. ${settings.LINE_NAME}</h3>
          <span class="soft">served by ${queue.join(', ') || 'nobody'}</span>
          ${connectors.map(
            (connector) =>
              html`<div>
                <a href="/contact_center/connector/?ID=${encodeURIComponent(connector.id)}&LINE=${id}"
                  >${connector.name}</a
                >
                ${
                  usable.has(`${connector.id}|${id}`)
                    ? html`<span class="good">connected</span> ${action(
                          `connectors/${encodeURIComponent(connector.id)}/lines/${id}/disable`,
                          'Disable',
                          undefined,
                        )}`
                    : html`<span class="soft">not connected</span>`
                }
              </div>`,
          )}
          <form data-path="lines/${id}" data-method="DELETE"><button>Delete the line</button></form>
        </div>`,
    )}
    ${action('lines', 'Add a line', field('name', 'Name of a line'))}
  </section>`;
}

function companions({ companions: all, users }: StateView): Html {
  const names = new Map(users.map((user) => [user.id, fullName(user)]));
  const shown = all.slice(-DIALOGS).reverse();
  return html`<section id="companions">
    <h2>Companion chats (${all.length})</h2>
    ${shown.map(
      ({ chatId, title, owner, members, messages }) =>
        html`<div class="card">
          <h3>${title}</h3>
          <span class="soft"
            >chat ${chatId}, owner ${names.get(owner) ?? owner}, members
            ${members.map((id) => names.get(id) ?? id).join(', ')}</span
          >
          ${messages.slice(-3).map(({ text }) => html`<div>${text}</div>`)}
        </div>`,
    )}
  </section>`;
}

function ledger(entries: readonly LedgerEntry[]): Html {
  return html`<section id="ledger">
    <h2>Calls (${entries.length})</h2>
    <table>
      <tr>
        <th>Time</th>
        <th>Method</th>
        <th>Answer</th>
      </tr>
      ${entries
        .slice(-CALLS)
        .reverse()
        .map(
          ({ at, method, batchKey, status, error }) =>
            html`<tr>
              <td>${new Date(at).toISOString().slice(11, 19)}</td>
              <td>${batchKey !== undefined && html`<span class="soft">in batch</span> `}${method}</td>
              <td class="${error === null && status === 200 ? 'good' : 'bad'}">${status ?? 'none'} ${error}</td>
            </tr>`,
        )}
    </table>
  </section>`;
}

/** Buttons act through the control API; the rest of the page follows what happens, without disturbing who is typing. */
export const OVERVIEW_SCRIPT = `
const SECTIONS = ['dialogs', 'applications', 'lines', 'companions', 'ledger'];
const problem = () => document.getElementById('problem');
const isTouched = (form) =>
  form.contains(document.activeElement) ||
  [...form.elements].some((one) => one.type !== 'hidden' && (one.value || '') !== (one.defaultValue || ''));
const keyOf = (details) => '[data-message="' + details.closest('[data-message]').dataset.message + '"] details';

/** Puts the new section in place of the old one, and into it what somebody is in the middle of. */
function replace(old, next) {
  const focused = old.contains(document.activeElement) ? document.activeElement : undefined;
  for (const form of [...old.querySelectorAll('form')].filter(isTouched)) {
    const twin = next.querySelector('form[data-path="' + form.dataset.path + '"]');
    if (twin) twin.replaceWith(form);
  }
  for (const open of old.querySelectorAll('details[open]')) {
    const twin = next.querySelector(keyOf(open));
    if (twin) twin.open = true;
  }
  old.replaceWith(next);
  focused?.focus();
  for (const talk of next.querySelectorAll('.talk')) talk.scrollTop = talk.scrollHeight;
}
const seen = {};
/** A button that is replaced between press and release is never clicked. */
let isPressed = false;
addEventListener('pointerdown', () => (isPressed = true), true);
for (const end of ['pointerup', 'pointercancel']) addEventListener(end, () => setTimeout(() => (isPressed = false)), true);
async function refresh() {
  const text = await (await fetch('/')).text();
  if (isPressed) return;
  const page = new DOMParser().parseFromString(text, 'text/html');
  for (const id of SECTIONS) {
    const next = page.getElementById(id);
    if (seen[id] === next.innerHTML) continue;
    seen[id] = next.innerHTML;
    replace(document.getElementById(id), document.adoptNode(next));
  }
}
async function upload(file) {
  const about = new URLSearchParams({ name: file.name, mime: file.type });
  const headers = { 'content-type': 'application/octet-stream' };
  return (await fetch('/_sandbox/v1/files?' + about, { method: 'POST', headers, body: file })).json();
}
async function bodyOf(form) {
  const { file, ...fields } = Object.fromEntries(new FormData(form));
  return file?.size ? { ...fields, files: [await upload(file)] } : fields;
}
document.addEventListener('submit', async (event) => {
  event.preventDefault();
  const form = event.target;
  const fields = await bodyOf(form);
  if (fields.text === '' && !fields.files) return;
  const answer = await fetch('/_sandbox/v1/' + form.dataset.path, {
    method: form.dataset.method || 'POST',
    headers: { 'content-type': 'application/json' },
    body: form.dataset.method ? undefined : JSON.stringify(fields),
  });
  const body = await answer.json();
  problem().textContent = answer.ok ? '' : body.error_description || body.error;
  if (answer.ok) {
    form.reset();
    form.closest('details')?.removeAttribute('open');
  }
  document.activeElement.blur();
  await refresh();
});
for (const talk of document.querySelectorAll('.talk')) talk.scrollTop = talk.scrollHeight;
setInterval(() => document.hidden || refresh().catch(() => {}), 500)`;
