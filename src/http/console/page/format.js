import { signal } from '@preact/signals';

/** Times and numbers as people read them. */

/** Moves on by itself, for "3 minutes ago". */
export const now = signal(Date.now());
setInterval(() => {
  if (!document.hidden) now.value = Date.now();
}, 10_000);

const SECOND = 1_000;
/** @type {[below: number, unit: number, name: string][]} */
const STEPS = [
  [60 * SECOND, SECOND, 's'],
  [3_600 * SECOND, 60 * SECOND, 'min'],
  [48 * 3_600 * SECOND, 3_600 * SECOND, 'h'],
  [Infinity, 86_400 * SECOND, 'd'],
];

/** @param {number} ms */
export function duration(ms) {
  const [, unit, name] = STEPS.find(([below]) => ms < below);
  return `${Math.floor(ms / unit)} ${name}`;
}

/** @param {string} time ISO */
export function ago(time) {
  const ms = Math.max(now.value, Date.now() - 10_000) - Date.parse(time);
  if (ms < -5 * SECOND) return `in ${duration(-ms)}`;
  return ms < 5 * SECOND ? 'just now' : `${duration(ms)} ago`;
}

const full = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium' });
/** @param {string} time ISO */
export const inFull = (time) => full.format(new Date(time));

/** A count that stops at `most`. */
export const upTo = (count, most) => (count >= most ? `${number(most)}+` : number(count));
const plain = new Intl.NumberFormat('en');
export const number = (count) => plain.format(count);
