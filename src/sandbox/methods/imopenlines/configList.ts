import { LINE_DEFAULTS, lines, type LineRow } from '../../openlines/lines.ts';
import { isArray, isSet, toInt, toText, type Params } from '../../php/values.ts';
import { refuse } from '../../refusal.ts';
import type { MethodCall } from '../method.ts';

const DEFAULT_LIMIT = 50;
const MAX_LIMIT = 200;
const PARAM_NAMES = new Set(['select', 'order', 'filter', 'limit', 'offset']);
const FIELDS = new Set(['ID', ...Object.keys(LINE_DEFAULTS)]);

/** The documentation's strict form; the older source only looks at the shapes (contract imconnector §3.14, §7). */
export function listLines(call: MethodCall): unknown[] {
  const params = parametersOf(call.params.PARAMS);
  const options = isArray(call.params.OPTIONS) ? call.params.OPTIONS : {};
  const select = fieldNames(Object.values(part(params, 'select')).map(toText));
  const filter = part(params, 'filter');
  const order = part(params, 'order');
  fieldNames([...Object.keys(filter).map(bareField), ...Object.keys(order)]);
  const found = lines(call.portal)
    .values()
    .filter((line) => Object.entries(filter).every(([key, value]) => fits(fieldsOf(line), key, value)))
    .sort((left, right) => compare(fieldsOf(left), fieldsOf(right), order));
  const offset = toInt(params.offset);
  const limit = isSet(params.limit) ? Math.min(toInt(params.limit), MAX_LIMIT) : DEFAULT_LIMIT;
  return found.slice(offset, offset + limit).map((line) => answer(line, select, options));
}

function parametersOf(sent: unknown): Params {
  if (!isSet(sent)) return {};
  if (!isArray(sent)) refuse('INVALID_FORMAT', 'PARAMS must be an object');
  const unknown = Object.keys(sent).find((key) => !PARAM_NAMES.has(key));
  if (unknown !== undefined) refuse('INVALID_FORMAT', `Unknown key ${unknown} in PARAMS`);
  for (const name of ['limit', 'offset']) {
    if (isSet(sent[name]) && !/^\d+$/.test(toText(sent[name]))) refuse('INVALID_FORMAT', `${name} must be a number`);
  }
  return sent;
}

function part(params: Params, name: string): Params {
  const value = params[name];
  if (!isSet(value)) return {};
  if (!isArray(value)) refuse('INVALID_FORMAT', `${name} must be an array`);
  return value;
}

function fieldNames(names: string[]): string[] {
  const unknown = names.find((name) => name !== '*' && !FIELDS.has(name));
  if (unknown !== undefined) refuse('INVALID_FORMAT', `Unknown field ${unknown}`);
  return names;
}

/** A filter key may begin with an operator, e.g. `!=ID` or `%LINE_NAME`. */
function bareField(key: string): string {
  return key.replace(/^[!<>=%@]+/, '');
}

function fieldsOf(line: LineRow): Record<string, string> {
  return { ...line.settings, ID: String(line.id) };
}

function fits(fields: Record<string, string>, key: string, value: unknown): boolean {
  const own = fields[bareField(key)] ?? '';
  const wanted = isArray(value) ? Object.values(value).map(toText) : [toText(value)];
  if (key.startsWith('%')) return wanted.some((text) => own.toLowerCase().includes(text.toLowerCase()));
  return wanted.includes(own) !== key.startsWith('!');
}

function compare(left: Record<string, string>, right: Record<string, string>, order: Params): number {
  for (const [field, direction] of Object.entries(order)) {
    const by = (left[field] ?? '').localeCompare(right[field] ?? '', 'en', { numeric: true });
    if (by !== 0) return toText(direction).toUpperCase() === 'DESC' ? -by : by;
  }
  return toInt(left.ID) - toInt(right.ID);
}

function answer(line: LineRow, select: string[], options: Params): unknown {
  const fields = fieldsOf(line);
  const names = select.length === 0 || select.includes('*') ? ['ID', ...Object.keys(line.settings)] : select;
  const row: Params = Object.fromEntries(names.map((name) => [name, fields[name] ?? '']));
  return options.QUEUE === 'Y' ? { ...row, QUEUE: line.queue.map(String) } : row;
}
