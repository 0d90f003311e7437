import { unixSeconds } from '../clock.ts';
import type { Portal } from '../hit.ts';
import { installationOf } from '../install/installations.ts';
import { buildQuery } from '../php/query.ts';
import { eventAuth, isLifecycle } from './eventForm.ts';
import type { Poster } from './post.ts';
import { createEventTroubles, type EventTrouble, type EventTroubles } from './troubles.ts';

export interface OutgoingEvent {
  readonly event: string;
  readonly data: unknown;
  readonly clientId: string;
  readonly url: string;
  readonly handlerId: number;
  readonly userId: number | null;
  readonly hopsLeft: number;
}

export interface SentEvent {
  readonly at: number;
  readonly event: string;
  readonly clientId: string;
  readonly url: string;
  readonly data: unknown;
  /** HTTP status of the handler; null: no answer, or not sent at all. */
  readonly status: number | null;
  readonly durationMs: number;
  /** Why it was not delivered. */
  readonly problem?: string;
}

export interface EventSender {
  /** One attempt each, in the given order per handler; never repeated (contract platform §5.4). */
  send(events: readonly OutgoingEvent[]): void;
  readonly troubles: EventTroubles;
  sent(): readonly SentEvent[];
  /** Nothing is attempted any more. */
  close(): void;
  /** When everything handed over so far has been attempted. */
  idle(): Promise<void>;
}

const KEPT = 20_000;
/** How long an event waits to be overtaken. */
const ALONE_MS = 250;

export function createEventSender(portal: Portal, poster: Poster): EventSender {
  const lanes = new Map<string, Promise<void>>();
  const troubles = createEventTroubles();
  const records: SentEvent[] = [];
  let closed = false;
  /** Events that a later one overtakes; they leave behind the next event, or alone after a moment. */
  let overtaken: OutgoingEvent[] = [];

  function release(): void {
    const late = overtaken;
    overtaken = [];
    for (const outgoing of late) enqueue(outgoing);
  }

  function hand(outgoing: OutgoingEvent, trouble: EventTrouble['effect'] | undefined): void {
    if (trouble === 'drop') return note(outgoing, portal.clock.now(), null, 0, 'dropped');
    if (trouble === 'reorder') {
      overtaken.push(outgoing);
      setTimeout(release, ALONE_MS).unref();
      return;
    }
    enqueue(outgoing);
    if (trouble === 'duplicate') enqueue(outgoing);
    release();
  }

  function enqueue(outgoing: OutgoingEvent): void {
    const before = lanes.get(outgoing.url) ?? Promise.resolve();
    const lane = before.then(() => attempt(outgoing));
    lanes.set(outgoing.url, lane);
    void lane.then(() => lanes.get(outgoing.url) === lane && lanes.delete(outgoing.url));
  }

  async function attempt(outgoing: OutgoingEvent): Promise<void> {
    const at = portal.clock.now();
    const started = performance.now();
    const form = closed ? undefined : formOf(portal, outgoing);
    const done = form === undefined ? { status: null, error: 'not installed' } : await poster.post(outgoing.url, form);
    note(outgoing, at, done.status, performance.now() - started, done.error);
  }

  function note(outgoing: OutgoingEvent, at: number, status: number | null, durationMs: number, problem?: string) {
    const { event, clientId, url, data } = outgoing;
    records.push({ at, event, clientId, url, data, status, durationMs, ...(problem === undefined ? {} : { problem }) });
    if (records.length > KEPT) records.splice(0, records.length - KEPT);
  }

  return {
    send(events) {
      for (const outgoing of events) hand(outgoing, troubles.strike(outgoing.event));
    },
    troubles,
    sent: () => records,
    close() {
      closed = true;
    },
    async idle() {
      while (lanes.size > 0 || overtaken.length > 0) {
        if (lanes.size === 0) release();
        await Promise.all(lanes.values());
      }
    },
  };
}

/** The form of the wire; undefined while nothing is delivered to the application (contract platform §5.2, §1.4). */
function formOf(portal: Portal, outgoing: OutgoingEvent): string | undefined {
  const installation = installationOf(portal, portal.memberId, outgoing.clientId);
  if (!installation) return undefined;
  const open = installation.active && installation.installed && !installation.paymentExpired;
  if (!open && !isLifecycle(outgoing.event)) return undefined;
  return buildQuery({
    event: outgoing.event,
    event_handler_id: outgoing.handlerId,
    data: outgoing.data,
    ts: unixSeconds(portal.clock),
    auth: eventAuth(portal, outgoing.event, installation, outgoing.userId, outgoing.hopsLeft),
  });
}
