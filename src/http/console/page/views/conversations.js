import { useEffect, useState } from 'preact/hooks';
import { get, query } from '../api.js';
import { html } from '../html.js';
import { useList, useLive } from '../live.js';
import { link, refine, route } from '../route.js';
import { Title } from '../title.js';
import { Cell, Loaded, More, Search, Select, State, Table, Time } from '../ui.js';

const NAME_STATES = [
  ['', 'any'],
  ['failed', 'failed'],
  ['pending', 'pending'],
  ['waitingForDialog', 'waiting for a dialog'],
  ['applied', 'applied'],
];
const COMPANION_STATES = [
  ['', 'any'],
  ['failed', 'failed'],
  ['pending', 'pending'],
  ['ready', 'ready'],
  ['archived', 'archived'],
  ['none', 'none'],
];

export function View() {
  const { q, nameState, companionState, channelId } = route.value.filters;
  const live = useList('/conversations', { q, nameState, companionState, channelId, order: 'newest' });
  const channels = useLive('/channels?limit=200', { everyMs: 60_000 });
  const known = new Map((channels.data?.items ?? []).map((channel) => [channel.id, channel]));
  const named = (id) => {
    const channel = known.get(id);
    return channel ? `${channel.messenger}, line ${channel.lineId}` : '';
  };
  const filtered = q || nameState || companionState || channelId;
  return html`
    <${Title} text="Conversations" />
    <div class="filters" role="search">
      <${Search} label="Name, or id in the messenger" value=${q} onChange=${(text) => refine({ q: text })} />
      <${Select}
        label="Name"
        value=${nameState}
        options=${NAME_STATES}
        onChange=${(state) => refine({ nameState: state })}
      />
      <${Select}
        label="Companion"
        value=${companionState}
        options=${COMPANION_STATES}
        onChange=${(state) => refine({ companionState: state })}
      />
      ${
        known.size > 1 &&
        html`<${Select}
        label="Channel"
        value=${channelId}
        options=${[['', 'any'], ...[...known.keys()].map((id) => [id, named(id)])]}
        onChange=${(id) => refine({ channelId: id })}
      />`
      }
    </div>
    <${ById} q=${q} />
    <section class="card">
      <${Loaded} live=${live} empty=${filtered ? NOTHING_FITS : NONE}>
        ${({ items }) => html`<${List} items=${items} named=${named} /><${More} more=${live.more} />`}
      <//>
    </section>
  `;
}

const NONE = html`<p>No conversation is mapped yet.</p>
  <p class="soft">A channel maps them by itself when the messenger first speaks of them.</p>`;
const NOTHING_FITS = html`<p>No conversation fits.</p>
  <p class="soft">The search looks for a part of the name the messenger gave.</p>`;

const List = ({ items, named }) =>
  html`<${Table} caption="Conversations" columns=${['Name', 'Name in the dialog', 'Dialog', 'Companion', 'Channel', 'Changed']}>
    ${items.map(
      ({ id, externalId, name, dialog, companion, channelId }) =>
        html`<tr key=${id}>
          <${Cell} of="Name" look="lead">
            <a href=${link('conversations', id)}>${name.wanted ?? externalId}</a>
            ${name.locked && html` <span class="pill none" title="Locked against the messenger">locked</span>`}
            <small class="soft">${externalId}</small>
          <//>
          <${Cell} of="In the dialog">
            <${State} of=${name.state} />
            ${
              name.state !== 'applied' &&
              name.applied !== null &&
              html`<small class="soft">shows ${name.applied}</small>`
            }
          <//>
          <${Cell} of="Dialog">
            ${dialog.chatId === null ? html`<span class="soft">none yet</span>` : dialog.sessionOpen ? 'open' : 'closed'}
          <//>
          <${Cell} of="Companion"><${State} of=${companion.state} /><//>
          <${Cell} of="Channel">${named(channelId)}<//>
          <${Cell} of="Changed"><${Time} at=${name.changedAt} /><//>
        </tr>`,
    )}
  <//>`;

/** Whoever has the id of the messenger at hand finds the conversation by it. */
function ById({ q }) {
  const [found, setFound] = useState(undefined);
  useEffect(() => {
    let gone = false;
    setFound(undefined);
    if (q) {
      get(`/conversations${query({ externalId: q })}`).then(
        ({ items }) => !gone && setFound(items[0]),
        () => undefined,
      );
    }
    return () => {
      gone = true;
    };
  }, [q]);
  if (!found) return null;
  return html`<p class="hint">
    The conversation with this id: <a href=${link('conversations', found.id)}>${found.name.wanted ?? found.externalId}</a>
    <${State} of=${found.name.state} />
  </p>`;
}
