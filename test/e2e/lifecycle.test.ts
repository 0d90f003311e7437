import { afterEach, beforeEach, expect, test } from '@jest/globals';
import axios from 'axios';
import { type Database, createDatabase } from '../../src/db/database.ts';
import { buildQuery } from '../../src/sandbox/php/query.ts';
import type { Params } from '../../src/sandbox/php/values.ts';
import { type Scene, startScene } from '../support/scene.ts';
import { until } from '../support/until.ts';

/** What becomes of a portal between the first installation and the last (contract platform §1.4-1.6). */

const CLIENT_ID = 'local.gateway';
const DAY_MS = 24 * 3_600_000;

let scene: Scene;
let db: Database;
beforeEach(async () => {
  scene = await startScene({ companion: { mode: 'onFirstMessage' } });
  db = createDatabase({ url: scene.databaseUrl });
});
afterEach(async () => {
  await db.close();
  await scene.close();
});

interface PortalView {
  state: string;
  blockedReason: string | null;
  authorized: boolean;
  appVersion: string;
}
const portalView = async () => (await scene.api.get<PortalView>(`/portals/${scene.portalId}`)).data;
const portalIs = (state: string) => until(portalView, (view) => view.state === state);
const channelState = async () => (await scene.api.get<{ state: string }>(`/channels/${scene.channelId}`)).data.state;
const arrives = (id: string): Promise<unknown> => until(() => scene.dialogs(id).length === 1);
const bound = (): string[] =>
  scene.portal
    .state()
    .bindings.map(({ event }) => event)
    .sort();
const post = async (form: Params): Promise<number> => {
  const url = `${scene.gateway.publicUrl}/bitrix24/events`;
  const headers = { 'content-type': 'application/x-www-form-urlencoded' };
  return (await axios.post(url, buildQuery(form), { headers, validateStatus: () => true })).status;
};

test('an update drops the bindings and brings a new token: events are bound again, once, and believed again', async () => {
  await scene.say('before', 'm-1', 'Hello', { name: 'Before' });
  await scene.idle();
  const events = bound();
  scene.portal.update(CLIENT_ID);
  await until(async () => (await portalView()).appVersion === '2');
  await scene.idle();
  expect(bound()).toEqual(events);
  expect(new Set(events).size).toBe(events.length);
  expect(await channelState()).toBe('ready');
  // Only a believed event opens the way for the name of a dialog that was closed.
  const chatId = scene.dialogs('before')[0]?.chatId ?? 0;
  scene.portal.closeDialog(chatId, { atOnce: true });
  await scene.conversation('before', ({ dialog }) => !dialog.sessionOpen);
});

test('an update whose event was lost is noticed when an administrator opens the page', async () => {
  scene.portal.events.troubles.add({ event: 'ONAPPUPDATE', effect: 'drop' });
  scene.portal.update(CLIENT_ID);
  await scene.portal.events.idle();
  expect(bound()).toEqual([]);
  const page = scene.portal.openPage(CLIENT_ID, { userId: 1, url: `${scene.gateway.publicUrl}/bitrix24/app` });
  await axios.post(page.action, new URLSearchParams(page.fields));
  await until(() => bound().includes('ONIMCONNECTORMESSAGEADD'));
  await scene.idle();
  await scene.say('after', 'm-1', 'Hello');
  await arrives('after');
  scene.portal.disableConnector(scene.connector, 1);
  await until(async () => (await channelState()) === 'disconnected');
});

test('an uninstallation closes the portal at once, and its secrets are deleted when the OAuth server confirms it', async () => {
  await scene.say('kept', 'm-1', 'Hello');
  await scene.idle();
  scene.portal.uninstall(CLIENT_ID);
  await portalIs('uninstalled');
  await until(async () => (await db.prisma.grant.count()) === 0);
  expect(await db.prisma.portal.findFirst()).toMatchObject({ applicationTokenHash: null });
  const calls = scene.portal.ledger.entries().length;
  await scene.say('kept', 'm-2', 'Meanwhile');
  await scene.portal.events.idle();
  expect(scene.portal.ledger.entries()).toHaveLength(calls);
});

test('installed again, everything is wired again under its old mappings, and what waited crosses', async () => {
  await scene.say('again', 'm-1', 'Hello');
  await scene.idle();
  scene.portal.uninstall(CLIENT_ID);
  await until(async () => (await db.prisma.grant.count()) === 0);
  await scene.say('again', 'm-2', 'Meanwhile');
  for (const [round, text] of ['once', 'twice'].entries()) {
    scene.portal.install(CLIENT_ID);
    await portalIs('active');
    await scene.idle();
    await scene.say('again', `m-${round + 3}`, text);
    await scene.idle();
    expect(await channelState()).toBe('ready');
    if (text === 'once') {
      scene.portal.uninstall(CLIENT_ID);
      await until(async () => (await db.prisma.grant.count()) === 0);
    }
  }
  const texts = scene.dialogs('again').flatMap(({ messages }) => messages.map(({ text }) => text));
  expect(texts.filter((text) => !text.includes('changed'))).toEqual(
    expect.arrayContaining(['Hello', 'Meanwhile', 'once', 'twice']),
  );
  expect(scene.dialogs('again')).toHaveLength(1);
  const bindings = bound();
  expect(new Set(bindings).size).toBe(bindings.length);
});

test('an uninstallation that an employee made up is found out: the portal opens again and keeps its grant', async () => {
  await scene.say('forged', 'm-1', 'Hello');
  await scene.idle();
  const installation = scene.portal.state().installations[0];
  const auth = { member_id: scene.portal.memberId, application_token: installation?.applicationToken };
  expect(await post({ event: 'ONAPPUNINSTALL', data: { CLEAN: 1, LANGUAGE_ID: 'en' }, auth })).toBe(200);
  await until(portalView, ({ state }) => state === 'active');
  await scene.idle();
  await scene.say('forged', 'm-2', 'Still here');
  await until(() => scene.dialogs('forged')[0]?.messages.some(({ text }) => text === 'Still here'));
});

test('a payment that ran out blocks the portal, the event about the next one opens it', async () => {
  scene.portal.setPayment(CLIENT_ID, true);
  await scene.say('paid', 'm-1', 'Hello');
  await until(portalView, ({ blockedReason }) => blockedReason === 'PAYMENT_REQUIRED');
  expect(await portalView()).toMatchObject({ state: 'blocked', authorized: true });
  scene.portal.setPayment(CLIENT_ID, false);
  await arrives('paid');
});

test('every day what was lost is wired again: events, connector and bot', async () => {
  await scene.idle();
  const { bindings } = scene.portal.state();
  const events = bound();
  const token = (await db.prisma.bot.findFirstOrThrow()).botId;
  for (const { id } of bindings) scene.portal.inside.table('bindings').delete(id);
  scene.portal.inside.table('connectors').delete(scene.connector);
  expect(bound()).toEqual([]);
  scene.advance(DAY_MS + 1_000);
  await until(() => bound().length === events.length);
  await scene.idle();
  expect(scene.portal.state().connectors.map(({ id }) => id)).toContain(scene.connector);
  expect((await db.prisma.bot.findFirstOrThrow()).botId).toBe(token);
  expect((await db.prisma.bot.findFirstOrThrow()).state).toBe('ready');
});

test('the daily look notices a line that was disconnected without a word, and leaves it alone', async () => {
  scene.portal.events.troubles.add({ event: 'ONIMCONNECTORSTATUSDELETE', effect: 'drop' });
  scene.portal.disableConnector(scene.connector, 1);
  await scene.idle();
  expect(await channelState()).toBe('ready');
  scene.advance(DAY_MS + 1_000);
  await until(async () => (await channelState()) === 'disconnected');
  scene.advance(DAY_MS + 1_000);
  await until(() => scene.calls('event.get').length >= 3);
  await scene.idle();
  expect(await channelState()).toBe('disconnected');
  expect(scene.portal.state().statuses.some(({ usable }) => usable)).toBe(false);
});

test('a portal that moved is believed when the OAuth server says so, and called at its new address from then on', async () => {
  await scene.say('moved', 'm-1', 'Hello');
  await scene.idle();
  await scene.portal.move();
  await scene.say('moved', 'm-2', 'Hello');
  await until(async () => (await db.prisma.portal.findFirstOrThrow()).clientEndpoint === scene.portal.restUrl);
});
