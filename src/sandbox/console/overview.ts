import type { LedgerEntry } from '../ledger.ts';
import type { SandboxPortal } from '../portalHandle.ts';
import type { DialogView, StateView } from '../stateView.ts';
import { fullName } from '../users.ts';
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
      ${dialog.messages.slice(-MESSAGES).map(
        ({ authorId, origin, text, files, sending, deleted }) =>
          html`<li class="${origin}">
            <small>${names.get(authorId) ?? ''}${sending && ' · being sent'}</small
            ><span>${deleted ? 'deleted' : text}</span>
            ${files.map(({ name }) => html`<small>${name}</small>`)}
          </li>`,
      )}
    </ul>
    ${action(`${path}/operator-message`, 'Answer', field('text', 'Answer as the operator'), 'wide')}
    ${action(`${path}/rename`, 'Rename', field('title', 'Another title'))}
    ${sessionOpen && action(`${path}/close`, 'Close the session', hidden('atOnce', '1'))}
  </div>`;
}

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
const problem = () => document.getElementById('problem');
async function refresh() {
  const text = await (await fetch('/')).text();
  const next = new DOMParser().parseFromString(text, 'text/html');
  for (const id of ['dialogs', 'applications', 'lines', 'companions', 'ledger']) {
    const old = document.getElementById(id);
    const typing = old.contains(document.activeElement) && document.activeElement.tagName === 'INPUT';
    if (!typing && old.innerHTML !== next.getElementById(id).innerHTML) old.replaceWith(next.getElementById(id));
  }
}
document.addEventListener('submit', async (event) => {
  event.preventDefault();
  const form = event.target;
  const answer = await fetch('/_sandbox/v1/' + form.dataset.path, {
    method: form.dataset.method || 'POST',
    headers: { 'content-type': 'application/json' },
    body: form.dataset.method ? undefined : JSON.stringify(Object.fromEntries(new FormData(form))),
  });
  const body = await answer.json();
  problem().textContent = answer.ok ? '' : body.error_description || body.error;
  document.activeElement.blur();
  await refresh();
});
setInterval(() => document.hidden || refresh().catch(() => {}), 2000)`;
