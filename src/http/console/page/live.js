import { useEffect, useRef, useState } from 'preact/hooks';
import { get, query } from './api.js';
import { isOver, signIns } from './session.js';

/** What is shown is kept true: asked for again every few seconds, while somebody can see it. */

const EVERY_MS = 5_000;
/** Every further failure waits twice as long. */
const AT_MOST_MS = 60_000;

/**
 * @template T
 * @param {string | undefined} path of the administration API; undefined: nothing to ask for yet
 * @param {{ everyMs?: number | ((data: T | undefined) => number), load?: (path: string, options: { poll: boolean }) => Promise<T> }} [options]
 * @returns {{ data: T | undefined, problem: Error | undefined, reload(): Promise<void> }}
 */
export function useLive(path, { everyMs = EVERY_MS, load = get } = {}) {
  const [state, setState] = useState({ path, data: undefined, problem: undefined });
  const turn = useRef(async () => {});
  // Read here, so that a sign-in asks again.
  const session = signIns.value;

  useEffect(() => {
    if (path === undefined) return undefined;
    let timer = 0;
    let failures = 0;
    let shown;
    const pace = () => (typeof everyMs === 'function' ? everyMs(shown) : everyMs);
    let latest = 0;
    let gone = false;
    const ask = async (poll) => {
      clearTimeout(timer);
      const own = ++latest;
      try {
        const data = await load(path, { poll });
        if (gone || own !== latest) return;
        failures = 0;
        shown = data;
        setState({ path, data, problem: undefined });
      } catch (problem) {
        if (gone || own !== latest) return;
        failures += 1;
        if (!isOver.value) setState((known) => ({ path, data: known.path === path ? known.data : undefined, problem }));
      }
      plan();
    };
    const plan = () => {
      clearTimeout(timer);
      if (!gone && !document.hidden) timer = setTimeout(() => ask(true), Math.min(pace() * 2 ** failures, AT_MOST_MS));
    };
    const onVisible = () => (document.hidden ? clearTimeout(timer) : ask(true));
    turn.current = () => ask(false);
    document.addEventListener('visibilitychange', onVisible);
    ask(false);
    return () => {
      gone = true;
      clearTimeout(timer);
      document.removeEventListener('visibilitychange', onVisible);
    };
  }, [path, session]);

  const current = state.path === path ? state : { data: undefined, problem: undefined };
  return { data: current.data, problem: current.problem, reload: () => turn.current() };
}

const PAGE = 50;

/**
 * A list, page after page.
 * @param {string | undefined} path
 * @param {Record<string, string | undefined>} filters
 */
export function useList(path, filters = {}) {
  const [pages, setPages] = useState(1);
  const filtered = path && path + query({ ...filters, limit: PAGE });
  const known = useRef(filtered);
  const wanted = known.current === filtered ? pages : 1;
  useEffect(() => {
    known.current = filtered;
    setPages(1);
  }, [filtered]);
  const live = useLive(filtered && `${filtered}#${wanted}`, { load: loadPages });
  const previous = useRef({ filtered, data: undefined });
  if (live.data) previous.current = { filtered, data: live.data };
  // While another page is on its way the earlier ones stay.
  const data = live.data ?? (previous.current.filtered === filtered ? previous.current.data : undefined);
  return { ...live, data, more: data?.nextCursor ? () => setPages(wanted + 1) : undefined };
}

/** All pages that are shown, so that nothing falls between two of them while new ones come in. */
async function loadPages(numbered, { poll }) {
  const [path, pages] = numbered.split('#');
  const items = [];
  let nextCursor = null;
  for (let page = 0; page < Number(pages); page += 1) {
    const cursor = nextCursor ? `&cursor=${encodeURIComponent(nextCursor)}` : '';
    const answer = await get(path + cursor, { poll });
    items.push(...answer.items);
    nextCursor = answer.nextCursor;
    if (!nextCursor) break;
  }
  return { items, nextCursor };
}
