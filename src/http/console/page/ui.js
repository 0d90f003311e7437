import { signal } from '@preact/signals';
import { useEffect, useId, useRef, useState } from 'preact/hooks';
import { ago, inFull } from './format.js';
import { html } from './html.js';
import { reasonOf } from './reasons.js';
import { may } from './session.js';
import { stateInWords } from './words.js';

/** The pieces all views are made of. */

export function State({ of: state, title = undefined }) {
  const [text, tone] = stateInWords(state);
  return html`<span class="pill ${tone}" title=${title}>${text}</span>`;
}

export const Time = ({ at }) =>
  at ? html`<time datetime=${at} title=${inFull(at)}>${ago(at)}</time>` : html`<span class="soft">never</span>`;

/** A code in words, the code itself for those who search for it. */
export function Reason({ code, brief = false }) {
  const reason = reasonOf(code);
  if (!reason) return null;
  const todo = !brief && reason.todo && html`<span class="soft">${reason.todo} </span>`;
  return html`<span class="reason">${reason.why} ${todo}<code>${code}</code></span>`;
}

/** @type {import('@preact/signals').Signal<{ id: number, text: string, tone: string }[]>} */
const notices = signal([]);
let lastNotice = 0;

/** Says for a moment what happened. */
export function tell(text, tone = 'good') {
  const id = ++lastNotice;
  notices.value = [...notices.value, { id, text, tone }];
  setTimeout(() => (notices.value = notices.value.filter((one) => one.id !== id)), tone === 'bad' ? 12_000 : 5_000);
}

export const Notices = () =>
  html`<div class="notices" role="status" aria-live="polite">
    ${notices.value.map(({ id, text, tone }) => html`<p key=${id} class="notice ${tone}">${text}</p>`)}
  </div>`;

/**
 * A button that is busy while its work is, and tells why it failed. Without the scope it cannot be pressed.
 * @param {any} props
 */
export function Action({ run, children, look = '', needs = 'write', disabled = false, label = undefined }) {
  const [busy, setBusy] = useState(false);
  const allowed = may(needs);
  const press = async () => {
    if (busy) return;
    setBusy(true);
    try {
      await run();
    } catch (problem) {
      tell(problem.message, 'bad');
    } finally {
      setBusy(false);
    }
  };
  return html`<button
    type="button"
    class=${look}
    disabled=${disabled || !allowed}
    aria-busy=${busy}
    aria-label=${label}
    title=${allowed ? undefined : `Your key lacks the scope ${needs}`}
    onClick=${press}
  >
    ${children}
  </button>`;
}

/**
 * The submission of a form that is work: one at a time, and its problem is told.
 * @param {() => Promise<unknown>} run
 * @param {(problem: any) => void} [onProblem]
 */
export function useSubmission(run, onProblem) {
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState(undefined);
  const submit = async (event) => {
    event.preventDefault();
    if (busy) return;
    setBusy(true);
    setProblem(undefined);
    try {
      await run();
    } catch (thrown) {
      setProblem(thrown);
      onProblem?.(thrown);
    } finally {
      setBusy(false);
    }
  };
  return { busy, problem, submit };
}

/**
 * A form whose submission is work. What was typed stays until the work succeeded.
 * @param {any} props
 */
export function Form({ run, children, button, needs = 'write', look = '', buttonLook = 'main' }) {
  const { busy, problem, submit } = useSubmission(run);
  return html`<form class=${look} onSubmit=${submit}>
    ${children}
    <button class=${buttonLook} disabled=${!may(needs)} aria-busy=${busy}>${button}</button>
    ${problem && html`<p class="problem" role="alert">${problem.message}</p>`}
  </form>`;
}

/** What was asked for: on its way, failed, empty, or there. */
export function Loaded({ live, children, empty = undefined, isEmpty = (data) => data.items?.length === 0 }) {
  const { data, problem, reload } = live;
  return html`
    ${
      problem &&
      html`<div class="problem" role="alert">
      <span>
        ${data ? 'What you see may be old: ' : ''}${problem.message}
        ${problem.requestId && html`<small class="soft"> Request ${problem.requestId}</small>`}
      </span>
      <button type="button" onClick=${reload}>Try again</button>
    </div>`
    }
    ${data === undefined && !problem && html`<p class="loading" role="status">Loading…</p>`}
    ${data !== undefined && (empty && isEmpty(data) ? html`<div class="empty">${empty}</div>` : children(data))}
  `;
}

/** @param {{ columns: string[], children: any, caption: string }} props */
export const Table = ({ columns, children, caption }) =>
  html`<div class="table">
    <table>
      <caption class="unseen">
        ${caption}
      </caption>
      <thead>
        <tr>
          ${columns.map((name) => html`<th scope="col">${name || html`<span class="unseen">Actions</span>`}</th>`)}
        </tr>
      </thead>
      <tbody>
        ${children}
      </tbody>
    </table>
  </div>`;

/** A cell that carries its column's name along, for narrow screens. */
export const Cell = ({ of: label, children, look = '' }) =>
  html`<td data-label=${label} class=${look}>${children}</td>`;

export const More = ({ more }) => (more ? html`<p><button type="button" onClick=${more}>Show more</button></p>` : null);

export function Select({ label, value, options, onChange }) {
  return html`<label class="field"
    ><span>${label}</span>
    <select value=${value ?? ''} onChange=${(event) => onChange(event.currentTarget.value)}>
      ${options.map(([one, text]) => html`<option value=${one} selected=${one === (value ?? '')}>${text}</option>`)}
    </select></label
  >`;
}

/** A search field that waits for the end of a word. */
export function Search({ label, value, onChange, placeholder = '' }) {
  const [text, setText] = useState(value ?? '');
  const timer = useRef(0);
  useEffect(() => setText(value ?? ''), [value]);
  const type = (event) => {
    const typed = event.currentTarget.value;
    setText(typed);
    clearTimeout(timer.current);
    timer.current = setTimeout(() => onChange(typed.trim()), 250);
  };
  return html`<label class="field wide"
    ><span>${label}</span>
    <input
      type="search"
      value=${text}
      placeholder=${placeholder}
      onInput=${type}
      autocomplete="off"
      spellcheck=${false}
    />
  </label>`;
}

/** Over the page, and the page stays as it is. Escape closes what may be closed. */
export function Dialog({ title, onClose, children, mayClose = true, look = '' }) {
  const ref = useRef(undefined);
  const id = useId();
  useEffect(() => {
    const dialog = ref.current;
    dialog.showModal();
    return () => dialog.close();
  }, []);
  const cancel = (event) => {
    event.preventDefault();
    if (mayClose) onClose();
  };
  return html`<dialog ref=${ref} class=${look} aria-labelledby=${id} onCancel=${cancel}>
    <header>
      <h2 id=${id}>${title}</h2>
      ${mayClose && html`<button type="button" class="quiet" aria-label="Close" onClick=${onClose}>✕</button>`}
    </header>
    ${children}
  </dialog>`;
}

/**
 * Asks before something that cannot be taken back.
 * @param {any} props
 */
export function Confirmed({ ask, title, button, run, look = '', children, needs = 'write' }) {
  const [open, setOpen] = useState(false);
  const go = async () => {
    await run();
    setOpen(false);
  };
  return html`<button type="button" class=${look} disabled=${!may(needs)} onClick=${() => setOpen(true)}>${children}</button>
    ${
      open &&
      html`<${Dialog} title=${title} onClose=${() => setOpen(false)}>
      <p>${ask}</p>
      <div class="row">
        <${Action} run=${go} look="main danger" needs=${needs}>${button}<//>
        <button type="button" onClick=${() => setOpen(false)}>Leave it</button>
      </div>
    <//>`
    }`;
}

/** @param {{ facts: [name: string, value: any][] }} props */
export const Facts = ({ facts }) =>
  html`<dl class="facts">
    ${facts
      .filter(([, value]) => value !== undefined)
      .map(
        ([name, value]) =>
          html`<div>
          <dt>${name}</dt>
          <dd>${value === null || value === '' ? html`<span class="soft">none</span>` : value}</dd>
        </div>`,
      )}
  </dl>`;
