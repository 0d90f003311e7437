import { useState } from 'preact/hooks';
import { post } from '../api.js';
import { html } from '../html.js';
import { Action, Cell, State, Table, tell, Time } from '../ui.js';
import { inWords } from '../words.js';

/** The whole wiring of a portal, checked when somebody asks; what is wrong comes with its repair. */
export function Doctor({ portalId }) {
  const [result, setResult] = useState(undefined);
  const examine = (repair) => async () => {
    const examination = await post(`/portals/${portalId}/check?repair=${repair}`);
    setResult(examination);
    if (repair) tell(repaired(examination.repaired), examination.ok ? 'good' : 'warn');
  };
  return html`<div class="doctor">
    <div class="row">
      <${Action} run=${examine(false)}>Check the wiring<//>
      ${
        result?.items.some((finding) => finding.repairable && finding.state === 'trouble') &&
        html`<${Action} run=${examine(true)} look="main">Repair what can be repaired<//>`
      }
      ${!result && html`<small class="soft">Looks at everything between the messenger and this portal, now.</small>`}
      ${result && html`<small class="soft">checked <${Time} at=${result.checkedAt} /></small>`}
    </div>
    ${result && html`<${Findings} result=${result} />`}
  </div>`;
}

const repaired = (count) =>
  count === 0
    ? 'Nothing could be repaired from here.'
    : `${count} ${count === 1 ? 'thing was' : 'things were'} put right.`;

function Findings({ result }) {
  const [all, setAll] = useState(false);
  const wrong = result.items.filter(({ state, repaired: done }) => state !== 'ok' || done);
  const shown = all ? result.items : wrong;
  return html`
    <p role="status" class=${result.ok ? 'verdict good' : 'verdict bad'}>
      ${result.ok ? `All ${result.items.length} checks passed.` : `${wrong.length} of ${result.items.length} checks need a look.`}
      <button type="button" class="text" aria-expanded=${all} onClick=${() => setAll(!all)}>
        ${all ? 'Show what is wrong' : 'Show all'}
      </button>
    </p>
    ${
      shown.length > 0 &&
      html`<${Table} caption="Findings" columns=${['Check', 'State', 'Finding', 'What to do']}>
      ${shown.map(
        ({ check, subject, state, repaired: done, detail, repair }) =>
          html`<tr key=${`${check}:${subject}`}>
            <${Cell} of="Check" look="lead">
              ${inWords(check)}${subject && html`<small class="soft">${subject}</small>`}
            <//>
            <${Cell} of="State">
              ${done ? html`<span class="pill good">repaired</span>` : html`<${State} of=${state} />`}
            <//>
            <${Cell} of="Finding">${detail}<//>
            <${Cell} of="What to do">${repair ?? html`<span class="soft">nothing</span>`}<//>
          </tr>`,
      )}
    <//>`
    }
  `;
}
