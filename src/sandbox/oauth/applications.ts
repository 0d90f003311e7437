import type { Table } from '../store.ts';

/** An application as its card in the vendor console describes it. */
export interface ApplicationRow {
  readonly clientId: string;
  readonly clientSecret: string;
  readonly title: string;
  /** Headless applications have no page and are installed at once (contract platform §1.1). */
  readonly kind: 'ui' | 'headless';
  readonly scopes: readonly string[];
  readonly version: number;
  /** L local, F free, S subscription…: an open set (contract platform §1.1). */
  readonly status: string;
  /** Page opened in a frame: installer and main page. */
  readonly pageUrl: string;
  /** Installation call-back of a headless application. */
  readonly eventsUrl: string;
  /** Page of the connector settings, if the application has one. */
  readonly connectorUrl: string;
}

export function applications(shared: { shared<Row>(name: string): Table<Row> }): Table<ApplicationRow> {
  return shared.shared<ApplicationRow>('applications');
}
