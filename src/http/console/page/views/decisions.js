import { patch } from '../api.js';
import { upTo } from '../format.js';
import { html } from '../html.js';
import { reasonOf } from '../reasons.js';
import { link } from '../route.js';
import { Action, tell } from '../ui.js';

/** What needs a person, in words, with the way to it. */

const COUNTED = 1_000;
const some = (count, one, many) => `${upTo(count, COUNTED)} ${count === 1 ? one : many}`;
const wiring = { to: link('wiring'), open: 'Look at the wiring' };

const KINDS = {
  portalBlocked: ({ name }) => ({ ...wiring, tone: 'bad', text: `The portal ${name} lets nothing pass`, resume: true }),
  portalUnauthorized: ({ name }) => ({
    ...wiring,
    tone: 'bad',
    text: `No authorisation for the portal ${name}`,
    todo: 'Install or open the application again on the portal, as an administrator.',
  }),
  portalPaused: ({ name }) => ({
    ...wiring,
    tone: 'warn',
    text: `The portal ${name} is paused`,
    todo: 'Its work waits until you resume it.',
    resume: true,
  }),
  deliveriesStopped: ({ name }) => ({
    ...wiring,
    tone: 'bad',
    text: `Deliveries to the messenger ${name} have stopped`,
  }),
  connectorFailed: ({ name }) => ({ ...wiring, tone: 'bad', text: `The connector ${name} could not be registered` }),
  botFailed: ({ name }) => ({ ...wiring, tone: 'bad', text: `The bot ${name} does not work` }),
  channelFailed: ({ name }) => ({ ...wiring, tone: 'bad', text: `The channel ${name} could not be connected` }),
  channelDisconnected: ({ name }) => ({ ...wiring, tone: 'bad', text: `The channel ${name} was disconnected` }),
  jobsParked: ({ count }) => ({
    tone: 'warn',
    text: `${some(count, 'job waits', 'jobs wait')} for your decision`,
    todo: 'Nobody can tell whether it happened: look, and say.',
    to: link('failures', undefined, { state: 'parked' }),
    open: 'Decide',
  }),
  jobsDead: ({ count }) => ({
    tone: 'bad',
    text: `${some(count, 'job was', 'jobs were')} given up`,
    todo: 'See why, put the cause right, and retry.',
    to: link('failures', undefined, { state: 'dead' }),
    open: 'See why',
  }),
  namesFailed: ({ count }) => ({
    tone: 'bad',
    text: `${some(count, 'name', 'names')} could not be applied`,
    to: link('conversations', undefined, { nameState: 'failed' }),
    open: 'See which',
  }),
  companionsFailed: ({ count }) => ({
    tone: 'bad',
    text: `${some(count, 'companion', 'companions')} could not be made or kept in step`,
    to: link('conversations', undefined, { companionState: 'failed' }),
    open: 'See which',
  }),
};

export function Decisions({ decisions, reload }) {
  if (decisions.length === 0) {
    return html`<div class="well" role="status">
      <strong>Nothing needs a decision.</strong> What fails for a while is retried by itself.
    </div>`;
  }
  return html`<ul class="decisions">
    ${decisions.map((decision) => html`<${One} key=${decision.kind + decision.id} decision=${decision} reload=${reload} />`)}
  </ul>`;
}

function One({ decision, reload }) {
  const { tone, text, todo, to, open, resume = false } = KINDS[decision.kind](decision);
  const reason = reasonOf(decision.reason);
  const goOn = async () => {
    await patch(`/portals/${decision.portalId}`, { paused: false });
    tell(`The portal ${decision.name} goes on.`);
    await reload();
  };
  return html`<li class=${tone}>
    <div>
      <strong>${text}</strong>
      <p>
        ${[reason?.why, todo ?? reason?.todo].filter(Boolean).join(' ')} ${
          decision.reason && html`<code>${decision.reason}</code>`
        }
      </p>
    </div>
    <div class="row">
      ${resume && html`<${Action} run=${goOn}>Resume<//>`}
      <a class="button" href=${to}>${open}</a>
    </div>
  </li>`;
}
