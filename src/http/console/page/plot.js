import { useEffect, useRef, useState } from 'preact/hooks';
import { html } from './html.js';

/** A small plot over time. The library comes when the first one is drawn. */

let library;

function load() {
  library ??= new Promise((resolve, reject) => {
    const own = (file) => new URL(`./vendor/${file}`, import.meta.url).href;
    const style = Object.assign(document.createElement('link'), { rel: 'stylesheet', href: own('uplot.css') });
    const script = Object.assign(document.createElement('script'), { src: own('uplot.js') });
    script.onload = () => resolve(/** @type {any} */ (window).uPlot);
    script.onerror = () => reject(new Error('The plots could not be loaded.'));
    document.head.append(style, script);
  });
  return library;
}

const HEIGHT = 150;
const dark = matchMedia('(prefers-color-scheme: dark)');

/**
 * @typedef {{ name: string, color: string, fill?: boolean, values: (number | null)[] }} Series
 * @param {{ times: number[], series: Series[], summary: string }} props
 * `times` in seconds; `color` a custom property of the stylesheet; `summary` says the same without eyes.
 */
export function Plot({ times, series, summary }) {
  const place = useRef(undefined);
  const drawn = useRef(undefined);
  const [draw, setDraw] = useState(undefined);
  const [scheme, setScheme] = useState(dark.matches);
  const data = [times, ...series.map(({ values }) => values)];

  useEffect(() => {
    let gone = false;
    load().then(
      (uPlot) => !gone && setDraw(() => uPlot),
      () => undefined,
    );
    const repaint = () => setScheme(dark.matches);
    dark.addEventListener('change', repaint);
    return () => {
      gone = true;
      dark.removeEventListener('change', repaint);
    };
  }, []);

  useEffect(() => {
    if (!draw) return undefined;
    const box = place.current;
    const plot = new draw(options(series, box.clientWidth), data, box);
    drawn.current = plot;
    const resized = new ResizeObserver(() => plot.setSize({ width: box.clientWidth, height: HEIGHT }));
    resized.observe(box);
    return () => {
      resized.disconnect();
      drawn.current = undefined;
      plot.destroy();
    };
  }, [draw, scheme]);

  useEffect(() => drawn.current?.setData(data), [times, ...data]);

  return html`<figure class="plot">
    <div ref=${place} role="img" aria-label=${summary}></div>
    <figcaption>
      ${series.map(({ name, color }) => html`<span class="key" style=${{ '--key': `var(${color})` }}>${name}</span>`)}
    </figcaption>
  </figure>`;
}

function options(series, width) {
  const style = getComputedStyle(document.documentElement);
  const colour = (name) => style.getPropertyValue(name).trim();
  const axis = {
    stroke: colour('--soft'),
    grid: { stroke: colour('--line'), width: 1 },
    ticks: { show: false },
    font: '11px system-ui, sans-serif',
  };
  return {
    width,
    height: HEIGHT,
    legend: { show: false },
    cursor: { y: false, points: { size: 6 }, drag: { x: false, y: false } },
    padding: [8, 12, 0, 0],
    scales: { y: { range: (_plot, _low, high) => [0, Math.max(4, Math.ceil((high ?? 0) * 1.1))] } },
    axes: [
      { ...axis, space: 60, values: (_plot, moments) => moments.map(clock), size: 26, gap: 6 },
      { ...axis, space: 34, size: 40, gap: 6, values: (_plot, values) => values.map(brief) },
    ],
    series: [
      {},
      ...series.map(({ name, color, fill = false }) => ({
        label: name,
        stroke: colour(color),
        width: 1.75,
        points: { show: false },
        spanGaps: false,
        ...(fill ? { fill: `${colour(color)}22` } : {}),
      })),
    ],
  };
}

const clock = (seconds) => {
  const date = new Date(seconds * 1000);
  return `${String(date.getHours()).padStart(2, '0')}:${String(date.getMinutes()).padStart(2, '0')}`;
};
const brief = (value) => (Number.isInteger(value) ? (value >= 1000 ? `${value / 1000}k` : String(value)) : '');
