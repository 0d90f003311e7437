import { useState } from 'preact/hooks';
import { post } from '../api.js';
import { html } from '../html.js';
import { useList, useLive } from '../live.js';
import { refine, route } from '../route.js';
import { Title } from '../title.js';
import { Action, Cell, Dialog, Facts, Loaded, More, Search, Select, State, Table, tell, Time } from '../ui.js';

/** What the messengers sent, what became of it, and once more where it is wanted. */

const STATES = [
  ['', 'any'],
  ['accepted', 'accepted'],
  ['applied', 'applied'],
  ['ignored', 'ignored'],
  ['unhandled', 'without effect'],
  ['failed', 'failed'],
];
const TYPES = [
  'conversation.created',
  'conversation.renamed',
  'conversation.updated',
  'conversation.closed',
  'conversation.migrated',
  'participant.joined',
  'participant.left',
  'participant.updated',
  'message.created',
  'message.edited',
  'message.deleted',
  'message.delivered',
  'message.read',
  'message.failed',
];

export function View() {
  const { state, type, messenger, externalId } = route.value.filters;
  const live = useList('/webhook-events', { state, type, messenger, externalId });
  const messengers = useLive('/messengers?limit=200', { everyMs: 60_000 });
  const [shown, setShown] = useState(undefined);
  const slugs = (messengers.data?.items ?? []).map(({ slug }) => [slug, slug]);
  const filtered = state || type || messenger || externalId;
  return html`
    <${Title} text="Webhooks received" />
    <div class="filters" role="search">
      <${Search}
        label="Conversation, by its id in the messenger"
        value=${externalId}
        onChange=${(text) => refine({ externalId: text })}
      />
      <${Select} label="State" value=${state} options=${STATES} onChange=${(one) => refine({ state: one })} />
      <${Select}
        label="Type"
        value=${type}
        options=${[['', 'any'], ...TYPES.map((one) => [one, one])]}
        onChange=${(one) => refine({ type: one })}
      />
      ${
        slugs.length > 1 &&
        html`<${Select}
        label="Messenger"
        value=${messenger}
        options=${[['', 'any'], ...slugs]}
        onChange=${(one) => refine({ messenger: one })}
      />`
      }
    </div>
    <section class="card">
      <${Loaded} live=${live} empty=${filtered ? NOTHING_FITS : NONE}>
        ${({ items }) => html`
          <${Table} caption="Webhook events" columns=${['Event', 'Conversation', 'State', 'Received', '']}>
            ${items.map((event) => html`<${Row} key=${event.id} event=${event} show=${setShown} reload=${live.reload} />`)}
          <//>
          <${More} more=${live.more} />
        `}
      <//>
    </section>
    ${shown && html`<${EventDialog} id=${shown} onClose=${() => setShown(undefined)} />`}
  `;
}

const NOTHING_FITS = html`<p>No event fits.</p>`;
const NONE = html`<p>Nothing was received yet.</p>
  <p class="soft">A messenger sends its events to the webhook URL it was given.</p>`;

const Row = ({ event, show, reload }) =>
  html`<tr>
    <${Cell} of="Event" look="lead">
      <button type="button" class="text" onClick=${() => show(event.id)}>${event.type}</button>
      <small class="soft">${event.messenger ?? 'a messenger that was removed'}</small>
    <//>
    <${Cell} of="Conversation">${event.externalId ?? html`<span class="soft">none</span>`}<//>
    <${Cell} of="State">
      <${State} of=${event.state} />${event.note && html`<small class="soft">${event.note}</small>`}
    <//>
    <${Cell} of="Received"><${Time} at=${event.receivedAt} /><//>
    <${Cell} of="" look="actions"><${Replay} event=${event} reload=${reload} /><//>
  </tr>`;

function Replay({ event, reload }) {
  const run = async () => {
    await post(`/webhook-events/${event.id}/replay`);
    tell('It is applied once more. What it did before is recognised.');
    await reload();
  };
  return html`<${Action} run=${run} disabled=${event.messenger === null} label=${`Replay ${event.type}`}>Replay<//>`;
}

function EventDialog({ id, onClose }) {
  const live = useLive(`/webhook-events/${id}`);
  return html`<${Dialog} title=${live.data?.type ?? 'Event'} onClose=${onClose} look="wide">
    <${Loaded} live=${live}>
      ${(event) => html`
        <${Facts}
          facts=${[
            ['State', html`<${State} of=${event.state} />`],
            ['Why', event.note ?? undefined],
            ['Received', html`<${Time} at=${event.receivedAt} />`],
            ['Applied', event.appliedAt ? html`<${Time} at=${event.appliedAt} />` : undefined],
            ['webhook-id', html`<code>${event.eventId}</code>`],
            ['Request', html`<code>${event.requestId}</code>`],
          ]}
        />
        <div class="row"><${Replay} event=${event} reload=${live.reload} /></div>
        <h3>What it carried</h3>
        <pre tabindex="0">${JSON.stringify(event.payload, null, 2)}</pre>
      `}
    <//>
  <//>`;
}
