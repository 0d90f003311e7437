import { ago, number, upTo } from '../format.js';
import { html } from '../html.js';
import { useLive } from '../live.js';
import { Plot } from '../plot.js';
import { reasonOf } from '../reasons.js';
import { link } from '../route.js';
import { Cell, Loaded, State, Table, Time } from '../ui.js';
import { Title } from '../title.js';
import { Decisions } from './decisions.js';

const COUNTED = 1_000;
const MUCH = 100_000;

export function View() {
  const overview = useLive('/overview');
  const portals = useLive('/portals?limit=200', { everyMs: 15_000 });
  const beside = overview.data && html`<span class="soft live">Live · <${Time} at=${overview.data.at} /></span>`;
  return html`
    <${Title} text="Overview" beside=${beside} />
    <${Loaded} live=${overview}>
      ${(data) => html`
        <section aria-label="Decisions"><${Decisions} decisions=${data.decisions} reload=${overview.reload} /></section>
        <${Figures} data=${data} />
        <${Plots} activity=${data.activity} />
      `}
    <//>
    <section class="card">
      <h2>Portals</h2>
      <${Loaded} live=${portals} empty=${html`<${NoPortal} />`}>
        ${({ items }) => html`<${Portals} items=${items} />`}
      <//>
    </section>
  `;
}

function Figures({ data: { jobs, names } }) {
  const waits = jobs.oldestDueAt
    ? `the oldest is due since ${ago(jobs.oldestDueAt).replace(' ago', '')}`
    : 'none is late';
  return html`<section class="figures" aria-label="Figures">
    <${Figure} name="Open work" value=${upTo(jobs.open, MUCH)} note=${jobs.open > 0 ? waits : 'everything is done'} />
    <${Figure}
      name="Parked"
      value=${upTo(jobs.parked, COUNTED)}
      note="wait for your decision"
      tone=${jobs.parked && 'warn'}
      to=${link('failures', undefined, { state: 'parked' })}
    />
    <${Figure}
      name="Dead"
      value=${upTo(jobs.dead, COUNTED)}
      note="refused or given up"
      tone=${jobs.dead && 'bad'}
      to=${link('failures', undefined, { state: 'dead' })}
    />
    <${Figure}
      name="Names pending"
      value=${upTo(names.pending, COUNTED)}
      note="on their way"
      to=${link('conversations', undefined, { nameState: 'pending' })}
    />
    <${Figure}
      name="Names waiting"
      value=${upTo(names.waitingForDialog, COUNTED)}
      note="for a dialog or a session"
      to=${link('conversations', undefined, { nameState: 'waitingForDialog' })}
    />
    <${Figure}
      name="Names failed"
      value=${upTo(names.failed, COUNTED)}
      note="see why"
      tone=${names.failed && 'bad'}
      to=${link('conversations', undefined, { nameState: 'failed' })}
    />
  </section>`;
}

const Figure = ({ name, value, note, tone, to }) => {
  const body = html`<span class="name">${name}</span><strong class=${tone || ''}>${value}</strong><small>${note}</small>`;
  return to ? html`<a class="figure" href=${to}>${body}</a>` : html`<div class="figure">${body}</div>`;
};

function Plots({ activity }) {
  const times = activity.map(({ at }) => Date.parse(at) / 1000);
  // Five minutes that are not over look like a slump; where there is nothing else yet they are better than nothing.
  const isNew = activity.slice(0, -1).every(({ received, done }) => received + done === 0);
  const over = isNew ? activity : activity.slice(0, -1);
  const sum = (member) => activity.reduce((total, bucket) => total + bucket[member], 0);
  const throughput = [
    { name: 'Webhooks received', color: '--blue', values: over.map(({ received }) => received) },
    { name: 'Jobs done', color: '--green', fill: true, values: over.map(({ done }) => done) },
    { name: 'Attempts failed', color: '--red', values: over.map(({ failed }) => failed) },
  ];
  const backlog = [
    { name: 'Open jobs', color: '--violet', fill: true, values: activity.map((bucket) => bucket.backlog) },
  ];
  const last = activity.at(-1)?.backlog ?? 0;
  const happened = [
    `${number(sum('received'))} webhooks received`,
    `${number(sum('done'))} jobs done`,
    `${number(sum('failed'))} attempts failed in the last six hours`,
  ].join(', ');
  return html`<section class="plots">
    <div class="card">
      <h2>Throughput <small>per five minutes, last six hours</small></h2>
      <${Plot}
        times=${times.slice(0, over.length)}
        series=${throughput}
        summary=${happened}
      />
    </div>
    <div class="card">
      <h2>Backlog <small>jobs waiting or running</small></h2>
      <${Plot} times=${times} series=${backlog} summary=${`${number(last)} jobs are open now`} />
    </div>
  </section>`;
}

const NoPortal = () =>
  html`<p>No portal has installed the application yet.</p>
    <p class="soft">Enter the addresses of this gateway in the application's settings in Bitrix24, and install it on a portal.</p>`;

const Portals = ({ items }) =>
  html`<${Table} caption="Portals" columns=${['Portal', 'State', 'Plan', 'Bots', 'Installed']}>
    ${items.map(
      ({ id, domain, state, blockedReason, authorized, plan, botGeneration, installedAt }) =>
        html`<tr key=${id}>
          <${Cell} of="Portal"><a href=${link('wiring', id)}>${domain}</a><//>
          <${Cell} of="State">
            <${State} of=${state} title=${reasonOf(blockedReason)?.why} />
            ${!authorized && state !== 'uninstalled' && html` <span class="pill bad">no authorisation</span>`}
          <//>
          <${Cell} of="Plan">${plan}<//>
          <${Cell} of="Bots">${botGeneration}<//>
          <${Cell} of="Installed"><${Time} at=${installedAt} /><//>
        </tr>`,
    )}
  <//>`;
