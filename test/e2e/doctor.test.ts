import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import axios from 'axios';
import { type Database, createDatabase } from '../../src/db/database.ts';
import { bindings } from '../../src/sandbox/events/bindings.ts';
import { installationOf, putInstallation, type InstallationRow } from '../../src/sandbox/install/installations.ts';
import { botsOf, removeBot } from '../../src/sandbox/methods/imbot/bots.ts';
import { connectors } from '../../src/sandbox/openlines/connectors.ts';
import { statuses, statusOf, putStatus } from '../../src/sandbox/openlines/statuses.ts';
import { users } from '../../src/sandbox/users.ts';
import { listenIn, type MessengerStandIn } from '../support/messengerStandIn.ts';
import { type Scene, startScene } from '../support/scene.ts';
import { until } from '../support/until.ts';

/** Everything the sandbox portal can break in the wiring is broken, one after the other, on one gateway. */

const CLIENT_ID = 'local.gateway';
const INSTALLER = 1;
const RESERVE = 8;

let scene: Scene;
let db: Database;
let messenger: MessengerStandIn;
beforeAll(async () => {
  scene = await startScene();
  db = createDatabase({ url: scene.databaseUrl, connections: 2 });
  messenger = await listenIn(scene);
  scene.portal.addUser({ id: RESERVE, name: 'Second', lastName: 'Admin', admin: true });
});
/** The request bucket is full again. */
beforeEach(() => scene.elapse(60_000));
afterAll(async () => {
  await db.close();
  await scene.close();
  await messenger.close();
});

interface Finding {
  check: string;
  subject: string | null;
  ok: boolean;
  code: string | null;
  detail: string;
  repair: string | null;
  repairable: boolean;
  repaired: boolean;
}
interface Examination {
  items: Finding[];
  ok: boolean;
  repaired: number;
}

async function look({ repair = false } = {}): Promise<Examination> {
  const url = `/portals/${scene.portalId}/check`;
  const { status, data } = await scene.api.post<Examination>(url, {}, { params: { repair } });
  if (status !== 200) throw new Error(`${status}: ${JSON.stringify(data)}`);
  return data;
}
const named = ({ check, code }: Finding): string => `${check}:${code ?? ''}`;
const wrong = ({ items }: Examination): string[] => items.filter(({ ok }) => !ok).map(named);

const inside = () => scene.portal.inside;
const installation = (change: Partial<InstallationRow>): void => {
  const row = installationOf(inside(), 'portal-1', CLIENT_ID);
  if (row) putInstallation(inside(), { ...row, ...change });
};
const employee = (id: number, active: boolean): void => {
  const row = users(inside()).get(id);
  if (row) users(inside()).put(id, { ...row, active });
};
const openPage = async (userId: number): Promise<void> => {
  const url = `${scene.gateway.publicUrl}/bitrix24/app`;
  const { action, fields } = scene.portal.openPage(CLIENT_ID, { userId, url });
  await axios.post(action, new URLSearchParams(fields));
};
const bindElsewhere = (): void => {
  for (const row of bindings(inside()).values()) {
    bindings(inside()).put(row.id, { ...row, handler: 'http://10.0.0.9/bitrix24/events' });
  }
};
const bindTwice = (): void => {
  const [row] = bindings(inside()).values();
  if (row) bindings(inside()).put(9_000, { ...row, id: 9_000, authType: 7 });
};
const refuseOnce = (method: string): unknown =>
  scene.portal.faults.add({ match: { method, times: 1 }, effect: { status: 400, code: 'ERROR_ARGUMENT' } });
const gate = (data: object) => db.prisma.gate.updateMany({ where: { key: 'portal:portal-1' }, data });
const channelState = async (): Promise<string> =>
  (await scene.api.get<{ state: string }>(`/channels/${scene.channelId}`)).data.state;
const forgetBots = (): void => {
  for (const bot of botsOf(inside(), CLIENT_ID)) scene.portal.act(1, (hit) => removeBot(hit, bot));
};

interface Breakage {
  what: string;
  break: () => unknown;
  /** What has to be found, among others. */
  found: string;
  /** Who puts it right: the doctor; the gateway by itself, as soon as the portal is called; or only a person. */
  by: 'doctor' | 'itself' | 'person';
  /** What the person does. */
  undo?: () => unknown;
}

const BREAKAGES: Breakage[] = [
  {
    what: 'one event is not bound',
    break: () => bindings(inside()).delete(bindings(inside()).values()[2]?.id ?? 0),
    found: 'events:not_bound',
    by: 'doctor',
  },
  {
    what: 'no event is bound',
    break: () =>
      bindings(inside())
        .values()
        .forEach(({ id }) => bindings(inside()).delete(id)),
    found: 'publicUrl:not_bound',
    by: 'doctor',
  },
  { what: 'all events go to an old PUBLIC_URL', break: bindElsewhere, found: 'events:not_bound', by: 'doctor' },
  { what: 'an event is bound twice', break: bindTwice, found: 'events:bound_twice', by: 'doctor' },
  {
    what: 'the connector is unregistered',
    break: () => connectors(inside()).delete(scene.connector),
    found: 'connector:not_registered',
    by: 'doctor',
  },
  {
    what: 'the connector is unregistered and gone from its line',
    break: () => (connectors(inside()).delete(scene.connector), statuses(inside()).delete(`${scene.connector}|1`)),
    found: 'line:disconnected',
    by: 'doctor',
  },
  {
    what: 'somebody renamed the connector',
    break: () =>
      connectors(inside()).put(scene.connector, { ...connectors(inside()).get(scene.connector)!, name: 'Other' }),
    found: 'connector:name_differs',
    by: 'doctor',
  },
  {
    what: 'the connector is switched off on the line',
    break: async () => (
      scene.portal.disableConnector(scene.connector, 1),
      until(channelState, (state) => state === 'disconnected')
    ),
    found: 'line:disconnected',
    by: 'doctor',
  },
  {
    what: 'it is switched off, and the event of it is lost',
    break: () => statuses(inside()).delete(`${scene.connector}|1`),
    found: 'line:disconnected',
    by: 'doctor',
  },
  {
    what: 'the line is marked as broken',
    break: () => putStatus(inside(), { ...statusOf(inside(), scene.connector, 1), error: true }),
    found: 'line:line_error',
    by: 'doctor',
  },
  {
    what: 'the line shows an earlier name of the messenger',
    break: () => scene.api.patch('/messengers/chat', { name: 'Another name' }),
    found: 'connectorData:data_differs',
    by: 'doctor',
  },
  {
    what: 'a line could not be connected',
    break: async () => {
      statuses(inside()).delete(`${scene.connector}|1`);
      await db.prisma.channel.updateMany({ data: { state: 'pending' } });
      refuseOnce('imconnector.activate');
      await scene.api.patch(`/channels/${scene.channelId}`, {});
      await until(channelState, (state) => state === 'failed');
    },
    found: 'line:disconnected',
    by: 'doctor',
  },
  {
    what: 'the bot is deleted, and the event of it is lost',
    break: forgetBots,
    found: 'bot:bot_deleted',
    by: 'doctor',
  },
  {
    what: 'a profile of the bot was refused',
    break: async () => {
      refuseOnce('imbot.v2.Bot.update');
      const { data } = await scene.api.get<{ items: { id: string }[] }>(`/portals/${scene.portalId}/bots`);
      await scene.api.patch(`/portals/${scene.portalId}/bots/${data.items[0]?.id}`, { name: 'Helper' });
    },
    found: 'bot:ERROR_ARGUMENT',
    by: 'doctor',
  },
  {
    what: 'the pace is not that of the plan',
    break: () => gate({ stepMs: 2_000, burstMs: 100_000 }),
    found: 'requestBucket:wrong_pace',
    by: 'doctor',
  },
  {
    what: 'deliveries were stopped by a 410',
    break: () => db.prisma.gate.updateMany({ where: { deliveriesOf: { slug: 'chat' } }, data: { paused: true } }),
    found: 'messenger:deliveries_stopped',
    by: 'doctor',
  },
  {
    what: 'the installer was turned away and may come back, while the reserve has left',
    break: async () => {
      await openPage(RESERVE);
      installation({ deniedUsers: [INSTALLER] });
      await look();
      installation({ deniedUsers: [] });
      employee(RESERVE, false);
    },
    found: 'grant:authorization_error',
    by: 'doctor',
  },
  {
    what: 'the application was updated, which drops its bindings',
    break: () => scene.portal.update(CLIENT_ID),
    found: '',
    by: 'itself',
  },
  { what: 'the portal moved to another address', break: () => scene.portal.move(), found: '', by: 'itself' },
  { what: 'the access token ended', break: () => scene.advance(2 * 3_600_000), found: '', by: 'itself' },
  {
    what: 'the portal was blocked, and the cause is gone',
    break: () =>
      gate({ blockedReason: 'PAYMENT_REQUIRED', blockedUntil: new Date(scene.sandbox.clock.now() + 600_000) }),
    found: '',
    by: 'itself',
  },
  {
    what: 'the installer has left, and another administrator has opened the application',
    break: async () => (employee(RESERVE, true), await openPage(RESERVE), employee(INSTALLER, false)),
    found: '',
    by: 'itself',
    undo: () => employee(INSTALLER, true),
  },
  {
    what: 'the installation is not finished',
    break: () => installation({ installed: false }),
    found: 'installation:not_installed',
    by: 'person',
    undo: () => installation({ installed: true }),
  },
  {
    what: 'all authorisations were revoked',
    break: () => [INSTALLER, RESERVE].forEach((id) => scene.portal.revokeGrant(CLIENT_ID, id)),
    found: 'grant:no_grant',
    by: 'person',
    undo: () => openPage(INSTALLER),
  },
  {
    what: 'the application is not paid for',
    break: () => installation({ paymentExpired: true }),
    found: 'grant:PAYMENT_REQUIRED',
    by: 'person',
    undo: () => installation({ paymentExpired: false }),
  },
  {
    what: 'a permission was taken away',
    break: () => installation({ scopes: ['imconnector', 'imopenlines'] }),
    found: 'scopes:insufficient_scope',
    by: 'person',
    undo: () => installation({ scopes: ['imconnector', 'imopenlines', 'imbot'] }),
  },
  { what: 'the line was deleted', break: () => scene.portal.deleteLine(1), found: 'line:line_not_found', by: 'person' },
];

test('a wiring in order is found in order, and looking at it changes nothing', async () => {
  const before = scene.portal.ledger.entries({}).length;
  const found = await look();
  expect(wrong(found)).toEqual([]);
  expect(found).toMatchObject({ ok: true, repaired: 0 });
  const reads =
    /^(app\.info|profile|scope|server\.time|event\.(get|test)|imconnector\.(list|status)|imopenlines\.config\.list\.get|imbot\.v2\.Bot\.(get|list))$/i;
  const called = scene.portal.ledger
    .entries({})
    .slice(before)
    .map(({ method }) => method);
  expect(called.filter((method) => !reads.test(method))).toEqual([]);
});

test('a messenger without an address is in order until an operator has written to it', async () => {
  await scene.api.patch('/messengers/chat', { deliveryUrl: null });
  const about = async (): Promise<Finding | undefined> =>
    (await look()).items.find(({ check }) => check === 'messenger');
  expect(await about()).toMatchObject({ ok: true });
  await scene.say('silent', 'm-1', 'Hello');
  const chatId = await until(() => scene.dialogs('silent')[0]?.chatId);
  scene.portal.operatorMessage(chatId ?? 0, 27, { text: 'Yes?' });
  expect(await until(about, (finding) => finding?.ok === false)).toMatchObject({ code: 'no_delivery_url' });
  await scene.api.patch('/messengers/chat', { deliveryUrl: messenger.url });
  await until(() => messenger.of('operator.message.created').length === 1);
});

test.each(BREAKAGES)('$what: repaired by $by', async (breakage) => {
  await breakage.break();
  const seen = await look();
  if (breakage.by === 'itself') expect(wrong(await until(look, ({ ok }) => ok))).toEqual([]);
  else {
    expect(wrong(seen)).toContain(breakage.found);
    expect(seen.items.filter(({ ok, repair }) => !ok && repair === null)).toEqual([]);
    const after = await look({ repair: true });
    if (breakage.by === 'doctor') {
      expect(wrong(after)).toEqual([]);
      expect(after.items.filter(({ repaired }) => repaired).length).toBeGreaterThan(0);
      expect(await look()).toMatchObject({ ok: true, repaired: 0 });
    } else expect(wrong(after)).toContain(breakage.found);
  }
  await breakage.undo?.();
});

test('at least four of five breakages need no person', () => {
  const kept = BREAKAGES.filter(({ by }) => by !== 'person').length;
  expect(kept / BREAKAGES.length).toBeGreaterThanOrEqual(0.8);
});
