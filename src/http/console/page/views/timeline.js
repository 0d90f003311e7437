import { useState } from 'preact/hooks';
import { html } from '../html.js';
import { useList } from '../live.js';
import { Loaded, More, Reason, Select, State, Time } from '../ui.js';
import { inWords, kindInWords } from '../words.js';
import { JobDialog } from './job.js';

/** Every event, message, job and attempt of a conversation, newest first. */

const KINDS = [
  ['', 'everything'],
  ['events', 'what was received'],
  ['work', 'jobs and attempts'],
  ['failures', 'what went wrong'],
];
const FITS = {
  events: ({ type }) => type === 'webhookEvent' || type === 'portalEvent' || type === 'message',
  work: ({ type }) => type === 'job' || type === 'attempt',
  failures: ({ state }) => ['dead', 'parked', 'failed', 'refused', 'blocked', 'retry', 'unsure'].includes(state),
};

export function Timeline({ id }) {
  const live = useList(`/conversations/${id}/timeline`);
  const [kind, setKind] = useState('');
  const [job, setJob] = useState(undefined);
  const fits = FITS[kind] ?? (() => true);
  return html`<section class="card">
    <div class="title">
      <h2>Timeline</h2>
      <${Select} label="Show" value=${kind} options=${KINDS} onChange=${setKind} />
    </div>
    <${Loaded} live=${live} empty=${html`<p>Nothing has happened yet.</p>`}>
      ${({ items }) => {
        const shown = items.filter(fits);
        return html`${shown.length === 0 && html`<div class="empty"><p>Nothing of this kind.</p></div>`}
          <ol class="timeline">
            ${shown.map((entry) => html`<${Entry} key=${`${entry.type}:${entry.id}`} entry=${entry} show=${setJob} />`)}
          </ol>
          <${More} more=${live.more} />`;
      }}
    <//>
    ${job && html`<${JobDialog} id=${job} onClose=${() => setJob(undefined)} onChange=${live.reload} />`}
  </section>`;
}

const DIRECTIONS = {
  toPortal: 'Message for the dialog',
  toMessenger: 'Message of an operator',
  toCompanion: 'Message for the companion',
};

/** @returns {[kind: string, what: string]} */
function inTurn({ type, what }) {
  switch (type) {
    case 'webhookEvent':
      return ['From the messenger', what];
    case 'portalEvent':
      return ['From Bitrix24', what];
    case 'message':
      return ['Message', DIRECTIONS[what] ?? inWords(what)];
    case 'job':
      return ['Job', kindInWords(what)];
    default:
      return ['Attempt', kindInWords(what)];
  }
}

/** Codes are explained; what an event notes is words already. */
const isCode = (note) => /^\w+$/.test(note);

function Entry({ entry, show }) {
  const { at, type, state, note, id, jobId } = entry;
  const [kind, what] = inTurn(entry);
  const own = type === 'job' ? id : jobId;
  return html`<li class=${type}>
    <span class="when"><${Time} at=${at} /></span>
    <span class="what">
      <small>${kind}</small>
      ${own ? html`<button type="button" class="text" onClick=${() => show(own)}>${what}</button>` : html`<span>${what}</span>`}
      ${
        note &&
        html`<small class="note">
        ${isCode(note) && note !== 'ok' ? html`<${Reason} code=${note} brief />` : note}
      </small>`
      }
    </span>
    ${state && html`<${State} of=${state} />`}
  </li>`;
}
