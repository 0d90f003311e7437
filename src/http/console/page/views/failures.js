import { useEffect, useRef, useState } from 'preact/hooks';
import { get, post } from '../api.js';
import { number } from '../format.js';
import { html } from '../html.js';
import { useList, useLive } from '../live.js';
import { link, refine, route } from '../route.js';
import { may } from '../session.js';
import { Title } from '../title.js';
import { Action, Cell, Confirmed, Loaded, More, Reason, Select, Table, tell, Time } from '../ui.js';
import { kindInWords, kinds } from '../words.js';
import { Choices, JobDialog } from './job.js';

/** What was given up, and what waits for a decision. */

const STATES = [
  ['parked', 'Parked', 'Nobody can tell whether these happened. Look, and say.'],
  ['dead', 'Dead', 'Refused, or given up after every try. Put the cause right, then retry.'],
];

const NOTHING = { parked: 'Nothing waits for a decision.', dead: 'Nothing was given up.' };

export function View() {
  const { filters } = route.value;
  const overview = useLive('/overview?hours=1');
  const counts = overview.data?.jobs;
  // Decided once: it must not change under somebody's hands when the last one is dealt with.
  const first = useRef(undefined);
  if (counts) first.current ??= counts.parked === 0 && counts.dead > 0 ? 'dead' : 'parked';
  const state = filters.state ?? first.current;
  const { kind, portalId, conversationId } = filters;
  const portals = useLive('/portals?limit=200', { everyMs: 60_000 });
  const live = useList(state && '/jobs', { state, kind, portalId, conversationId });
  const filter = { state, kind, portalId, conversationId };
  const changed = () => Promise.all([live.reload(), overview.reload()]);
  const portalNames = (portals.data?.items ?? []).map(({ id, domain }) => [id, domain]);
  return html`
    <${Title} text="Failures" />
    <div class="tabs" role="group" aria-label="State">
      ${STATES.map(
        ([one, name]) =>
          html`<button type="button" aria-pressed=${one === state} onClick=${() => refine({ state: one })}>
            ${name} ${
              counts &&
              html`<span class=${counts[one] > 0 ? 'count' : 'count none'}>
              ${counts[one] >= 1000 ? '1,000+' : counts[one]}
            </span>`
            }
          </button>`,
      )}
    </div>
    <p class="soft">${STATES.find(([one]) => one === state)?.[2]}</p>
    <div class="filters">
      <${Select}
        label="Work"
        value=${kind}
        options=${[['', 'any'], ...kinds]}
        onChange=${(one) => refine({ kind: one })}
      />
      ${
        portalNames.length > 1 &&
        html`<${Select}
        label="Portal"
        value=${portalId}
        options=${[['', 'any'], ...portalNames]}
        onChange=${(one) => refine({ portalId: one })}
      />`
      }
      ${
        conversationId &&
        html`<button type="button" onClick=${() => refine({ conversationId: undefined })}>Of one conversation ✕</button>`
      }
    </div>
    <section class="card">
      <${Loaded} live=${live} empty=${html`<p>${NOTHING[state]}</p>`}>
        ${({ items }) =>
          html`<${Jobs} key=${state} items=${items} filter=${filter} changed=${changed} more=${live.more} />`}
      <//>
    </section>
  `;
}

function Jobs({ items, filter, changed, more }) {
  const [chosen, setChosen] = useState(() => new Set());
  const [shown, setShown] = useState(undefined);
  const here = items.filter(({ id }) => chosen.has(id));
  const choose = (ids, on) => {
    const next = new Set(chosen);
    for (const id of ids) on ? next.add(id) : next.delete(id);
    setChosen(next);
  };
  const retryChosen = async () => {
    const results = await Promise.allSettled(here.map(({ id }) => post(`/jobs/${id}/retry`)));
    const failed = results.filter((result) => result.status === 'rejected');
    setChosen(new Set());
    await changed();
    const done = here.length - failed.length;
    if (failed.length === 0) tell(`${number(done)} tried again.`);
    else tell(`${number(done)} tried again, ${number(failed.length)} not: ${failed[0].reason.message}`, 'bad');
  };
  const retryAll = async () => {
    const body = Object.fromEntries(Object.entries(filter).filter(([, value]) => value));
    let total = 0;
    for (let more = true; more;) {
      const answer = await post('/jobs/retry', body);
      total += answer.retried;
      more = answer.more;
    }
    tell(`${number(total)} tried again.`);
    await changed();
  };
  const names = useNames(items);
  const isDead = filter.state === 'dead';
  return html`
    <div class="row bulk">
      <label class="check">
        <input type="checkbox" checked=${here.length === items.length} disabled=${!may('write')} onChange=${(event) =>
          choose(
            items.map(({ id }) => id),
            event.currentTarget.checked,
          )} />
        All shown
      </label>
      <${Action} run=${retryChosen} disabled=${here.length === 0}>
        ${isDead ? 'Retry' : 'Look again'} (${here.length})
      <//>
      ${
        isDead &&
        html`<${Confirmed}
        title="Retry everything that fits?"
        ask="All dead jobs that fit the filter are tried again, those that are not shown too."
        button="Retry all"
        run=${retryAll}
        >Retry all that fit<//
      >`
      }
    </div>
    <${Table} caption="Jobs" columns=${['Work', 'Why', 'Tries', 'Since', '']}>
      ${items.map(
        (job) =>
          html`<tr key=${job.id}>
            <${Cell} of="Work" look="lead">
              <span class="row tight">
                <input
                  type="checkbox"
                  aria-label=${`Choose job ${job.id}`}
                  checked=${chosen.has(job.id)}
                  disabled=${!may('write')}
                  onChange=${(event) => choose([job.id], event.currentTarget.checked)}
                />
                <button type="button" class="text" onClick=${() => setShown(job.id)}>${kindInWords(job.kind)}</button>
              </span>
              ${
                job.conversationId &&
                html`<small>
                <a href=${link('conversations', job.conversationId)}>
                  ${names[job.conversationId] ?? 'its conversation'}
                </a>
              </small>`
              }
            <//>
            <${Cell} of="Why"><${Reason} code=${job.lastCode} /><//>
            <${Cell} of="Tries">${job.attemptCount}<//>
            <${Cell} of="Since"><${Time} at=${job.createdAt} /><//>
            <${Cell} of="" look="actions"><div class="row"><${Choices} job=${job} changed=${changed} /></div><//>
          </tr>`,
      )}
    <//>
    <${More} more=${more} />
    ${shown && html`<${JobDialog} id=${shown} onClose=${() => setShown(undefined)} onChange=${changed} />`}
  `;
}

/** What the conversations of these jobs are called; asked once for each. */
function useNames(items) {
  const [names, setNames] = useState({});
  const ids = [...new Set(items.map(({ conversationId }) => conversationId))].filter((id) => id && !(id in names));
  useEffect(() => {
    if (ids.length === 0) return;
    const named = ids.map(async (id) => {
      const found = await get(`/conversations/${id}`, { poll: true }).catch(() => undefined);
      return [id, found && (found.name.wanted ?? found.externalId)];
    });
    Promise.all(named).then((known) => setNames((before) => ({ ...before, ...Object.fromEntries(known) })));
  }, [ids.join()]);
  return names;
}
