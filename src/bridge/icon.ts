/** The connector's icon where the administrator gives none: two speech bubbles, as a data URI. */
const SVG =
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 70 71"><path fill="#fff" d="M14 18h28a5 5 0 0 1 5 5v14a5 5 0 0 1-5 5H27l-9 8v-8h-4a5 5 0 0 1-5-5V23a5 5 0 0 1 5-5z"/><path fill="#fff" opacity=".6" d="M51 28h5a5 5 0 0 1 5 5v14a5 5 0 0 1-5 5h-3v7l-8-7H33l6-5h7a5 5 0 0 0 5-5z"/></svg>';

export const DEFAULT_ICON = `data:image/svg+xml;base64,${Buffer.from(SVG).toString('base64')}`;
