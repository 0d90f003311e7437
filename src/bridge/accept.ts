import { type Database, despiteDeadlocks, isDatabaseGone } from '../db/database.ts';
import type { Clock } from '../kit/clock.ts';
import { RequestError } from '../kit/errors.ts';
import type { Logger } from '../kit/logger.ts';
import { type ReceivedEvent, conversationIdOf } from '../messenger/payload.ts';
import { enqueueFromSrc } from '../outbox/statements.ts';
import type { Wake } from '../outbox/wake.ts';
import { webhookEventLane } from './jobs.ts';

/**
 * One statement, so one commit: the event rows (unique per messenger and event id) and the jobs that apply them. The
 * events of one conversation share a job until it starts, so a burst of a thousand renames is a handful of jobs.
 * Returns the places of those that were new. $1 events as JSON, $2 at.
 */
const ACCEPT = `
with input as materialized (
  -- Numbered in the order they came; inserted in the order of their ids, so that two commits never wait crosswise.
  select nextval('webhook_event_id_seq') as id, i.* from jsonb_to_recordset($1::jsonb) as i(ord int,
    messenger_id uuid, gate_id bigint, request_id text, event_id text, type text, external_id text, lane text,
    payload jsonb)),
ev as (
  insert into webhook_event (id, messenger_id, event_id, type, external_id, payload, request_id, received_at)
  select id, messenger_id, event_id, type, external_id, payload, request_id, coalesce($2::timestamptz, now()) from input
  order by messenger_id, event_id, ord
  on conflict (messenger_id, event_id) do nothing returning id, messenger_id, event_id),
fresh as (
  select distinct on (i.messenger_id, i.event_id) i.*, ev.id as row_id
  from input i join ev using (messenger_id, event_id) order by i.messenger_id, i.event_id, i.ord),
src as (
  select ord, gate_id, lane, 'live' as class, 'applyWebhookEvents' as kind,
    case when external_id is null then null else 'apply' end as coalesce_key,
    case when external_id is null then jsonb_build_object('eventId', row_id::text)
      else jsonb_build_object('messengerId', messenger_id::text, 'externalId', external_id) end as payload,
    request_id, null::uuid as portal_id, null::uuid as conversation_id
  from fresh),
${enqueueFromSrc('$2')}
select coalesce(array_agg(ord), '{}') as fresh, (select count(*) from ins)::int as queued from fresh`;

export interface Accepting {
  id: string;
  gateId: string;
}

export interface Accepted {
  accepted: number;
  duplicates: number;
}

export interface Acceptance {
  /**
   * Makes the events of one webhook durable; resolves after the commit. Repeats are counted, not stored. From here on
   * the row is the only memory of the work. @throws when they cannot be stored now.
   */
  accept(messenger: Accepting, events: readonly ReceivedEvent[], context: { requestId: string }): Promise<Accepted>;
}

interface Waiting {
  messenger: Accepting;
  events: readonly ReceivedEvent[];
  requestId: string;
  resolve: (accepted: Accepted) => void;
  reject: (error: unknown) => void;
}

/** Events of one commit. */
const COMMIT_EVENTS = 200;
/** Events that may wait in memory; more than that is refused before memory grows. */
const MOST_WAITING = 5_000;
const TRIES = 3;

/**
 * Webhooks share commits: the first one is written at once, those that come while it is written go together with the
 * next. So a single one waits for nobody, and many do not wait for a commit each. `clock`: as for the outbox.
 */
export function createAcceptance(deps: { db: Database; wake: Wake; log: Logger; clock?: Clock }): Acceptance {
  const { db, wake, log, clock } = deps;
  const queue: Waiting[] = [];
  let waitingEvents = 0;
  /** One commit at a time: while it is written the next one fills. Two were smaller, and slower. */
  let writing = false;

  function takeGroup(): Waiting[] {
    let size = 0;
    const end = queue.findIndex(({ events }, index) => {
      size += events.length;
      return index > 0 && size > COMMIT_EVENTS;
    });
    return queue.splice(0, end === -1 ? queue.length : end);
  }

  function flush(): void {
    if (writing || queue.length === 0) return;
    const group = takeGroup();
    writing = true;
    void write(group).finally(() => {
      writing = false;
      for (const { events } of group) waitingEvents -= events.length;
      flush();
    });
  }

  async function write(group: readonly Waiting[]): Promise<void> {
    try {
      const fresh = await insert(db, group, clock);
      let start = 0;
      for (const { events, resolve } of group) {
        const end = start + events.length;
        const accepted = fresh.filter((place) => place >= start && place < end).length;
        resolve({ accepted, duplicates: events.length - accepted });
        start = end;
      }
      wake.all([...new Set(group.map(({ messenger }) => messenger.gateId))]);
      const requestIds = group.map(({ requestId }) => requestId);
      log.info('event.accepted', { requests: group.length, events: start, accepted: fresh.length, requestIds });
    } catch (error) {
      await refuse(group, error);
    }
  }

  /** One that cannot be stored must not take the others with it. */
  async function refuse(group: readonly Waiting[], error: unknown): Promise<void> {
    if (group.length === 1 || isDatabaseGone(error)) return group.forEach(({ reject }) => reject(error));
    for (const one of group) await write([one]);
  }

  return {
    accept(messenger, events, { requestId }) {
      if (waitingEvents + events.length > MOST_WAITING) {
        return Promise.reject(new RequestError('not_stored', 'Too many webhooks are waiting to be stored'));
      }
      waitingEvents += events.length;
      return new Promise((resolve, reject) => {
        queue.push({ messenger, events, requestId, resolve, reject });
        flush();
      });
    },
  };
}

async function insert(db: Database, group: readonly Waiting[], clock: Clock | undefined): Promise<number[]> {
  const rows = group.flatMap(({ messenger, events, requestId }) =>
    events.map(({ id, event }) => ({ messenger, requestId, id, event })),
  );
  const input = rows.map(({ messenger, requestId, id, event }, ord) => {
    const externalId = conversationIdOf(event);
    return {
      ord,
      messenger_id: messenger.id,
      gate_id: messenger.gateId,
      request_id: requestId,
      event_id: id,
      type: event.type,
      external_id: externalId ?? null,
      lane: webhookEventLane(externalId, id),
      payload: event,
    };
  });
  const json = JSON.stringify(input);
  const [row] = await despiteDeadlocks(TRIES, () =>
    db.sql.rows<{ fresh: number[] }>(ACCEPT, json, clock ? new Date(clock.now()) : null),
  );
  return row?.fresh ?? [];
}
