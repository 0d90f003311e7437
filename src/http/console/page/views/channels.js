import { useState } from 'preact/hooks';
import { patch } from '../api.js';
import { html } from '../html.js';
import { useLive } from '../live.js';
import { reasonOf } from '../reasons.js';
import { link } from '../route.js';
import { Title } from '../title.js';
import { Action, Cell, Confirmed, Facts, Loaded, Reason, State, Table, tell, Time } from '../ui.js';
import { Doctor } from './doctor.js';

/** Every portal with what connects it: its state, channels, connectors and bots, and the doctor. */
export function View({ id }) {
  const portals = useLive('/portals?limit=200');
  const channels = useLive('/channels?limit=200');
  const [all, setAll] = useState(id === undefined);
  const shown = (items) => (all ? items : items.filter((portal) => portal.id === id));
  return html`
    <${Title}
      text="Channels and wiring"
      beside=${!all && html`<button type="button" onClick=${() => setAll(true)}>All portals</button>`}
    />
    <${Loaded} live=${portals} empty=${html`<p>No portal has installed the application yet.</p>`}>
      ${({ items }) =>
        shown(items).map(
          (portal) =>
            html`<${Portal} key=${portal.id} portal=${portal} channels=${channels} reload=${portals.reload} />`,
        )}
    <//>
  `;
}

const NO_LINE = html`<p>No line is connected.</p>
  <p class="soft">Lines are connected in the Contact Center of the portal, or over the administration API.</p>`;

function Portal({ portal, channels, reload }) {
  const { id, domain, state, blockedReason, authorized, scope, setUpAt, plan, appVersion, botGeneration } = portal;
  const own = {
    ...channels,
    data: channels.data && { items: channels.data.items.filter((one) => one.portalId === id) },
  };
  return html`<section class="card portal" aria-label=${domain}>
    <div class="title">
      <h2>
        ${domain} <${State} of=${state} /> ${
          !authorized && state !== 'uninstalled' && html`<span class="pill bad">no authorisation</span>`
        }
      </h2>
      <div class="row"><${Flow} portal=${portal} reload=${reload} /></div>
    </div>
    ${state === 'blocked' && html`<p class="problem"><${Reason} code=${blockedReason} /></p>`}
    <${Facts}
      facts=${[
        ['Plan', plan],
        ['Version', appVersion],
        ['Bots', botGeneration],
        ['Set up', html`<${Time} at=${setUpAt} />`],
        ['Scopes', scope.join(', ')],
      ]}
    />
    ${state !== 'uninstalled' && html`<${Doctor} portalId=${id} />`}
    <h3>Channels</h3>
    <${Loaded} live=${own} empty=${NO_LINE}>
      ${({ items }) => html`<${Channels} items=${items} />`}
    <//>
    <${Parts} portalId=${id} what="connectors" title="Connectors" />
    <${Parts} portalId=${id} what="bots" title="Companion bots" />
  </section>`;
}

function Flow({ portal: { id, domain, state }, reload }) {
  const set = (paused) => async () => {
    await patch(`/portals/${id}`, { paused });
    tell(paused ? `${domain} is paused.` : `${domain} goes on.`);
    await reload();
  };
  if (state === 'uninstalled') return null;
  if (state !== 'active') return html`<${Action} run=${set(false)} look="main">Resume<//>`;
  const ask = 'Its work waits and uses up no attempts, until somebody resumes it. Messages do not cross meanwhile.';
  return html`<${Confirmed} title=${`Pause ${domain}?`} ask=${ask} button="Pause" run=${set(true)}>Pause<//>`;
}

const Channels = ({ items }) =>
  html`<${Table} caption="Channels" columns=${['Messenger', 'Line', 'Connector', 'State', 'Companions', '']}>
    ${items.map(
      ({ id, messenger, lineId, connector, state, lastError, companion }) =>
        html`<tr key=${id}>
          <${Cell} of="Messenger" look="lead">${messenger}<//>
          <${Cell} of="Line">${lineId}<//>
          <${Cell} of="Connector"><code>${connector}</code><//>
          <${Cell} of="State">
            <${State} of=${state} />${lastError && html`<small><${Reason} code=${lastError} /></small>`}
          <//>
          <${Cell} of="Companions">${MODES[companion.mode]}<//>
          <${Cell} of="" look="actions">
            <a href=${link('conversations', undefined, { channelId: id })}>Conversations</a>
          <//>
        </tr>`,
    )}
  <//>`;

const MODES = { off: 'off', onFirstMessage: 'for every conversation', onDemand: 'on demand' };

/** Connectors or bots: shown in full only when there is something to say. */
function Parts({ portalId, what, title }) {
  const live = useLive(`/portals/${portalId}/${what}`, { everyMs: 10_000 });
  return html`<h3>${title}</h3>
    <${Loaded} live=${live} empty=${html`<p>None.</p>`}>
      ${({ items }) => html`<ul class="parts">
        ${items.map(
          ({ code, name, state, lastError, kind }) =>
            html`<li>
              <strong>${name}</strong> <code>${code}</code> ${kind && html`<span class="soft">${kind}</span> `}
              <${State} of=${state} title=${reasonOf(lastError)?.why} />
              ${lastError && html`<small><${Reason} code=${lastError} /></small>`}
            </li>`,
        )}
      </ul>`}
    <//>`;
}
