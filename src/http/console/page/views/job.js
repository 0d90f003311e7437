import { post } from '../api.js';
import { html } from '../html.js';
import { useLive } from '../live.js';
import { link } from '../route.js';
import { Action, Cell, Dialog, Facts, Loaded, Reason, State, Table, tell, Time } from '../ui.js';
import { DELIVERIES, kindInWords } from '../words.js';

/** One job with every try of it, and what a person may decide. */

export function JobDialog({ id, onClose, onChange }) {
  const live = useLive(`/jobs/${id}`, { everyMs: 3_000 });
  const changed = () => Promise.all([live.reload(), onChange()]);
  return html`<${Dialog} title=${live.data ? kindInWords(live.data.kind) : 'Job'} onClose=${onClose} look="wide">
    <${Loaded} live=${live}>${(job) => html`<${Job} job=${job} changed=${changed} />`}<//>
  <//>`;
}

const Job = ({ job, changed }) =>
  html`
    <${Facts}
      facts=${[
        ['State', html`<${State} of=${job.state} />`],
        ['Why', job.lastCode ? html`<${Reason} code=${job.lastCode} />` : undefined],
        ['In its own words', job.lastError ?? undefined],
        ['Next try', job.dueAt ? html`<${Time} at=${job.dueAt} />` : undefined],
        ['Queued', html`<${Time} at=${job.createdAt} />`],
        ['Done', job.finishedAt ? html`<${Time} at=${job.finishedAt} />` : undefined],
        [
          'Conversation',
          job.conversationId ? html`<a href=${link('conversations', job.conversationId)}>open</a>` : undefined,
        ],
        ['Request', job.requestId ? html`<code>${job.requestId}</code>` : undefined],
        ['Job', html`<code>${job.id}</code>`],
      ]}
    />
    <div class="row"><${Choices} job=${job} changed=${changed} /></div>
    <h3>Attempts</h3>
    ${
      job.attempts.length === 0
        ? html`<p class="soft">None yet, or they were long ago.</p>`
        : html`<${Table} caption="Attempts" columns=${['When', 'Outcome', 'Why', 'Took']}>
          ${job.attempts.toReversed().map(
            ({ startedAt, outcome, code, status, detail, durationMs }) =>
              html`<tr>
                <${Cell} of="When"><${Time} at=${startedAt} /><//>
                <${Cell} of="Outcome">
                  <${State} of=${outcome} />${status ? html` <small class="soft">${status}</small>` : ''}
                <//>
                <${Cell} of="Why">
                  ${
                    code && html`<${Reason} code=${code} brief />`
                  } ${detail && html`<small class="soft">${detail}</small>`}
                <//>
                <${Cell} of="Took">${durationMs} ms<//>
              </tr>`,
          )}
        <//>`
    }
  `;

/** What can be done about a job: the words are those of the person who decides. */
export function Choices({ job, changed }) {
  const { id, state, kind } = job;
  const act = (path, body, said) => async () => {
    await post(`/jobs/${id}/${path}`, body);
    tell(said);
    await changed();
  };
  const isDelivery = DELIVERIES.includes(kind);
  if (state === 'waiting') {
    return html`<${Action} run=${act('cancel', {}, 'Given up.')}>Give up<//>`;
  }
  if (state === 'dead') {
    return html`<${Action} run=${act('retry', {}, 'It is tried again.')}>Retry<//>`;
  }
  if (state !== 'parked') return null;
  if (!isDelivery) {
    return html`<${Action} run=${act('retry', {}, 'It is tried again.')}>Retry<//>
      <${Action} run=${act('cancel', {}, 'Given up.')} look="quiet">Give up<//>`;
  }
  return html`<${Action} run=${act('confirm', {}, 'It counts as delivered.')}>It was delivered<//>
    <${Action} run=${act('retry', { forgetDoubt: true }, 'It is sent again.')}>Send again<//>
    <${Action} run=${act('cancel', {}, 'Given up.')} look="quiet">Give up<//>`;
}
