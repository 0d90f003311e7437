import htm from 'htm';
import { h } from 'preact';

/** Markup of a component: `html\`<p>${text}</p>\``. Values are never parsed as HTML. */
export const html = htm.bind(h);
