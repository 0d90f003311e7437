import type { Table } from '../store.ts';

/** An application on a portal. The row stays after an uninstall, so that a re-install keeps its application token. */
export interface InstallationRow {
  readonly memberId: string;
  readonly clientId: string;
  readonly active: boolean;
  /** False until the installer page finished (contract platform §1.4). */
  readonly installed: boolean;
  readonly version: number;
  readonly scopes: readonly string[];
  readonly status: string;
  readonly applicationToken: string;
  readonly installedBy: number;
  readonly paymentExpired: boolean;
  /** Users whose access an administrator took away (contract platform §2.6). */
  readonly deniedUsers: readonly number[];
}

interface Shared {
  shared<Row>(name: string): Table<Row>;
}

function table(shared: Shared) {
  return shared.shared<InstallationRow>('installations');
}

export function installationOf(shared: Shared, memberId: string, clientId: string): InstallationRow | undefined {
  return table(shared).get(`${memberId}/${clientId}`);
}

export function putInstallation(shared: Shared, row: InstallationRow): InstallationRow {
  table(shared).put(`${row.memberId}/${row.clientId}`, row);
  return row;
}

export function installationsOf(shared: Shared, memberId: string): InstallationRow[] {
  return table(shared)
    .values()
    .filter((row) => row.memberId === memberId);
}
