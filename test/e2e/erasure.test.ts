import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createDatabase, type Database } from '../../src/db/database.ts';
import { type Scene, startScene } from '../support/scene.ts';
import { until } from '../support/until.ts';

/** What becomes of everything that is stored of a person when they want to be forgotten. */

const OPERATOR = 27;
const ANNA = { id: 'u-7', name: 'Anna', lastName: 'Berg', phone: '+49301234567', email: 'anna@mail.example' };
const BOB = { id: 'u-8', name: 'Bob', lastName: 'Stone' };

let scene: Scene;
let db: Database;
beforeAll(async () => {
  scene = await startScene({ companion: { mode: 'onFirstMessage' }, channel: { notes: true } });
  db = createDatabase({ url: scene.databaseUrl, connections: 2 });
});
afterAll(async () => {
  await db.close();
  await scene.close();
});

const says = (conversation: object, sender: object, id: string, text: string, options = {}) =>
  scene.send('message.created', { conversation, sender, message: { id, text } }, options);
const erase = (id: string) => scene.api.delete<Record<string, number>>(`/messengers/chat/persons/${id}`);

/** Which of these are found in any row of any table. */
async function stored(texts: readonly string[]): Promise<string[]> {
  const tables = await db.sql.rows<{ name: string }>(
    `select quote_ident(table_name) as name from information_schema.tables where table_schema = 'public'`,
  );
  const dumps = tables.map(async ({ name }) => {
    const [row] = await db.sql.rows<{ text: string }>(
      `select coalesce(jsonb_agg(to_jsonb(t))::text, '') as text from ${name} t`,
    );
    return row?.text ?? '';
  });
  const everything = (await Promise.all(dumps)).join('\n');
  return texts.filter((text) => everything.includes(text));
}

const OWN = { id: 'alone', name: 'Anna Berg', kind: 'direct' };
const SHARED = { id: 'together', name: 'Project Lighthouse', kind: 'group' };

test('nothing personal of them is left in any table, and everybody else keeps what is theirs', async () => {
  await says(OWN, ANNA, 'm-1', 'My order is broken', { id: 'evt-1' });
  await says(SHARED, ANNA, 'm-2', 'Anna was here');
  await says(SHARED, BOB, 'm-3', 'Bob was here');
  for (const { id } of [OWN, SHARED]) {
    await scene.conversation(id, ({ name, companion }) => name.state === 'applied' && companion.state === 'ready');
  }
  await scene.send('participant.joined', { conversation: { id: SHARED.id }, participant: ANNA });
  await scene.rename(OWN.id, 'Anna B.');
  await scene.conversation(
    OWN.id,
    ({ name, companion }) => name.applied === 'Anna B.' && companion.title === 'Anna B.',
  );
  scene.portal.operatorMessage(scene.dialogs(OWN.id)[0]?.chatId ?? 0, OPERATOR, { text: 'Dear customer' });
  await scene.portal.events.idle();
  await scene.api.patch(`/portals/${scene.portalId}`, { paused: true });
  await says(OWN, ANNA, 'm-4', 'Not sent yet');

  const personal = ['Anna', 'Berg', 'My order', '+4930', 'anna@mail', 'Dear customer', 'Not sent yet'];
  expect(await stored(personal)).toEqual(personal);

  const { status, data } = await erase(ANNA.id);
  expect(status).toBe(200);
  expect(data).toMatchObject({ profile: 1, conversations: 1 });
  for (const sort of ['messages', 'webhookEvents', 'portalEvents']) expect(data[sort]).toBeGreaterThan(0);

  expect(await stored(personal)).toEqual([]);
  const ofOthers = ['Bob was here', 'Stone', 'Project Lighthouse'];
  expect(await stored(ofOthers)).toEqual(ofOthers);
});

test('what had not crossed yet never does', async () => {
  await scene.api.patch(`/portals/${scene.portalId}`, { paused: false });
  await says({ id: OWN.id }, BOB, 'm-5', 'Whoever comes next');
  const read = () => scene.dialogs(OWN.id).flatMap(({ messages }) => messages.map(({ text }) => text));
  const texts = await until(read, (all) => all.includes('Whoever comes next'));
  expect(texts).toContain('My order is broken');
  expect(texts).not.toContain('Not sent yet');
  expect(texts).not.toContain('');
});

test('erased while it is being delivered, and that fails, a message stays erased and is never sent again', async () => {
  const match = { method: 'imconnector.send.messages', times: 1 };
  scene.portal.faults.add({ match, effect: { delayMs: 700 } });
  scene.portal.faults.add({ match, effect: { reset: 'before' } });
  await says({ id: 'late', kind: 'direct' }, { id: 'u-9' }, 'm-1', 'On its way');
  const where = { senderId: 'u-9' };
  const read = () => db.prisma.message.findFirst({ where });
  const { id: messageId } = (await until(read, Boolean))!;
  const payload = { equals: { messageId } };
  await until(async () => (await db.prisma.job.count({ where: { payload, state: 'running' } })) > 0);
  await erase('u-9');
  await until(async () => (await db.prisma.job.count({ where: { kind: 'deliverMessage', state: 'running' } })) === 0);
  await scene.passUntil(
    () => db.prisma.job.count({ where: { kind: 'deliverMessage' } }),
    (left) => left === 0,
  );
  expect(await read()).toMatchObject({ state: 'erased', text: '' });
  expect(scene.dialogs('late')).toEqual([]);
});

test('erased while it is being applied, an event is not applied', async () => {
  await says(SHARED, BOB, 'm-9', 'Bob again');
  await until(async () => (await db.prisma.message.count({ where: { externalId: 'm-9', state: 'delivered' } })) === 1);
  await db.transaction(async ({ sql }) => {
    await sql.rows('select 1 as held from conversation where external_id = $1 for update', SHARED.id);
    await says(SHARED, { id: 'u-10', name: 'Dora' }, 'm-10', 'Dora was here');
    const waiting = `select 1 as waits from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`;
    await until(async () => (await db.sql.rows(waiting)).length > 0);
    expect((await erase('u-10')).status).toBe(200);
  });
  await scene.passUntil(
    () => db.prisma.job.count({ where: { kind: 'applyWebhookEvents' } }),
    (left) => left === 0,
  );
  expect(await stored(['Dora'])).toEqual([]);
});

test('repeats of what was erased are still recognised, and cannot be applied again', async () => {
  const repeated = await says(OWN, ANNA, 'm-1', 'My order is broken', { id: 'evt-1' });
  expect(repeated.data).toEqual({ accepted: 0, duplicates: 1 });
  const event = await db.prisma.webhookEvent.findFirstOrThrow({ where: { eventId: 'evt-1' } });
  expect((await scene.api.post(`/webhook-events/${event.id}/replay`)).status).toBe(409);
  expect(await stored(['Anna'])).toEqual([]);
});

test('a late rename does not bring an old name back, a new one is a new name', async () => {
  await scene.rename(OWN.id, 'Anna the First', new Date(scene.sandbox.clock.now() - 3_600_000));
  await until(async () => (await db.prisma.webhookEvent.count({ where: { state: 'accepted' } })) === 0);
  expect((await scene.find(OWN.id))?.name.wanted).toBeNull();
  await scene.rename(OWN.id, 'Customer 12');
  await scene.conversation(OWN.id, ({ name }) => name.applied === 'Customer 12');
});

test('erasing again finds nothing more, and needs a key of the scope admin', async () => {
  await erase(ANNA.id);
  const { status, data } = await erase(ANNA.id);
  expect(status).toBe(200);
  expect(Object.values(data).every((count) => count === 0)).toBe(true);
  expect((await erase('somebody-else')).data).toEqual(data);
  expect((await scene.api.delete('/messengers/nobody/persons/u-7')).status).toBe(404);
  const { data: key } = await scene.api.post<{ key: string }>('/api-keys', { name: 'w', scopes: ['write'] });
  const headers = { authorization: `Bearer ${key.key}` };
  expect((await scene.api.delete('/messengers/chat/persons/u-7', { headers })).status).toBe(403);
});

const imported = () =>
  scene.passUntil(
    () => db.prisma.run.count({ where: { kind: 'importConversations', state: { not: 'done' } } }),
    (left) => left === 0,
  );

test('erased while an import that names them is being stored, they do not come back with it', async () => {
  const body = ['externalId,name,externalUserId', 'imported,Emil Frost,u-11', 'imported too,Nobody,'].join('\n');
  const waits = (statement: string) => async (): Promise<boolean> => {
    const sql = `select 1 as waits from pg_stat_activity where wait_event_type = 'Lock'
      and datname = current_database() and query ~ $1`;
    return (await db.sql.rows(sql, statement)).length > 0;
  };
  let answer: Promise<{ status: number }> | undefined;
  // The lines are judged, and what becomes of them cannot be stored.
  await db.transaction(async ({ sql }) => {
    await sql.rows('lock table conversation in share row exclusive mode');
    await scene.api.post('/conversations/import', body, {
      params: { channelId: scene.channelId },
      headers: { 'content-type': 'text/csv' },
    });
    await until(waits('^\\s*insert into conversation'));
    answer = erase('u-11');
    await until(waits('^\\s*update import_line set name'));
  });
  expect((await answer)?.status).toBe(200);
  await imported();
  expect(await stored(['Emil Frost', 'Nobody'])).toEqual(['Nobody']);
});

test('erased before the lines of an import are stored, they are mapped without a name', async () => {
  await db.prisma.gate.updateMany({ data: { paused: true } });
  const body = ['externalId,name,externalUserId', 'later,Frida Snow,u-12'].join('\n');
  await scene.api.post('/conversations/import', body, {
    params: { channelId: scene.channelId },
    headers: { 'content-type': 'text/csv' },
  });
  expect((await erase('u-12')).data).toMatchObject({ importLines: 1, conversations: 0 });
  await db.prisma.gate.updateMany({ data: { paused: false } });
  await imported();
  expect(await stored(['Frida'])).toEqual([]);
  expect((await scene.find('later'))?.name).toMatchObject({ wanted: null });
});
