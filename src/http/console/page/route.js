import { signal } from '@preact/signals';

/** Where somebody is, as the address says behind its `#`: links work, and so do back and forward. */

/** @returns {{ view: string, id: string | undefined, filters: Record<string, string> }} */
function read() {
  const [path = '', search = ''] = location.hash.replace(/^#\/?/, '').split('?');
  const [view = '', id] = path.split('/').map(decoded);
  return { view: view || 'overview', id, filters: Object.fromEntries(new URLSearchParams(search)) };
}

/** Somebody may have typed it. */
function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

export const route = signal(read());

let moved = false;
addEventListener('hashchange', () => {
  moved = true;
  route.value = read();
});

/** Whether somebody went from one view to another since the page was loaded. */
export const hasMoved = () => moved;

/** @param {string} view */
export const link = (view, id = undefined, filters = {}) => {
  const given = Object.entries(filters).filter(([, value]) => value !== undefined && value !== '');
  const search = given.length > 0 ? `?${new URLSearchParams(given)}` : '';
  return `#/${view === 'overview' ? '' : view}${id === undefined ? '' : `/${encodeURIComponent(id)}`}${search}`;
};

/** Another filter of the same view; no step of its own on the way back. */
export function refine(filters) {
  const { view, id } = route.value;
  history.replaceState(null, '', link(view, id, { ...route.value.filters, ...filters }));
  route.value = read();
}
