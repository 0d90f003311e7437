import { useEffect, useRef } from 'preact/hooks';
import { html } from './html.js';

/** The heading of a view. It takes the focus, so that whoever uses no mouse begins at the beginning. */
export function Title({ children, text, beside = undefined }) {
  const heading = useRef(undefined);
  useEffect(() => {
    if (document.activeElement === document.body || document.activeElement?.closest('nav')) {
      heading.current.focus({ preventScroll: true });
    }
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
