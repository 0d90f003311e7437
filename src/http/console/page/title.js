import { useEffect, useRef } from 'preact/hooks';
import { html } from './html.js';
import { hasMoved } from './route.js';

/** The heading of a view. Whoever comes from another one begins here, also without a mouse. */
export function Title({ children, text, beside = undefined }) {
  const heading = useRef(undefined);
  useEffect(() => {
    if (!hasMoved()) return;
    heading.current.focus({ preventScroll: true });
    scrollTo(0, 0);
  }, []);
  useEffect(() => {
    document.title = `${text} · Open Channel Gateway`;
  }, [text]);
  return html`<div class="title">
    <h1 ref=${heading} tabindex="-1">${children ?? text}</h1>
    ${beside}
  </div>`;
}
