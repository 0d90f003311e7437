import { randomUUID } from 'node:crypto';
import axios, { type AxiosInstance, type AxiosResponse } from 'axios';
import { type Gateway, startGateway } from '../../src/app.ts';
import { readConfig } from '../../src/config.ts';
import { createDatabase } from '../../src/db/database.ts';
import { type Logger, silentLogger } from '../../src/kit/logger.ts';
import { sign } from '../../src/messenger/signature.ts';
import { type Sandbox, createSandbox, type SandboxOptions } from '../../src/sandbox/sandbox.ts';
import type { Profile } from '../../src/sandbox/portalRow.ts';
import type { SandboxPortal } from '../../src/sandbox/portalHandle.ts';
import { createTestDatabase } from './database.ts';
import { ADMIN_KEY, gatewayEnv } from './gatewayEnv.ts';
import { until } from './until.ts';

/** A conversation as the administration shows it. */
export interface ConversationView {
  id: string;
  externalId: string;
  name: {
    wanted: string | null;
    applied: string | null;
    state: string;
    locked: boolean;
    lastError: string | null;
  };
  dialog: { chatId: number | null; sessionOpen: boolean; title: string | null };
  companion: {
    state: string;
    chatId: number | null;
    dialogId: string | null;
    title: string | null;
    ownerUserId: number | null;
    memberUserIds: number[];
    managerUserIds: number[];
    unusableUserIds: number[];
    lastError: string | null;
    lastErrorDetail: string | null;
  };
}

export interface SendOptions {
  /** `webhook-id`; a fresh one by default. */
  id?: string;
  /** When it happened. */
  at?: Date;
}

export interface Scene {
  sandbox: Sandbox;
  portal: SandboxPortal;
  gateway: Gateway;
  /** The administration with a key of all scopes; never throws for a status. */
  api: AxiosInstance;
  portalId: string;
  connector: string;
  channelId: string;
  databaseUrl: string;
  /** What the gateway signs its deliveries to the messenger with. */
  deliverySecret: string;
  /** Sends one event of the messenger `chat`, signed. */
  send(type: string, data: object, options?: SendOptions): Promise<AxiosResponse>;
  /** Sends any body, signed. */
  sendBody(body: string, options?: { id?: string; requestId?: string }): Promise<AxiosResponse>;
  say(conversationId: string, messageId: string, text: string, more?: object): Promise<AxiosResponse>;
  rename(conversationId: string, name: string, at?: Date): Promise<AxiosResponse>;
  find(externalId: string): Promise<ConversationView | undefined>;
  /** Waits until the conversation is as `isReached` says. */
  conversation(
    externalId: string,
    isReached?: (view: ConversationView) => boolean,
    withinMs?: number,
  ): Promise<ConversationView>;
  dialogs(externalId: string): ReturnType<SandboxPortal['state']>['dialogs'];
  /** Calls of a method that reached the portal, in order. */
  calls(method: string): ReturnType<SandboxPortal['ledger']['entries']>;
  /** Pushes the time of the gateway and of the portal forward. */
  advance(ms: number): void;
  /**
   * The same while nothing is under way: a request takes real time, and hours that pass meanwhile would take its lane
   * away from it.
   */
  elapse(ms: number): Promise<void>;
  /** Lets time pass in steps of 5 s until a state is reached; an hour is too long. */
  passUntil<T>(read: () => T | Promise<T>, isReached?: (value: T) => boolean): Promise<T>;
  /** Nothing is waiting or running any more. */
  idle(): Promise<void>;
  /** Stops the gateway and starts it again on the same database and portal; `meanwhile` nobody listens. */
  restart(meanwhile?: () => Promise<void> | void): Promise<void>;
  close(): Promise<void>;
}

export interface SceneOptions extends SandboxOptions {
  /** Which generation of the product the portal plays; the cloud by default. */
  profile?: Profile;
  kind?: 'group' | 'direct';
  companion?: object;
  channel?: object;
  log?: Logger;
  /** The portal's plan; the faster one by default. */
  plan?: 'standard' | 'enterprise';
  /** A migrated, empty database; one of its own by default. */
  databaseUrl?: string;
}

/** The whole gateway on a database of its own, installed on a sandbox portal, with a messenger and a channel. */
export async function startScene(options: SceneOptions = {}): Promise<Scene> {
  const {
    kind = 'group',
    companion,
    channel,
    log = silentLogger,
    databaseUrl: given,
    plan = 'enterprise',
    profile,
    ...more
  } = options;
  const sandbox = await createSandbox(more);
  const owned = { clock: sandbox.clock };
  const portal = await sandbox.addPortal({ memberId: 'portal-1', plan, ...(profile === undefined ? {} : { profile }) });
  const databaseUrl = given ?? (await createTestDatabase());
  const db = createDatabase({ url: databaseUrl, connections: 1 });
  const application = sandbox.addApplication({ clientId: 'local.gateway' });
  const config = readConfig(
    { ...gatewayEnv(sandbox, application, databaseUrl), BX24_SCRIPT_URL: '/bx24.js' },
    { isTerminal: false },
  );
  const settled = { ...config, databaseUrl, bitrix24: { ...application } };
  let gateway = await startGateway(settled, log, owned);
  const fixed = { ...settled, port: gateway.port, publicUrl: gateway.publicUrl };
  const api = axios.create({
    baseURL: `${gateway.publicUrl}/admin/v1`,
    headers: { authorization: `Bearer ${ADMIN_KEY}` },
    validateStatus: () => true,
  });

  portal.install({ ...application, eventsUrl: `${gateway.publicUrl}/bitrix24/events` });
  const { portalId, connector } = await installed(api, kind);
  const messenger = await created<{ webhookUrl: string; webhookSecret: string; deliverySecret: string }>(
    api.post('/messengers', { slug: 'chat', name: 'Chat' }),
  );
  const { id: channelId } = await created<{ id: string }>(
    api.post('/channels', {
      portalId,
      messenger: 'chat',
      connector,
      lineId: 1,
      ...(companion ? { companion } : {}),
      ...channel,
    }),
  );

  const scene: Scene = {
    sandbox,
    portal,
    get gateway() {
      return gateway;
    },
    api,
    portalId,
    connector,
    channelId,
    databaseUrl,
    deliverySecret: messenger.deliverySecret,
    send: (type, data, { id, at = new Date(sandbox.clock.now()) } = {}) =>
      scene.sendBody(JSON.stringify({ type, timestamp: at.toISOString(), data }), id === undefined ? {} : { id }),
    sendBody(body, { id = `evt_${randomUUID()}`, requestId } = {}) {
      const timestamp = Math.floor(sandbox.clock.now() / 1000);
      return axios.post(messenger.webhookUrl, body, {
        headers: {
          'content-type': 'application/json',
          'webhook-id': id,
          ...(requestId === undefined ? {} : { 'x-request-id': requestId }),
          'webhook-timestamp': timestamp,
          'webhook-signature': sign({ id, timestamp, body, secret: messenger.webhookSecret }),
        },
        validateStatus: () => true,
      });
    },
    say: (conversationId, messageId, text, more = {}) =>
      scene.send('message.created', {
        conversation: { id: conversationId, ...more },
        sender: { id: 'u-7', name: 'Anna', lastName: 'Berg' },
        message: { id: messageId, text },
      }),
    rename: (conversationId, name, at) =>
      scene.send('conversation.renamed', { conversation: { id: conversationId, name } }, at ? { at } : {}),
    async find(externalId) {
      const { data } = await api.get<{ items: ConversationView[] }>('/conversations', { params: { externalId } });
      return data.items[0];
    },
    conversation: async (externalId, isReached = () => true, withinMs = 30_000) =>
      (await until(
        () => scene.find(externalId),
        (view) => view !== undefined && isReached(view),
        { withinMs },
      )) as ConversationView,
    dialogs: (externalId) => portal.state().dialogs.filter((dialog) => dialog.externalChatId === externalId),
    calls: (method) => portal.ledger.entries({ method }),
    advance: (ms) => sandbox.advance(ms),
    async elapse(ms) {
      // What is due is as good as running: a claim on its way would be of a time that has passed when it arrives.
      const sql = `select (select count(*) from job where state = 'running')::int as running,
        (select count(*) from lane l join gate g on g.id = l.gate_id
         where l.due_at <= $1 and not g.paused and (g.blocked_until is null or g.blocked_until <= $1))::int as due`;
      const busy = (): Promise<{ running: number; due: number }[]> => db.sql.rows(sql, new Date(sandbox.clock.now()));
      await until(busy, ([left]) => left?.running === 0 && left.due === 0);
      sandbox.advance(ms);
      // Timers run with the real time: whoever sleeps until something is due is told that it is.
      await db.sql.rows("select pg_notify('gateway_wake', id::text) from gate");
    },
    async passUntil(read, isReached = Boolean) {
      for (let passedMs = 0; passedMs < 3_600_000; passedMs += 5_000) {
        await scene.elapse(5_000);
        const value = await read();
        if (isReached(value)) return value;
      }
      throw new Error('the state was not reached within an hour of the gateway');
    },
    async idle() {
      // One statement: two lists read after each other would miss what changes state in between.
      const sql = "select count(*)::int as left from job where state in ('waiting', 'running')";
      await until(async () => (await db.sql.rows<{ left: number }>(sql))[0]?.left === 0, Boolean, { withinMs: 30_000 });
    },
    async restart(meanwhile) {
      await gateway.stop({ graceMs: 1_000 });
      await meanwhile?.();
      gateway = await startGateway(fixed, log, owned);
    },
    async close() {
      await db.close();
      await gateway.stop({ graceMs: 500 });
      await sandbox.close();
    },
  };
  return scene;
}

async function created<T>(answer: Promise<AxiosResponse<T>>): Promise<T> {
  const { status, data } = await answer;
  if (status !== 201) throw new Error(`expected 201, got ${status}: ${JSON.stringify(data)}`);
  return data;
}

/** The installation's own connector is a group one; a direct one is added where the scene wants it. */
async function installed(
  api: AxiosInstance,
  kind: 'group' | 'direct',
): Promise<{ portalId: string; connector: string }> {
  interface Items {
    items: { id: string; code: string; state: string; setUpAt?: string | null }[];
  }
  const list = async (url: string): Promise<Items['items']> => (await api.get<Items>(url)).data.items;
  const portal = await until(async () => (await list('/portals')).find(({ setUpAt }) => setUpAt));
  const portalId = portal?.id ?? '';
  await until(async () => (await list(`/portals/${portalId}/bots`)).every(({ state }) => state === 'ready'));
  if (kind === 'direct') {
    await created(api.post(`/portals/${portalId}/connectors`, { code: 'direct_chat', name: 'Direct', kind: 'direct' }));
    return { portalId, connector: 'direct_chat' };
  }
  const connectors = await until(
    () => list(`/portals/${portalId}/connectors`),
    (all) => all.length > 0 && all.every(({ state }) => state === 'ready'),
  );
  return { portalId, connector: connectors[0]?.code ?? '' };
}
