import type { Database } from '../db/database.ts';
import { type ReceivedEvent, conversationIdOf } from '../messenger/payload.ts';
import { enqueueFromSrc } from '../outbox/statements.ts';
import type { Wake } from '../outbox/wake.ts';
import { webhookEventLane } from './jobs.ts';

/**
 * One statement, so one commit: the event row (unique per messenger and event id) and the job that applies it. The
 * events of one conversation share a job until it starts, so a burst of a thousand renames is a handful of jobs.
 */
const ACCEPT = `
with input as materialized (
  -- Numbered in the order they came; inserted in the order of their ids, so that two requests never wait crosswise.
  select row_number() over () as ord, nextval('webhook_event_id_seq') as id, i.* from jsonb_to_recordset($1::jsonb) as i(
    event_id text, type text, external_id text, lane text, payload jsonb)),
ev as (
  insert into webhook_event (id, messenger_id, event_id, type, external_id, payload, request_id)
  select id, $2::text::uuid, event_id, type, external_id, payload, $4 from input order by event_id, ord
  on conflict (messenger_id, event_id) do nothing returning id, event_id),
fresh as (
  select distinct on (i.event_id) i.ord, i.lane, i.external_id, ev.id from input i join ev using (event_id) order by i.event_id, i.ord),
src as (
  select ord, $3::bigint as gate_id, lane, 'live' as class, 'applyWebhookEvents' as kind,
    case when external_id is null then null else 'apply' end as coalesce_key,
    case when external_id is null then jsonb_build_object('eventId', id::text)
      else jsonb_build_object('messengerId', $2::text, 'externalId', external_id) end as payload, $4::text as request_id, null::uuid as portal_id,
    null::uuid as conversation_id
  from fresh),
${enqueueFromSrc('null')}
select (select count(*) from ev)::int as accepted, (select count(*) from ins)::int as queued`;

export interface Accepting {
  id: string;
  gateId: string;
}

/**
 * Makes the events of one webhook durable; resolves after the commit. Repeats are counted, not stored.
 * From here on the row is the only memory of the work.
 */
export async function acceptWebhook(
  deps: { db: Database; wake: Wake },
  messenger: Accepting,
  events: readonly ReceivedEvent[],
  context: { requestId: string },
): Promise<{ accepted: number; duplicates: number }> {
  const input = events.map(({ id, event }) => {
    const externalId = conversationIdOf(event);
    return {
      event_id: id,
      type: event.type,
      external_id: externalId ?? null,
      lane: webhookEventLane(externalId, id),
      payload: event,
    };
  });
  const [row] = await deps.db.sql.rows<{ accepted: number }>(
    ACCEPT,
    JSON.stringify(input),
    messenger.id,
    messenger.gateId,
    context.requestId,
  );
  const accepted = row?.accepted ?? 0;
  if (accepted > 0) deps.wake.all([messenger.gateId]);
  return { accepted, duplicates: events.length - accepted };
}
