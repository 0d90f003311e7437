import fs from 'node:fs';

/** Rows of one kind. Rows are values: change one by putting a new one. */
export interface Table<Row> {
  get(key: string | number): Row | undefined;
  put(key: string | number, row: Row): void;
  delete(key: string | number): boolean;
  values(): Row[];
}

export interface Store {
  /** The same name always gives the same table. The row type is the caller's word: one file owns one table. */
  table<Row>(name: string): Table<Row>;
  close(): void;
}

type Rows = Map<string, unknown>;
type Line = [table: string, key: string, row?: unknown];

/**
 * Tables in memory; with a file, each change is one line in it, written before the change is answered to anybody.
 * A write that returned survives the end of the process (not of the machine, which a stand-in does not need).
 */
export function createStore(file?: string): Store {
  const tables = file ? readLines(file) : new Map<string, Rows>();
  const journal = file ? openJournal(file, tables) : undefined;

  function table<Row>(name: string): Table<Row> {
    const rows = (tables.get(name) ?? new Map<string, unknown>()) as Map<string, Row>;
    tables.set(name, rows);
    return {
      get: (key) => rows.get(String(key)),
      put(key, row) {
        journal?.write([name, String(key), row]);
        rows.set(String(key), row);
      },
      delete(key) {
        if (rows.has(String(key))) journal?.write([name, String(key)]);
        return rows.delete(String(key));
      },
      values: () => [...rows.values()],
    };
  }

  return { table, close: () => journal?.close() };
}

function readLines(file: string): Map<string, Rows> {
  const tables = new Map<string, Rows>();
  if (!fs.existsSync(file)) return tables;
  for (const text of fs.readFileSync(file, 'utf8').split('\n')) {
    const line = parseLine(text);
    if (!line) continue;
    const [name, key, ...row] = line;
    const rows = tables.get(name) ?? new Map<string, unknown>();
    tables.set(name, rows);
    if (row.length === 0) rows.delete(key);
    else rows.set(key, row[0]);
  }
  return tables;
}

/** A process killed in the middle of a write leaves a torn last line; that change was never answered. */
function parseLine(text: string): Line | undefined {
  try {
    return text === '' ? undefined : (JSON.parse(text) as Line);
  } catch {
    return undefined;
  }
}

function openJournal(file: string, tables: Map<string, Rows>) {
  const lines = [...tables].flatMap(([name, rows]) => [...rows].map(([key, row]) => toText([name, key, row])));
  fs.writeFileSync(`${file}.new`, lines.join(''), { mode: 0o600 });
  fs.renameSync(`${file}.new`, file);
  const descriptor = fs.openSync(file, 'a');
  return {
    write: (line: Line) => fs.writeSync(descriptor, toText(line)),
    close: () => fs.closeSync(descriptor),
  };
}

function toText(line: Line): string {
  return `${JSON.stringify(line)}\n`;
}
