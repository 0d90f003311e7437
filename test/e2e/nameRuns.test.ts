import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createDatabase, type Database } from '../../src/db/database.ts';
import { type Scene, startScene } from '../support/scene.ts';
import { until } from '../support/until.ts';

/** Runs that look at all dialogs of a portal: titles compared, and imported mappings that adopt what is there. */

interface RunView {
  id: string;
  state: string;
  progress: { total: number; checked: number; found: number; repaired: number };
  counts: Record<string, number>;
  findings: { conversationId: string; finding: string; detail: Record<string, unknown> }[];
}

let scene: Scene;
let db: Database;
const ids = Array.from({ length: 56 }, (_, n) => `n-${n}`);
const nameOf = (id: string): string => `Order ${id}`;
beforeAll(async () => {
  scene = await startScene();
  db = createDatabase({ url: scene.databaseUrl, connections: 1 });
  await Promise.all(ids.map((id) => scene.say(id, 'm-1', 'Hello', { name: nameOf(id) })));
  await scene.idle();
});
afterAll(async () => {
  await db.close();
  await scene.close();
});

const calls = (method: string): number => scene.calls(method).length;
const title = (id: string): string | undefined => scene.dialogs(id)[0]?.title;
const chatOf = (id: string): number => scene.dialogs(id)[0]?.chatId ?? 0;
const finished = async (id: string): Promise<RunView> => {
  const read = async (): Promise<RunView> => (await scene.api.get<RunView>(`/runs/${id}`)).data;
  const run = await until(read, ({ state }) => state === 'done' || state === 'failed');
  await scene.idle();
  return run;
};

async function reconcile(dryRun: boolean): Promise<RunView> {
  const { status, data } = await scene.api.post<RunView>('/runs', {
    kind: 'reconcileNames',
    portalId: scene.portalId,
    dryRun,
  });
  expect(status).toBe(202);
  return finished(data.id);
}

async function imported(body: string, params: object = {}): Promise<RunView> {
  const { status, data } = await scene.api.post<RunView>('/conversations/import', body, {
    params: { channelId: scene.channelId, ...params },
    headers: { 'content-type': 'text/csv' },
  });
  expect(status).toBe(202);
  return finished(data.id);
}

test('drift of names is listed by a dry run, repaired by a real one, and gone afterwards', async () => {
  const [byHand = '', farByHand = '', closed = '', unnoticed = '', forgotten = '', lost = ''] = [0, 55, 1, 2, 3, 4].map(
    (n) => `n-${n}`,
  );
  scene.portal.renameDialog(chatOf(byHand), 'By hand');
  scene.portal.renameDialog(chatOf(farByHand), 'By hand too');
  scene.portal.closeDialog(chatOf(closed), { atOnce: true });
  await scene.conversation(closed, ({ dialog }) => !dialog.sessionOpen);
  await scene.rename(closed, 'Later');
  await scene.conversation(closed, ({ name }) => name.state === 'waitingForDialog');
  await scene.idle();
  // As a restored backup leaves it.
  const set = (what: string, id: string) => db.sql.rows(`update conversation set ${what} where external_id = $1`, id);
  await set("name_state = 'waitingForDialog', applied_title = null", unnoticed);
  await set('chat_id = null', forgotten);
  await set("chat_id = '999999'", lost);

  const before = [calls('imconnector.chat.name.set'), calls('batch')];
  const dry = await reconcile(true);
  expect(calls('imconnector.chat.name.set')).toBe(before[0]);
  // Fifty dialogs with one request.
  expect(calls('batch') - (before[1] ?? 0)).toBe(2);
  expect(dry.progress).toEqual({ total: 56, checked: 56, found: 6, repaired: 0 });
  const kinds = ({ findings }: RunView): string[] => findings.map(({ finding }) => finding).sort();
  const found = ['dialog_found', 'dialog_missing', 'title', 'title', 'title_unnoticed', 'title_waiting'];
  expect(kinds(dry)).toEqual(found);
  const wanted = nameOf(byHand);
  expect(dry.findings.map(({ detail }) => detail)).toContainEqual({
    wanted,
    found: 'By hand',
    chatId: String(chatOf(byHand)),
  });
  expect(title(byHand)).toBe('By hand');

  const real = await reconcile(false);
  expect([kinds(real), real.progress.repaired]).toEqual([found, 5]);
  for (const id of [byHand, farByHand, unnoticed, forgotten]) {
    expect(title(id)).toBe(nameOf(id));
    expect((await scene.find(id))?.name.state).toBe('applied');
  }
  expect((await scene.find(forgotten))?.dialog.chatId).toBe(chatOf(forgotten));
  // Only a session lets the last one through.
  expect(kinds(await reconcile(true))).toEqual(['dialog_missing', 'title_waiting']);
  await set(`chat_id = '${chatOf(lost)}'`, lost);
  await scene.say(closed, 'm-2', 'Hello again');
  await scene.conversation(closed, ({ name }) => name.state === 'applied');
  await scene.idle();
  expect((await reconcile(true)).progress.found).toBe(0);
}, 60_000);

test('a run outlives a restart, and a portal that fails in the middle: every dialog is looked at once', async () => {
  await scene.api.patch(`/portals/${scene.portalId}`, { paused: true });
  const begun = await scene.api.post<RunView>('/runs', { kind: 'reconcileNames', portalId: scene.portalId });
  await scene.restart();
  scene.portal.faults.add({
    match: { method: 'batch', times: 1 },
    effect: { status: 503, code: 'QUERY_LIMIT_EXCEEDED' },
  });
  await scene.api.patch(`/portals/${scene.portalId}`, { paused: false });
  const run = await finished(begun.data.id);
  expect(run).toMatchObject({ state: 'done', progress: { total: 56, checked: 56, found: 0 } });
}, 60_000);

test('an import adopts the dialogs that are there, converges their titles, and creates nothing on the portal', async () => {
  const kept = ids.slice(10, 14);
  for (const id of kept) {
    const view = await scene.find(id);
    expect((await scene.api.delete(`/conversations/${view?.id}`)).status).toBe(204);
  }
  const sent = calls('imconnector.send.messages');
  const dialogs = scene.portal.state().dialogs.length;
  const fresh = Array.from({ length: 60 }, (_, n) => `fresh-${n}`);
  const chat = chatOf(kept[3] ?? '');
  const lines = [
    ...kept.slice(0, 3).map((id) => `${id},Imported ${id},`),
    `${kept[3]},Imported by chat,${chat}`,
    ...fresh.map((id) => `${id},${nameOf(id)},`),
    `wrong-chat,Anna,${chat}`,
    'no-chat,Anna,424242',
  ];
  const file = `externalId,name,chatId\n${lines.join('\n')}\n`;
  const counts = { created: 66, updated: 0, failed: 0, dialogsToAsk: 66, dialogsAsked: 66, adopted: 4 };

  const dry = await imported(file, { dryRun: true });
  expect(dry).toMatchObject({ state: 'done', counts, progress: { found: 2 } });
  expect(await scene.find('fresh-0')).toBeUndefined();

  const run = await imported(file);
  expect(run).toMatchObject({ state: 'done', counts, progress: { total: 66, checked: 66, found: 2 } });
  expect(run.findings.map(({ finding, detail }) => [finding, detail.line])).toEqual([
    ['dialog_of_other', 66],
    ['dialog_missing', 67],
  ]);
  for (const id of kept.slice(0, 3)) expect(title(id)).toBe(`Imported ${id}`);
  expect(title(kept[3] ?? '')).toBe('Imported by chat');
  expect((await scene.find(kept[0] ?? ''))?.dialog.chatId).toBe(chatOf(kept[0] ?? ''));
  expect((await scene.find('wrong-chat'))?.dialog.chatId).toBeNull();
  expect([calls('imconnector.send.messages'), scene.portal.state().dialogs.length]).toEqual([sent, dialogs]);

  const renames = calls('imconnector.chat.name.set');
  const again = await imported(file);
  expect(again.counts).toMatchObject({ created: 0, updated: 0, unchanged: 66, adopted: 0 });
  expect(calls('imconnector.chat.name.set')).toBe(renames);
  const changed = await imported(`externalId,name\n${kept[0]},Another name\n`);
  expect(changed.counts).toMatchObject({ updated: 1, adopted: 0 });
  expect(title(kept[0] ?? '')).toBe('Another name');
}, 60_000);

test('an import that was accepted goes on after a restart', async () => {
  await scene.api.patch(`/portals/${scene.portalId}`, { paused: true });
  const lines = Array.from({ length: 6_000 }, (_, n) => `${n < 100 ? `r-${n}` : `r-${n},Name ${n}`}`);
  const answer = await scene.api.post<RunView>('/conversations/import', `externalId,name\n${lines.join('\n')}`, {
    params: { channelId: scene.channelId },
    headers: { 'content-type': 'text/csv' },
  });
  await scene.restart();
  const stored = async () => (await scene.api.get<RunView>(`/runs/${answer.data.id}`)).data;
  await until(stored, ({ counts }) => counts.dialogsToAsk === 6_000);
  expect(await stored()).toMatchObject({ state: 'running', counts: { created: 6_000, dialogsAsked: 0 } });
  await db.sql.rows('delete from import_line where line > 102');
  await scene.api.patch(`/portals/${scene.portalId}`, { paused: false });
  expect(await finished(answer.data.id)).toMatchObject({ state: 'done', counts: { dialogsAsked: 101 } });
  expect(await db.sql.rows('select 1 from import_line')).toEqual([]);
}, 60_000);
