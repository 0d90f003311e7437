import { html } from '../html.js';
import { useList } from '../live.js';
import { link, refine, route } from '../route.js';
import { Title } from '../title.js';
import { Cell, Loaded, More, Select, Table, Time } from '../ui.js';
import { inWords } from '../words.js';

/** Who changed what, newest first. */

const TARGETS = [
  'conversation',
  'companion',
  'job',
  'webhookEvent',
  'portal',
  'channel',
  'connector',
  'bot',
  'messenger',
  'run',
  'apiKey',
];

export function View() {
  const { target, apiKeyId } = route.value.filters;
  const live = useList('/audit', { target, apiKeyId });
  return html`
    <${Title} text="Audit" />
    <div class="filters">
      <${Select}
        label="What was changed"
        value=${target}
        options=${[['', 'anything'], ...TARGETS.map((one) => [one, inWords(one)])]}
        onChange=${(one) => refine({ target: one })}
      />
      ${
        apiKeyId && html`<button type="button" onClick=${() => refine({ apiKeyId: undefined })}>With one key ✕</button>`
      }
    </div>
    <section class="card">
      <${Loaded} live=${live} empty=${html`<p>${target || apiKeyId ? 'No change fits.' : 'Nothing was changed yet.'}</p>`}>
        ${({ items }) => html`
          <${Table} caption="Changes" columns=${['What', 'Who', 'Change', 'Outcome', 'When']}>
            ${items.map((entry) => html`<${Entry} key=${entry.id} entry=${entry} />`)}
          <//>
          <${More} more=${live.more} />
        `}
      <//>
    </section>
  `;
}

const Entry = ({ entry: { at, apiKey, operation, path, target, request, before, after, status, code, requestId } }) =>
  html`<tr>
    <${Cell} of="What" look="lead">
      <${What} operation=${operation} target=${target} />
      <small class="soft" title=${`Request ${requestId}`}>${path}</small>
    <//>
    <${Cell} of="Who">
      <button
        type="button"
        class="text"
        title="Only what this key changed"
        onClick=${() => refine({ apiKeyId: apiKey.id })}
      >
        ${apiKey.name}
      </button>
    <//>
    <${Cell} of="Change"><${Change} before=${before} after=${after} request=${request} /><//>
    <${Cell} of="Outcome">
      <${Outcome} status=${status} code=${code} />
    <//>
    <${Cell} of="When"><${Time} at=${at} /><//>
  </tr>`;

const What = ({ operation, target: { type, id } }) =>
  type === 'conversation' && id
    ? html`<a href=${link('conversations', id)}>${inWords(operation)}</a>`
    : inWords(operation);

const Outcome = ({ status, code }) =>
  status !== null && status < 400
    ? html`<span class="pill good">done</span>`
    : html`<span class="pill bad">${code ? inWords(code) : 'not completed'}</span>`;

/** What differs, member by member; what was asked for where nothing is known to differ. */
function Change({ before, after, request }) {
  const members = [...new Set([...Object.keys(before ?? {}), ...Object.keys(after ?? {})])];
  const told = members.filter((name) => !OBVIOUS.includes(name) && brief(before?.[name]) !== brief(after?.[name]));
  if (told.length > 0) {
    return html`<ul class="changes">
      ${told.map((name) => {
        const from = before ? `${brief(before[name])} → ` : '';
        return html`<li><span class="soft">${inWords(name)}</span> <code>${from}${brief(after?.[name])}</code></li>`;
      })}
    </ul>`;
  }
  const asked = Object.entries(request);
  return asked.length === 0
    ? html`<span class="soft">none</span>`
    : html`<code>${asked.map(([name, value]) => `${name}: ${brief(value)}`).join(', ')}</code>`;
}

/** Of everything that is made. */
const OBVIOUS = ['id', 'createdAt'];

function brief(value) {
  if (value === undefined || value === null) return 'none';
  const text = typeof value === 'object' ? JSON.stringify(value) : String(value);
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}
