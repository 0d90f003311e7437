import type { Tx } from '../../db/database.ts';

/**
 * Hold the rows a resource shows, so that nobody changes them between a look at it and the change that relies on the
 * look. State rows before gates (docs/decisions/0009); "no key" lets rows that refer to them be added meanwhile.
 */

export const holdPortal = ({ sql }: Tx, { id }: { id: string }): Promise<unknown> => sql.rows(PORTAL, id);
const PORTAL = `
select 1 as held from portal p join gate g on g.id = p.gate_id where p.id = $1::uuid for no key update`;

export const holdBot = ({ sql }: Tx, { id, botId }: { id: string; botId: string }): Promise<unknown> =>
  sql.rows(BOT, id, botId);
const BOT = `
select 1 as held from bot where portal_id = $1::uuid and (id::text = $2 or bot_id::text = $2) for no key update`;

export const holdMessenger = ({ sql }: Tx, { slug }: { slug: string }): Promise<unknown> => sql.rows(MESSENGER, slug);
const MESSENGER = `
select 1 as held from messenger m join gate g on g.id = m.delivery_gate_id where m.slug = $1 for no key update`;

export const holdChannel = ({ sql }: Tx, { id }: { id: string }): Promise<unknown> => sql.rows(CHANNEL, id);
const CHANNEL = 'select 1 as held from channel where id = $1::uuid for no key update';

/** With its companion, which it shows too. */
export async function holdConversation({ sql }: Tx, { id }: { id: string }): Promise<void> {
  await sql.rows('select 1 as held from conversation where id = $1::uuid for update', id);
  await sql.rows('select 1 as held from companion where conversation_id = $1::uuid for no key update', id);
}
