/** What a person reads, or with `--json` a program. */
export interface Output {
  readonly json: boolean;
  /** Whether a person is looking on: colours and a moving bar. */
  readonly isTerminal: boolean;
  line(text?: string): void;
  /** Aligned, under a header; nothing but the words of `empty` where there are no rows. */
  table(header: readonly string[], rows: readonly (readonly unknown[])[], empty: string): void;
  data(value: unknown): void;
  good(text: string): string;
  bad(text: string): string;
}

const ESCAPE = '\u001b[';
const COLOURED = new RegExp(`${'\\u001b'}\\[\\d+m`, 'g');

export function createOutput(stream: NodeJS.WriteStream, { json }: { json: boolean }): Output {
  const isTerminal = stream.isTTY && !json;
  const paint = (colour: number) => (text: string) => (isTerminal ? `${ESCAPE}${colour}m${text}${ESCAPE}39m` : text);
  const line = (text = ''): void => void stream.write(`${text}\n`);
  return {
    json,
    isTerminal,
    line,
    table(header, rows, empty) {
      if (rows.length === 0) return line(empty);
      const cells = [header, ...rows].map((row) => row.map((cell) => textOf(cell)));
      const widths = header.map((_, column) => Math.max(...cells.map((row) => widthOf(row[column] ?? ''))));
      for (const row of cells)
        line(
          row
            .map((cell, column) => pad(cell, widths[column] ?? 0))
            .join('  ')
            .trimEnd(),
        );
    },
    data: (value) => line(JSON.stringify(value, null, 2)),
    good: paint(32),
    bad: paint(31),
  };
}

const textOf = (cell: unknown): string =>
  cell === null || cell === undefined ? '-' : typeof cell === 'string' ? cell : JSON.stringify(cell);
/** Columns on a terminal, near enough: colours have none. */
const widthOf = (text: string): number => [...text.replaceAll(COLOURED, '')].length;
const pad = (text: string, width: number): string => text + ' '.repeat(Math.max(0, width - widthOf(text)));

/** `2026-11-21 10:00:00` in UTC. */
export const timeText = (iso: string | null): string => (iso === null ? '-' : iso.slice(0, 19).replace('T', ' '));
