import type { Clock } from './clock.ts';
import type { PortalRow } from './portalRow.ts';
import type { Table } from './store.ts';

/** What code inside a portal sees of it: its settings, its rows, its numbers, its time. */
export interface Portal {
  readonly memberId: string;
  /** The current settings; the address may have moved since the last look. */
  row(): PortalRow;
  readonly clock: Clock;
  /** A table of this portal alone. One file owns a table and its row type. */
  table<Row>(name: string): Table<Row>;
  /**
   * Next number of a sequence. Chats of every kind share 'chat', messages of every kind share 'message', and
   * people, clients and bots share 'user', as they do on a real portal.
   */
  nextId(sequence: 'chat' | 'message' | 'user' | 'session' | 'line' | 'file' | 'handler' | (string & {})): number;
  /** Rows of the whole sandbox: applications, installations, tokens. */
  shared<Row>(name: string): Table<Row>;
  /** Base address of the OAuth server. */
  oauthUrl(): string;
}

/** An event on its way to the handlers bound to it. */
export interface RaisedEvent {
  /** In upper case, e.g. ONIMCONNECTORMESSAGEADD. */
  readonly name: string;
  readonly data: unknown;
  /** Only handlers of this application get it (contract imconnector §4.1, routing). */
  readonly clientId?: string;
  /** Send to this address instead of the handlers bound by event.bind; needs `clientId`. */
  readonly handlerUrl?: string;
  /** Leave this address out: it got the event by `handlerUrl`. */
  readonly exceptUrl?: string;
  /** Whose tokens the event carries: absent, the hit's user; null, none (contract platform §5.3). */
  readonly userId?: number | null;
}

/**
 * One hit of the portal: a REST call, a click of an employee, an agent. Events raised in it leave after it ended,
 * in order; identical ones are collapsed (contract imconnector §4.1).
 */
export interface Hit {
  readonly portal: Portal;
  /** Who acts; null for an agent. */
  readonly userId: number | null;
  /** How many more hops a chain event → call with the event's token → event may make (contract platform §5.3). */
  readonly hopsLeft: number;
  raise(event: RaisedEvent): void;
}
