import type { Clock } from './clock.ts';
import type { Portal } from './hit.ts';
import type { PortalRow } from './portalRow.ts';
import type { Store, Table } from './store.ts';

/** First numbers of a portal that has been in use for a while: ids of different things must not look alike. */
const FIRST: Readonly<Record<string, number>> = {
  chat: 1763,
  message: 86_497,
  user: 585,
  session: 3282,
  line: 2,
  file: 4711,
  handler: 555,
};

export interface Shared {
  readonly clock: Clock;
  shared<Row>(name: string): Table<Row>;
  oauthUrl(): string;
}

export function portalRows(shared: Pick<Shared, 'shared'>): Table<PortalRow> {
  return shared.shared<PortalRow>('portals');
}

export function createPortalState(store: Store, shared: Shared, memberId: string): Portal {
  const table = <Row>(name: string): Table<Row> => store.table<Row>(`${memberId}/${name}`);
  return {
    ...shared,
    memberId,
    row() {
      const row = portalRows(shared).get(memberId);
      if (!row) throw new Error(`No portal ${memberId}`);
      return row;
    },
    table,
    nextId(sequence) {
      const sequences = table<number>('sequences');
      const id = sequences.get(sequence) ?? FIRST[sequence] ?? 1;
      sequences.put(sequence, id + 1);
      return id;
    },
  };
}
