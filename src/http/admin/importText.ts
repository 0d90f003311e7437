import { RequestError } from '../../kit/errors.ts';

/** From bytes to the lines of an import. Nothing here holds more than one piece of the body. */

export const MAX_IMPORT_BYTES = 256 * 1024 * 1024;
/** A mapping has a few hundred characters; whoever sends more has lost a line end or a quote. */
export const MAX_LINE_LENGTH = 64 * 1024;

export const refusal = (line: number, message: string): RequestError => {
  const path = `/line/${line}`;
  return new RequestError('invalid_request', `Line ${line}: ${message}`, { errors: [{ path, message }] });
};

/**
 * UTF-8 to text, without the mark at its beginning.
 * @throws RequestError payload_too_large, or invalid_request naming the line that is not UTF-8
 */
export async function* decode(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let size = 0;
  let lines = 1;
  for await (const piece of bytes) {
    size += piece.length;
    if (size > MAX_IMPORT_BYTES) throw new RequestError('payload_too_large');
    const text = orRefuse(() => decoder.decode(piece, { stream: true }), lines, piece);
    lines += countOf(text, '\n');
    yield text;
  }
  yield orRefuse(() => decoder.decode(), lines);
}

function orRefuse(read: () => string, line: number, piece?: Uint8Array): string {
  try {
    return read();
  } catch {
    throw refusal(line + (piece ? linesBeforeFault(piece) : 0), 'is not UTF-8. Save the file as UTF-8');
  }
}

/** Line ends before the first bytes that are no UTF-8. A character cut at the beginning of the piece counts as one. */
function linesBeforeFault(piece: Uint8Array): number {
  const before = new TextDecoder().decode(piece).replace(/^\uFFFD+/, '');
  const at = before.indexOf('\uFFFD');
  return countOf(at < 0 ? '' : before.slice(0, at), '\n');
}

function countOf(text: string, mark: string): number {
  let count = 0;
  for (let at = text.indexOf(mark); at >= 0; at = text.indexOf(mark, at + 1)) count++;
  return count;
}

/** One line of text, or undefined where it was too long to be kept. */
export interface TextLine {
  line: number;
  text: string | undefined;
}

/** Lines that are not blank, numbered from 1, as many at once as a piece of the text has. */
export async function* splitLines(pieces: AsyncIterable<string>): AsyncGenerator<TextLine[]> {
  let line = 1;
  let kept: string | undefined = '';
  const keep = (text: string): void => {
    kept = kept === undefined || kept.length + text.length > MAX_LINE_LENGTH ? undefined : kept + text;
  };
  const close = (): TextLine[] => {
    const one = { line, text: kept?.trim() };
    line++;
    kept = '';
    return one.text === '' ? [] : [one];
  };
  for await (const piece of pieces) {
    const parts = piece.split('\n');
    const rest = parts.pop() ?? '';
    const lines = parts.flatMap((part) => {
      keep(part);
      return close();
    });
    keep(rest);
    if (lines.length > 0) yield lines;
  }
  const last = close();
  if (last.length > 0) yield last;
}
