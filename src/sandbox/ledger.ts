import type { Params } from './php/values.ts';

/** One REST call as the portal lived it. */
export interface LedgerEntry {
  readonly at: number;
  readonly portal: string;
  /** In lower case. */
  readonly method: string;
  /** Without the token. */
  readonly params: Params;
  /** Set for a command inside a batch; the batch itself has an entry before its commands. */
  readonly batchKey?: string;
  app: string | null;
  userId: number | null;
  /** HTTP status; of a batch command the one it would have had alone. Null: nothing was answered. */
  status: number | null;
  error: string | null;
  /** The method did its work, whatever the caller heard of it. */
  executed: boolean;
  answered: boolean;
}

export interface LedgerFilter {
  readonly method?: string;
  /** Entries from this moment of the sandbox's clock on. */
  readonly since?: number;
}

export interface Ledger {
  open(entry: Pick<LedgerEntry, 'at' | 'portal' | 'method' | 'params' | 'batchKey'>): LedgerEntry;
  entries(filter?: LedgerFilter): readonly LedgerEntry[];
  clear(): void;
}

/** Calls beyond this many are forgotten, oldest first: a long demonstration must not eat the memory. */
const KEPT = 200_000;

export function createLedger(): Ledger {
  let entries: LedgerEntry[] = [];
  return {
    open(known) {
      const entry = { ...known, app: null, userId: null, status: null, error: null, executed: false, answered: false };
      entries.push(entry);
      if (entries.length > KEPT * 1.1) entries = entries.slice(-KEPT);
      return entry;
    },
    entries: ({ method, since = 0 } = {}) =>
      entries.filter((entry) => entry.at >= since && (!method || entry.method === method.toLowerCase())),
    clear() {
      entries = [];
    },
  };
}
