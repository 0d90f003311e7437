import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import { type LabelsOf, METRICS, type MetricName, type NameOf } from './table.ts';

/** The table as things one can count with. */
export interface Instruments {
  count<Name extends NameOf<'counter'>>(name: Name, labels: LabelsOf<Name>, by?: number): void;
  observe<Name extends NameOf<'histogram'>>(name: Name, labels: LabelsOf<Name>, seconds: number): void;
  set<Name extends NameOf<'gauge'>>(name: Name, labels: LabelsOf<Name>, value: number): void;
  /** Forgets all values: what is not set again is gone. */
  clear(names: readonly NameOf<'gauge'>[]): void;
}

/** Values of one label that come from outside, such as error codes. What comes after so many different ones is `other`. */
const MOST_VALUES = 100;

export function createInstruments(registry: Registry): Instruments {
  const made = new Map<string, Counter | Gauge | Histogram>();
  for (const name of Object.keys(METRICS) as MetricName[]) made.set(name, make(name, registry));
  const of = <Kind>(name: MetricName): Kind => made.get(name) as Kind;
  const bounded = createBounds();
  return {
    count: (name, labels, by = 1) => of<Counter>(name).inc(bounded(name, labels), by),
    observe: (name, labels, seconds) => of<Histogram>(name).observe(bounded(name, labels), seconds),
    set: (name, labels, value) => of<Gauge>(name).set(labels, value),
    clear: (names) => names.forEach((name) => of<Gauge>(name).reset()),
  };
}

function make(name: MetricName, registry: Registry): Counter | Gauge | Histogram {
  const { type, labels, help } = METRICS[name];
  const options = { name, help, labelNames: [...labels], registers: [registry] };
  if (type === 'counter') return new Counter(options);
  if (type === 'gauge') return new Gauge(options);
  return new Histogram({ ...options, buckets: [...METRICS[name as NameOf<'histogram'>].buckets] });
}

function createBounds(): (name: string, labels: Record<string, string>) => Record<string, string> {
  const seen = new Map<string, Set<string>>();
  const boundedValue = (key: string, value: string): string => {
    const known = seen.get(key) ?? new Set();
    seen.set(key, known);
    if (known.size < MOST_VALUES) known.add(value);
    return known.has(value) ? value : 'other';
  };
  return (name, labels) =>
    Object.fromEntries(
      Object.entries(labels).map(([label, value]) => [label, boundedValue(`${name} ${label}`, value)]),
    );
}
