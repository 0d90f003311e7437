import { useState } from 'preact/hooks';
import { post, remove } from '../api.js';
import { html } from '../html.js';
import { useList } from '../live.js';
import { key as own } from '../session.js';
import { Title } from '../title.js';
import { Cell, Confirmed, Dialog, Form, Loaded, More, Select, Table, tell, Time } from '../ui.js';

/** Keys of the administration API, which are also what one signs in with here. */

const SCOPES = [
  ['read', 'read: look, change nothing'],
  ['write', 'write: the daily work'],
  ['admin', 'admin: keys, audit and everything else'],
];

export function View() {
  const live = useList('/api-keys');
  const [made, setMade] = useState(undefined);
  return html`
    <${Title} text="Keys" />
    <section class="card">
      <h2>Make a key</h2>
      <${NewKey} done=${(answer) => {
        setMade(answer);
        return live.reload();
      }} />
    </section>
    <section class="card">
      <${Loaded} live=${live}>
        ${({ items }) => html`<${Keys} items=${items} reload=${live.reload} /><${More} more=${live.more} />`}
      <//>
    </section>
    ${made && html`<${Made} made=${made} onClose=${() => setMade(undefined)} />`}
  `;
}

function NewKey({ done }) {
  const [name, setName] = useState('');
  const [scope, setScope] = useState('read');
  const make = async () => {
    const answer = await post('/api-keys', { name, scopes: [scope] });
    setName('');
    await done(answer);
  };
  return html`<${Form} run=${make} button="Make the key" needs="admin" look="inline">
    <label class="field wide"
      ><span>Name</span>
      <input
        value=${name}
        onInput=${(event) => setName(event.currentTarget.value)}
        required
        maxlength="100"
        autocomplete="off"
        placeholder="Who or what will use it"
      />
    </label>
    <${Select} label="Scope" value=${scope} options=${SCOPES} onChange=${setScope} />
  <//>`;
}

const Keys = ({ items, reload }) =>
  html`<${Table} caption="Keys" columns=${['Name', 'Scopes', 'Made', 'State', '']}>
    ${items.map(({ id, name, scopes, createdAt, revokedAt }) => {
      const isOwn = id === own.value?.id;
      const revoke = async () => {
        await remove(`/api-keys/${id}`);
        tell(`The key ${name} is revoked.`);
        await reload();
      };
      const ask = isOwn
        ? 'It is the key you are signed in with: this session ends.'
        : 'Whoever uses it is refused from now on, sessions of the console included.';
      return html`<tr key=${id}>
        <${Cell} of="Name" look="lead">${name} ${isOwn && html`<span class="pill info">yours</span>`}<//>
        <${Cell} of="Scopes">${scopes.join(', ')}<//>
        <${Cell} of="Made"><${Time} at=${createdAt} /><//>
        <${Cell} of="State">
          ${revokedAt ? html`<span class="soft">revoked <${Time} at=${revokedAt} /></span>` : html`<span class="pill good">valid</span>`}
        <//>
        <${Cell} of="" look="actions">
          ${
            !revokedAt &&
            html`<${Confirmed} title=${`Revoke the key ${name}?`} ask=${ask} button="Revoke" run=${revoke} needs="admin">
            Revoke
          <//>`
          }
        <//>
      </tr>`;
    })}
  <//>`;

function Made({ made, onClose }) {
  const [copied, setCopied] = useState(false);
  const copy = async () => {
    await navigator.clipboard?.writeText(made.key).then(
      () => setCopied(true),
      () => undefined,
    );
  };
  return html`<${Dialog} title=${`The key ${made.name}`} onClose=${onClose}>
    <p>It is shown this once. Keep it where secrets are kept.</p>
    <p><code class="secret">${made.key}</code></p>
    <div class="row">
      <button type="button" class="main" onClick=${copy}>${copied ? 'Copied' : 'Copy'}</button>
      <button type="button" onClick=${onClose}>I have it</button>
    </div>
  <//>`;
}
