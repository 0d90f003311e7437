import { Readable } from 'node:stream';
import { CsvError, parse } from 'csv-parse';
import { decode, MAX_LINE_LENGTH, refusal, splitLines } from './importText.ts';

/** The records of an import, whichever way they are written; each with the number of its line. */

export type ImportRecord = { line: number; value: unknown } | { line: number; fault: string };

export type ReadRecords = (bytes: AsyncIterable<Uint8Array>) => AsyncGenerator<ImportRecord[]>;

/** One JSON object per line. Every line stands for itself: a broken one spoils no other. */
export async function* ndjsonRecords(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<ImportRecord[]> {
  for await (const lines of splitLines(decode(bytes))) yield lines.map(({ line, text }) => ({ line, ...read(text) }));
}

function read(text: string | undefined): { value: unknown } | { fault: string } {
  if (text === undefined) return { fault: `Longer than ${MAX_LINE_LENGTH} characters` };
  try {
    return { value: withoutNulls(JSON.parse(text)) };
  } catch {
    return { fault: 'Not valid JSON' };
  }
}

/** Programs write what is not there as null. */
const withoutNulls = (value: unknown): unknown =>
  value === null || typeof value !== 'object' || Array.isArray(value)
    ? value
    : Object.fromEntries(Object.entries(value).filter(([, member]) => member !== null));

/**
 * With a header that names the columns, in any order; separated by comma, semicolon or tab. An empty field is none.
 * After a broken quote nobody knows where a field ends: the file is refused as a whole.
 * @throws RequestError invalid_request, naming the line
 */
export const csvRecords = (columns: readonly string[]): ReadRecords =>
  async function* (bytes) {
    const pieces = decode(bytes);
    const { text, delimiter } = await beginning(pieces);
    const parser = parse({
      delimiter,
      info: true,
      relax_column_count: true,
      skip_empty_lines: true,
      max_record_size: MAX_LINE_LENGTH,
    });
    // A body that breaks breaks the parser: its reader is told.
    const source = Readable.from(joined(text, pieces), { objectMode: true });
    source.on('error', (error) => parser.destroy(error)).pipe(parser);
    let header: string[] | undefined;
    try {
      for await (const { record, info } of parser as AsyncIterable<{ record: string[]; info: { lines: number } }>) {
        if (header) yield [recordOf(header, record, info.lines)];
        else header = headerOf(record, info.lines, columns);
      }
    } catch (error) {
      throw error instanceof CsvError ? csvRefusal(error) : error;
    } finally {
      source.destroy();
    }
  };

/** Up to the end of the header, which shows what separates the columns. */
async function beginning(pieces: AsyncGenerator<string>): Promise<{ text: string; delimiter: string }> {
  let text = '';
  while (!/\S.*\n/.test(text) && text.length < MAX_LINE_LENGTH) {
    const next = await pieces.next();
    if (next.done) break;
    text += next.value;
  }
  const [header = ''] = text.trimStart().split('\n', 1);
  const fields = (delimiter: string): number => header.split(delimiter).length;
  const delimiter = [',', ';', '\t'].reduce((best, one) => (fields(one) > fields(best) ? one : best));
  return { text, delimiter };
}

async function* joined(first: string, rest: AsyncIterable<string>): AsyncGenerator<string> {
  if (first !== '') yield first;
  for await (const piece of rest) if (piece !== '') yield piece;
}

/** Columns are named by their number: a file without a header begins with data. */
function headerOf(record: readonly string[], line: number, columns: readonly string[]): string[] {
  const names = record.map((name) => name.trim());
  const known = `The columns are ${columns.join(', ')}`;
  if (!names.some((name) => columns.includes(name))) {
    throw refusal(line, `must be a header that names the columns. ${known}`);
  }
  const unknown = names.findIndex((name) => !columns.includes(name));
  if (unknown >= 0) throw refusal(line, `column ${unknown + 1} of the header is not known. ${known}`);
  const twice = names.findIndex((name, index) => names.indexOf(name) !== index);
  if (twice >= 0) throw refusal(line, `column ${twice + 1} of the header is there twice`);
  if (!names.includes('externalId')) throw refusal(line, 'the header has no column externalId');
  return names;
}

function recordOf(header: readonly string[], record: readonly string[], line: number): ImportRecord {
  if (record.length > header.length) return { line, fault: 'More fields than the header has' };
  const members = header.map((name, index) => [name, record[index] ?? '']).filter(([, value]) => value !== '');
  return { line, value: Object.fromEntries(members) as unknown };
}

function csvRefusal(error: CsvError): Error {
  const { lines } = error as { lines?: number };
  return refusal(lines ?? 1, CSV_FAULTS[error.code] ?? 'is not valid CSV');
}

const CSV_FAULTS: Partial<Record<string, string>> = {
  CSV_QUOTE_NOT_CLOSED: 'a quote is opened and never closed',
  CSV_INVALID_CLOSING_QUOTE: 'a quote inside a field must be written twice',
  INVALID_OPENING_QUOTE: 'a quote inside a field must be written twice, and the field be quoted',
  CSV_MAX_RECORD_SIZE: `has more than ${MAX_LINE_LENGTH} characters. Is a quote left open before it?`,
};
