import { useState } from 'preact/hooks';
import { post } from '../api.js';
import { html } from '../html.js';
import { useList, useLive } from '../live.js';
import { link } from '../route.js';
import { Title } from '../title.js';
import { Cell, Form, Loaded, More, Reason, Select, State, Table, tell, Time } from '../ui.js';
import { inWords, kindInWords } from '../words.js';

/** Long work over all conversations of a portal, and imports: how far they are, and what they found. */

const KINDS = ['reconcileNames', 'reconcileCompanions', 'recoverReplies'];

export function View({ id }) {
  return id === undefined ? html`<${Runs} />` : html`<${Run} id=${id} />`;
}

function Runs() {
  const live = useList('/runs');
  return html`
    <${Title} text="Runs and imports" />
    <section class="card">
      <h2>Begin a run</h2>
      <${NewRun} />
    </section>
    <section class="card">
      <${Loaded} live=${live} empty=${html`<p>There were no runs yet.</p>`}>
        ${({ items }) => html`<${List} items=${items} /><${More} more=${live.more} />`}
      <//>
    </section>
  `;
}

function NewRun() {
  const portals = useLive('/portals?limit=200', { everyMs: 60_000 });
  const known = (portals.data?.items ?? []).filter(({ state }) => state !== 'uninstalled');
  const [kind, setKind] = useState(KINDS[0]);
  const [chosen, setChosen] = useState(undefined);
  const [dryRun, setDryRun] = useState(true);
  const begin = async () => {
    const { id } = await post('/runs', { kind, portalId: chosen ?? known[0]?.id, dryRun });
    tell('The run has begun.');
    location.hash = link('runs', id);
  };
  return html`<${Form} run=${begin} button="Begin" look="inline">
    <${Select} label="What" value=${kind} options=${KINDS.map((one) => [one, kindInWords(one)])} onChange=${setKind} />
    <${Select}
      label="Portal"
      value=${chosen ?? known[0]?.id}
      options=${known.map(({ id, domain }) => [id, domain])}
      onChange=${setChosen}
    />
    <${Select}
      label="How"
      value=${dryRun ? 'look' : 'repair'}
      options=${[
        ['look', 'only look (dry run)'],
        ['repair', 'look and repair'],
      ]}
      onChange=${(how) => setDryRun(how === 'look')}
    />
  <//>`;
}

const List = ({ items }) =>
  html`<${Table} caption="Runs" columns=${['Run', 'State', 'Checked', 'Found', 'Repaired', 'Begun']}>
    ${items.map(
      (run) =>
        html`<tr key=${run.id}>
          <${Cell} of="Run" look="lead">
            <a href=${link('runs', run.id)}>${kindInWords(run.kind)}</a> <${DryRun} of=${run} />
          <//>
          <${Figures} run=${run} />
          <${Cell} of="Begun"><${Time} at=${run.createdAt} /><//>
        </tr>`,
    )}
  <//>`;

const DryRun = ({ of: { dryRun } }) => (dryRun ? html`<span class="pill none">dry run</span>` : null);

const Figures = ({ run: { state, progress, lastError } }) => html`
  <${Cell} of="State"><${State} of=${state} /> ${lastError && html`<${Reason} code=${lastError} brief />`}<//>
  <${Cell} of="Checked">${progress.checked.toLocaleString('en')} of ${progress.total.toLocaleString('en')}<//>
  <${Cell} of="Found">${progress.found.toLocaleString('en')}<//>
  <${Cell} of="Repaired">${progress.repaired.toLocaleString('en')}<//>
`;

function Run({ id }) {
  const live = useLive(`/runs/${id}`);
  const findings = useList(`/runs/${id}/findings`);
  return html`
    <p><a href=${link('runs')}>All runs</a></p>
    <${Title} text=${live.data ? kindInWords(live.data.kind) : 'Run'} />
    <section class="card">
      <${Loaded} live=${live}>
        ${(run) => html`
          <p><${DryRun} of=${run} /></p>
          <${Table} caption="Progress" columns=${['State', 'Checked', 'Found', 'Repaired', 'Begun', 'Ended']}>
            <tr>
              <${Figures} run=${run} />
              <${Cell} of="Begun"><${Time} at=${run.createdAt} /><//>
              <${Cell} of="Ended"><${Time} at=${run.finishedAt} /><//>
            </tr>
          <//>
          <p class="soft">
            ${Object.entries(run.counts)
              .map(([name, count]) => `${inWords(name)}: ${count.toLocaleString('en')}`)
              .join(', ')}
          </p>
        `}
      <//>
    </section>
    <section class="card">
      <h2>Findings</h2>
      <${Loaded} live=${findings} empty=${html`<p>Nothing was found.</p>`}>
        ${({ items }) => html`<${Findings} items=${items} /><${More} more=${findings.more} />`}
      <//>
    </section>
  `;
}

const Findings = ({ items }) =>
  html`<${Table} caption="Findings" columns=${['Finding', 'Where', 'Detail']}>
    ${items.map(
      ({ finding, conversationId, detail: { line, ...detail } }, index) =>
        html`<tr key=${index}>
          <${Cell} of="Finding" look="lead">${inWords(finding)}<//>
          <${Cell} of="Where">
            ${line !== undefined && `line ${line} `}
            ${conversationId && html`<a href=${link('conversations', conversationId)}>conversation</a>`}
          <//>
          <${Cell} of="Detail"><${Detail} detail=${detail} /><//>
        </tr>`,
    )}
  <//>`;

const Detail = ({ detail }) =>
  Object.entries(detail)
    .filter(([, value]) => value !== null)
    .map(([name, value]) => `${inWords(name)}: ${typeof value === 'object' ? JSON.stringify(value) : value}`)
    .join(', ');
