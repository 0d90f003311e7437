import { ago } from './format.js';
import { reasonOf } from './reasons.js';

/** Why a conversation does not have its name yet: one cause, in words, with what to do. Pure. */

/**
 * @typedef {{ tone: 'good' | 'info' | 'warn' | 'bad', text: string, why?: string, todo?: string, code?: string | null,
 *   act?: 'resync' | 'resume' | 'wiring' | 'failures' }} Diagnosis
 * @param {{ conversation: any, channel?: any, portal?: any, job?: any }} facts `job`: the open or stuck job of the name
 * @returns {Diagnosis}
 */
export function diagnose({ conversation, channel, portal, job }) {
  const { name } = conversation;
  if (name.state === 'applied') return applied(name);
  return ofPortal(portal) ?? ofChannel(channel) ?? ofName(name, job);
}

/** @returns {Diagnosis} */
function applied({ wanted, lastError }) {
  if (wanted === null) return { tone: 'info', text: 'The messenger has given it no name yet.' };
  if (lastError === 'dialog_unreadable') {
    return { tone: 'info', text: 'The dialog has its name.', ...inWords(lastError) };
  }
  return { tone: 'good', text: 'The dialog has its name.' };
}

/** @returns {Diagnosis | undefined} */
function ofPortal(portal) {
  if (!portal) return undefined;
  const { state, domain, authorized, blockedReason } = portal;
  if (state === 'uninstalled') {
    return {
      tone: 'bad',
      text: `The application is not installed on ${domain}.`,
      ...inWords('uninstalled'),
      act: 'wiring',
    };
  }
  if (state === 'paused') {
    const why = 'Somebody paused the portal, and everything for it waits.';
    return { tone: 'warn', text: `The portal ${domain} is paused.`, why, todo: 'Resume it.', act: 'resume' };
  }
  if (!authorized) {
    return { tone: 'bad', text: `The gateway may not speak with ${domain}.`, ...inWords('no_grant'), act: 'wiring' };
  }
  if (state !== 'blocked') return undefined;
  const text = `The portal ${domain} lets nothing pass.`;
  return { tone: 'bad', text, ...inWords(blockedReason), act: 'resume' };
}

/** @returns {Diagnosis | undefined} */
function ofChannel(channel) {
  if (!channel || channel.state === 'ready') return undefined;
  const { state, lineId, lastError } = channel;
  if (state === 'pending') {
    return {
      tone: 'info',
      text: `Line ${lineId} is being connected.`,
      why: 'The name follows when it is.',
      act: 'wiring',
    };
  }
  const text = state === 'disconnected' ? `Line ${lineId} was disconnected.` : `Line ${lineId} could not be connected.`;
  return { tone: 'bad', text, ...inWords(lastError), act: 'wiring' };
}

/** @returns {Diagnosis} */
function ofName(name, job) {
  if (name.state === 'failed') {
    const todo = 'Put the cause right, then resync: it is tried at once.';
    return { tone: 'bad', text: 'The name could not be applied.', todo, ...inWords(name.lastError), act: 'resync' };
  }
  if (name.state === 'waitingForDialog') {
    return { tone: 'info', text: 'The name waits for its dialog.', ...inWords(name.lastError ?? 'no_dialog') };
  }
  if (job?.state === 'waiting' && job.lastCode) {
    const when = job.dueAt ? ` The next try is ${ago(job.dueAt)}.` : '';
    const { why, todo, code } = inWords(job.lastCode);
    return { tone: 'warn', text: 'The last try failed.', why, todo: `${todo ?? ''}${when}`, code, act: 'resync' };
  }
  if (job?.state === 'parked' || job?.state === 'dead') {
    return { tone: 'bad', text: 'The work on the name has stopped.', ...inWords(job.lastCode), act: 'failures' };
  }
  const why = 'It has its place in the queue, behind what is said live.';
  return { tone: 'info', text: 'The name is on its way.', why };
}

/** @returns {{ why?: string, todo?: string, code?: string }} */
function inWords(code) {
  const reason = reasonOf(code);
  return reason ? { why: reason.why, ...(reason.todo ? { todo: reason.todo } : {}), code } : {};
}
