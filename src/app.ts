import { once } from 'node:events';
import { type Server, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createClient } from './bitrix24/client.ts';
import { createOAuth } from './bitrix24/oauth.ts';
import { createAcceptance } from './bridge/accept.ts';
import { createWebhookEventApplication } from './bridge/applyWebhookEvents.ts';
import { createBotAccess } from './bridge/botAccess.ts';
import { createBotConvergence, createBotRemoval } from './bridge/bots.ts';
import { createBotEventPolling, createPollSchedule } from './bridge/botEvents.ts';
import { createCompanionArchiving } from './bridge/companionArchive.ts';
import { createCompanionPosting } from './bridge/companionMessages.ts';
import { createCompanionReconciliation } from './bridge/companionReconciliation.ts';
import { createCompanionConvergence } from './bridge/companions.ts';
import {
  createChannelConnection,
  createChannelDisconnection,
  createConnectorConvergence,
  createConnectorRemoval,
} from './bridge/connectors.ts';
import { createDailyWork, createGrantKeeping } from './bridge/daily.ts';
import { acceptInstallEvent, createInstallVerification, openFrame } from './bridge/frames.ts';
import { firstAdminKey, installationIdOf, localGateOf, replaceKey } from './bridge/identity.ts';
import { createInstallation } from './bridge/installation.ts';
import { createDeliveries } from './bridge/deliveries.ts';
import { createMedia, MAX_MEDIA_BYTES } from './bridge/media.ts';
import { createDialogFinish, createMessageChange } from './bridge/messageChanges.ts';
import { connectedLines, readLineSettings, saveLineSettings } from './bridge/lineSettings.ts';
import { createMessageDelivery } from './bridge/messages.ts';
import { createMessengerDirectory } from './bridge/messengers.ts';
import type { JobKind } from './bridge/model.ts';
import { createNameConvergence } from './bridge/names.ts';
import { createNotification } from './bridge/notifications.ts';
import { acceptPortalEvent, createPortalEventApplication, identifyPortal } from './bridge/portalEvents.ts';
import { createPortalCalls } from './bridge/portals.ts';
import { createPulse } from './bridge/pulse.ts';
import { createReplyRecovery } from './bridge/recovery.ts';
import { createDeliveryConfirmation, createReplyChange, createReplyDelivery } from './bridge/replies.ts';
import { createChannelRetitling } from './bridge/retitling.ts';
import { createRetention } from './bridge/retention.ts';
import { createPortalSetUp } from './bridge/setUp.ts';
import { createUninstallConfirmation } from './bridge/uninstallation.ts';
import type { Config } from './config.ts';
import { createDatabase } from './db/database.ts';
import { requireMigrated } from './db/migrate.ts';
import { createAdminRouter } from './http/admin/router.ts';
import { createPortalEventsDoor } from './http/bitrix24/events.ts';
import { createPortalPages } from './http/bitrix24/pages.ts';
import { createPageSessions } from './http/bitrix24/pageSession.ts';
import { createHealthRouter } from './http/health.ts';
import { createMediaDoor } from './http/media.ts';
import { createMessengerWebhook } from './http/messengerWebhook.ts';
import { createDocsRouter } from './http/openApi.ts';
import { createServerApp } from './http/server.ts';
import { type Clock, systemClock } from './kit/clock.ts';
import type { Logger } from './kit/logger.ts';
import { createVault } from './kit/secrets.ts';
import { createMessengerClient } from './messenger/client.ts';
import { createEgress } from './messenger/egress.ts';
import { createFileClient } from './messenger/files.ts';
import { createGate } from './outbox/gate.ts';
import type { Handler } from './outbox/job.ts';
import { createOutbox } from './outbox/outbox.ts';
import { createWake } from './outbox/wake.ts';
import { createWorker, LEASE_MS } from './outbox/worker.ts';

/** What the gateway runs on once `main` has found it: a database, keys, and the application's credentials. */
export interface Settled extends Config {
  databaseUrl: string;
  bitrix24: { clientId: string; clientSecret: string };
}

export interface Gateway {
  readonly port: number;
  readonly publicUrl: string;
  /** Only when it was made just now: it is shown once. */
  readonly newAdminKey: string | undefined;
  /** A key for a program that comes with the gateway; an older one of the same name stops working. */
  issueKey(name: string, scopes: readonly string[]): Promise<string>;
  /** Stops taking requests, finishes what is under way, lets go of everything. */
  stop(options?: { graceMs?: number }): Promise<void>;
}

const USER_AGENT = 'open-channel-gateway/0.1';

/**
 * The only place that knows everybody: wiring, and which handler does which kind of job.
 * `owned.clock`: for who owns the time, such as a test; the database's own clock decides otherwise.
 */
export async function startGateway(config: Settled, log: Logger, owned: { clock?: Clock } = {}): Promise<Gateway> {
  const clock = owned.clock ?? systemClock;
  const vault = createVault(config.encryptionKeys);
  const db = createDatabase({
    url: config.databaseUrl,
    onError: (error) => log.warn('database.connectionLost', { error }),
  });
  const wake = createWake({ db, log });
  const outbox = createOutbox({ db, wake, ...owned });
  const gate = createGate({ sql: db.sql, ...owned });
  const allowInsecure = config.allowInsecurePortals;
  const client = createClient({ clock, log, allowInsecure, userAgent: USER_AGENT });
  const oauth = createOAuth({ ...config.bitrix24, trustedServers: config.oauthUrls, clock, log });
  const portals = createPortalCalls({ db, client, oauth, vault, gate, clock, log });
  const bots = createBotAccess({ db, outbox, portals, clock });
  const installationId = await installationIdOf(db);
  const localGateId = await localGateOf(db);
  const installation = createInstallation({ outbox, portals, vault, clock, log, installationId, localGateId });
  const acceptance = createAcceptance({ db, wake, log });
  const messengers = createMessengerDirectory({ db, vault, clock });
  const newAdminKey = await firstAdminKey(db, config.adminApiKey);
  // Known once the server listens, where any free port was asked for.
  let publicUrl = config.publicUrl;
  const address = (): string => publicUrl;

  const egress = createEgress(config.egressAllow);
  const outside = { egress, clock, userAgent: USER_AGENT };
  const deliveries = createDeliveries({ db, vault, clock, client: createMessengerClient(outside) });
  const files = createFileClient(outside);
  const media = createMedia({ db, files, egress, vault, clock, log, publicUrl: address });
  const wiring = { db, outbox, portals, clock, log, publicUrl: address };
  const grants = { db, oauth, vault, clock, log };
  const frames = {
    db,
    client,
    installation,
    verify: { oauth, clientId: config.bitrix24.clientId, allowInsecure, clock },
  };
  const handlers: Record<JobKind, Handler> = {
    verifyInstall: createInstallVerification({ ...frames, vault }),
    applyWebhookEvents: createWebhookEventApplication({ db, clock, log }),
    applyPortalEvent: createPortalEventApplication({ db, clock, log }),
    deliverMessage: createMessageDelivery({ db, outbox, portals, clock, log, mediaUrl: media.url }),
    changeMessage: createMessageChange({ db, portals, mediaUrl: media.url }),
    finishDialog: createDialogFinish({ db, portals }),
    deliverReply: createReplyDelivery({ db, deliveries, clock, log }),
    changeReply: createReplyChange({ db, deliveries, clock, log }),
    confirmDelivery: createDeliveryConfirmation({ db, portals, clock }),
    notifyMessenger: createNotification({ db, deliveries }),
    reconcileCompanions: createCompanionReconciliation({ db, bots, vault, clock, log }),
    recoverReplies: createReplyRecovery({ db, portals, clock, log }),
    convergeName: createNameConvergence({ db, portals, clock, log }),
    convergeCompanion: createCompanionConvergence({ db, bots, vault, clock, log }),
    archiveCompanion: createCompanionArchiving({ db, bots, vault, clock, log }),
    pollBotEvents: createBotEventPolling({ db, bots, vault, clock, log }),
    postToCompanion: createCompanionPosting({ db, bots, vault, clock }),
    retitleChannel: createChannelRetitling({ db }),
    setUpPortal: createPortalSetUp(wiring, 'installed'),
    checkPortal: createPortalSetUp(wiring, 'daily'),
    confirmUninstall: createUninstallConfirmation(grants),
    keepGrant: createGrantKeeping(grants),
    convergeConnector: createConnectorConvergence(wiring),
    removeConnector: createConnectorRemoval(wiring),
    convergeBot: createBotConvergence({ db, bots, vault, clock, log, installationId, publicUrl: address }),
    removeBot: createBotRemoval({ bots, vault }),
    connectChannel: createChannelConnection(wiring),
    disconnectChannel: createChannelDisconnection(wiring),
  };
  const worker = createWorker({ outbox, gate, wake, handlers, clock, log, leaseMs: LEASE_MS });

  const app = createServerApp({
    log,
    machineDoors: [
      createMessengerWebhook({
        clock,
        log,
        findMessenger: (slug) => messengers.find(slug),
        accept: (messenger, events, context) => acceptance.accept(messenger, events, context),
      }),
      createPortalEventsDoor({
        log,
        install: (form, requestId) => acceptInstallEvent({ ...frames, outbox, vault, localGateId }, form, requestId),
        identify: (event) => identifyPortal(db, event),
        accept: (portalId, event, requestId) =>
          acceptPortalEvent({ db, wake, localGateId }, portalId, event, requestId),
        uninstalled: (portalId, requestId) => installation.uninstalled(portalId, requestId),
      }),
    ],
    routers: [
      createPortalPages({
        open: (query, body, requestId) => openFrame(frames, query, body, requestId),
        lines: (portalId) => connectedLines(db, portalId),
        settings: (line) => readLineSettings(db, line),
        save: (line, wish, requestId) =>
          saveLineSettings({ db, outbox, portals, gate, vault, clock }, line, wish, requestId),
        sessions: createPageSessions({ vault, clock }),
        bx24Script: config.bx24Script,
      }),
      createMediaDoor({ open: (token, signal) => media.open(token, signal), maxBytes: MAX_MEDIA_BYTES, log }),
      createHealthRouter({
        log,
        checks: {
          database: async () => void (await db.sql.rows('select 1 as one')),
          migrations: () => requireMigrated(db.sql),
          workers: () => (worker.healthy ? Promise.resolve() : Promise.reject(new Error('the worker cannot claim'))),
        },
      }),
      createDocsRouter(),
    ],
    admin: createAdminRouter({
      db,
      outbox,
      portals,
      gate,
      vault,
      clock,
      log,
      publicUrl: address,
      onMessengerChanged: (slug) => messengers.forget(slug),
    }),
  });

  const server = createServer(app);
  const port = await listen(server, config);
  if (config.publicUrl === `http://127.0.0.1:${config.port}`) publicUrl = `http://127.0.0.1:${port}`;
  await wake.start();
  // Whoever only works has no door that could have been closed.
  const pulse = config.role === 'worker' ? undefined : createPulse({ db, outbox, clock, log });
  await pulse?.start();
  const retention = createRetention({ db, clock, log });
  const pollSchedule = createPollSchedule({ db, outbox, clock, log });
  const daily = createDailyWork({ db, outbox, clock, log, localGateId });
  if (config.role !== 'web') {
    worker.start();
    retention.start();
    await daily.start();
    pollSchedule.start();
  }
  log.info('gateway.started', { port, role: config.role, installationId });

  return {
    port,
    get publicUrl() {
      return publicUrl;
    },
    newAdminKey,
    issueKey: (name, scopes) => replaceKey(db, name, scopes),
    async stop({ graceMs = 20_000 } = {}) {
      await Promise.all([
        closeServer(server),
        worker.stop({ graceMs }),
        retention.stop(),
        daily.stop(),
        pollSchedule.stop(),
      ]);
      await pulse?.stop();
      await wake.stop();
      client.close();
      egress.close();
      oauth.close();
      await db.close();
      log.info('gateway.stopped');
    },
  };
}

async function listen(server: Server, { host, port }: Config): Promise<number> {
  server.listen(port, host);
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

/** Requests under way are answered; their connections would then be kept alive for another one that never comes. */
async function closeServer(server: Server): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  const tidy = setInterval(() => server.closeIdleConnections(), 50);
  const impatience = setTimeout(() => server.closeAllConnections(), 5_000);
  await closed;
  clearInterval(tidy);
  clearTimeout(impatience);
}
