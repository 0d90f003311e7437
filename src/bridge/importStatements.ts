/**
 * Storing thousands of mappings at once. $1 run, $2 and $3 the lines after the one and up to the other. A conversation
 * is found by its id in the messenger each time anew: an event may be mapping it at the same moment.
 */

const CHUNK = 'l.run_id = $1::uuid and l.line > $2::int and l.line <= $3::int';
const CONVERSATION = 'x.messenger_id = c.messenger_id and x.external_id = l.external_id';

/** Before the first chunk: a table that has just been filled is planned for as if it were empty. */
export const ANALYZE = 'analyze import_line';

/**
 * Which lines become no conversation, and why. `+ 0`: the earlier line is looked for by its id, and not among all
 * earlier ones.
 */
export const JUDGE = `
update import_line t set problem = j.finding, kind = j.kind
from (
  select l.line, x.id as known, coalesce(l.kind, k.kind) as kind,
    case
      when c.id is null then 'unknown_channel'
      when p.uninstalled_at is not null then 'portal_uninstalled'
      when exists (select 1 from import_line e join channel ec on ec.id = e.channel_id
        where e.run_id = l.run_id and e.external_id = l.external_id and e.line + 0 < l.line
          and ec.messenger_id = c.messenger_id) then 'duplicate'
      when x.channel_id <> l.channel_id then 'mapped_elsewhere'
      when x.id is null and (c.messenger_id, l.external_id) in (select m.messenger_id, unnest(m.previous_ids)
        from conversation m where m.previous_ids <> '{}') then 'migrated' -- one look for all lines
    end as finding
  from import_line l
    left join channel c on c.id = l.channel_id
    left join connector k on k.id = c.connector_id
    left join portal p on p.id = c.portal_id
    left join conversation x on ${CONVERSATION}
  where ${CHUNK}) j
where t.run_id = $1::uuid and t.line = j.line
returning t.line, t.problem as finding, j.known is not null as "isKnown"`;

/** $4 when the names were decided. */
export const CREATE = `
insert into conversation
  (id, channel_id, messenger_id, external_id, kind, dialog_key, external_user_id, wanted_name, wanted_name_at)
select l.conversation_id, l.channel_id, c.messenger_id, l.external_id, l.kind, l.dialog_key, l.external_user_id, l.name,
  case when l.name is not null then $4::timestamptz end
from import_line l join channel c on c.id = l.channel_id
where ${CHUNK} and l.problem is null
on conflict (messenger_id, external_id) do nothing
returning 1 as created`;

/** Not what a person locked, nor what was decided later. */
const OTHER_NAME = `${CHUNK} and l.problem is null and ${CONVERSATION}
  and l.name is not null and l.name is distinct from x.wanted_name and not x.name_locked
  and (x.wanted_name_at is null or x.wanted_name_at <= $4::timestamptz)`;
/** The messenger's own word about the person is not replaced. */
const NEW_PERSON = `${CHUNK} and l.problem is null and ${CONVERSATION}
  and x.external_user_id is null and l.external_user_id is not null`;
const LINES = 'import_line l join channel c on c.id = l.channel_id';

/** Of conversations that were mapped before. */
export const STORE = {
  names: `
update conversation x set wanted_name = l.name, wanted_name_at = $4::timestamptz, wanted_name_sequence = null
from ${LINES} where ${OTHER_NAME} returning x.id::text as id`,
  persons: `
update conversation x set external_user_id = l.external_user_id
from ${LINES} where ${NEW_PERSON} returning x.id::text as id`,
};

/** What the same would come to. */
export const FORESEE = {
  names: `select x.id::text as id from conversation x, ${LINES} where ${OTHER_NAME}`,
  persons: `select x.id::text as id from conversation x, ${LINES} where ${NEW_PERSON}`,
};

/**
 * The portal is asked for a dialog that is not known, where there is something to ask by, and has a new name compared.
 * $4 ids of conversations with a new name, as JSON.
 */
export const AIM = `
update import_line t set portal_id = j.portal_id, conversation_id = coalesce(j.known, t.conversation_id)
from (
  select l.line, c.portal_id, x.id as known
  from ${LINES} join connector k on k.id = c.connector_id left join conversation x on ${CONVERSATION}
  where ${CHUNK} and l.problem is null
    and (x.id in (select id::uuid from jsonb_array_elements_text($4::jsonb) as renamed(id))
      or x.chat_id is null and (k.kind = 'group' or l.chat_id is not null or x.bitrix_user_id is not null))) j
where t.run_id = $1::uuid and t.line = j.line
returning 1 as aimed`;

/** $1 run. */
export const PORTALS = `
select p.id::text as id, p.gate_id::text as "gateId"
from portal p where p.id in (select portal_id from import_line where run_id = $1::uuid)`;
