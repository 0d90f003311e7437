import type { Router } from 'express';
import { findApiKey } from '../bridge/admin/apiKeys.ts';
import { acceptInstallEvent, openFrame } from '../bridge/frames.ts';
import { MAX_MEDIA_BYTES } from '../bridge/media.ts';
import { connectedLines, readLineSettings, saveLineSettings } from '../bridge/lineSettings.ts';
import { acceptPortalEvent, identifyPortal } from '../bridge/portalEvents.ts';
import { OPERATING_LIMIT_S } from '../bitrix24/limits.ts';
import { requireMigrated } from '../db/migrate.ts';
import { createAdminRouter } from '../http/admin/router.ts';
import type { ApiKey } from '../http/apiKey.ts';
import { createPortalEventsDoor } from '../http/bitrix24/events.ts';
import { createPortalPages } from '../http/bitrix24/pages.ts';
import { createPageSessions } from '../http/bitrix24/pageSession.ts';
import { createConsoleRouter } from '../http/console/router.ts';
import { type ConsoleSessions, createConsoleSessions } from '../http/console/session.ts';
import { createHealthRouter } from '../http/health.ts';
import { createMediaDoor } from '../http/media.ts';
import { createMessengerWebhook } from '../http/messengerWebhook.ts';
import { createMetricsDoor } from '../http/metrics.ts';
import { createDocsRouter } from '../http/openApi.ts';
import type { ServerParts } from '../http/server.ts';
import type { Worker } from '../outbox/worker.ts';
import type { Parts } from './parts.ts';

/** Who may come in where. A process that only works off jobs has no doors but those that tell how it is. */
export function doorsOf(parts: Parts, worker: Worker, kinds: readonly string[]): ServerParts {
  const { log, db } = parts;
  const health = createHealthRouter({
    log,
    checks: {
      database: async () => void (await db.sql.rows('select 1 as one')),
      migrations: () => requireMigrated(db.sql),
      workers: () => (worker.healthy ? Promise.resolve() : Promise.reject(new Error('the worker cannot claim'))),
    },
  });
  const metrics = metricsOf(parts, worker, kinds);
  if (parts.config.role === 'worker') return { log, machineDoors: [], routers: [health, metrics] };
  const sessions = createConsoleSessions({ ...parts, findKey: (hash) => findApiKey(parts, hash) });
  return {
    log,
    machineDoors: machineDoorsOf(parts),
    routers: [...pagesOf(parts), health, metrics, createDocsRouter(), sessions.router, createConsoleRouter()],
    admin: adminOf(parts, sessions),
  };
}

function metricsOf(
  { db, clock, metrics, resealing, wrongKeys }: Parts,
  worker: Worker,
  kinds: readonly string[],
): Router {
  metrics.read({
    ...{ sql: db.sql, clock, kinds, operatingLimitS: OPERATING_LIMIT_S },
    staleSecrets: () => resealing.stale(),
    lanesHeld: () => worker.held,
  });
  const { contentType } = metrics;
  const findKey = async (hash: string): Promise<ApiKey | undefined> =>
    (await db.prisma.apiKey.findFirst({ where: { hash, revokedAt: null } })) ?? undefined;
  return createMetricsDoor({ contentType, text: () => metrics.text(), findKey, wrongKeys });
}

function machineDoorsOf(parts: Parts): Router[] {
  const { log, clock, db, wake, outbox, vault, localGateId, messengers, acceptance, installation, frames, pulse } =
    parts;
  return [
    createMessengerWebhook({
      clock,
      log,
      findMessenger: (slug) => messengers.find(slug),
      accept: (messenger, events, context) => acceptance.accept(messenger, events, context),
    }),
    createPortalEventsDoor({
      log,
      install: (form, requestId) => acceptInstallEvent({ ...frames, outbox, vault, localGateId }, form, requestId),
      identify: (event) => pulse.hear(() => identifyPortal(db, event)),
      accept: (portalId, event, requestId) =>
        pulse.hear(() => acceptPortalEvent({ db, wake, localGateId }, portalId, event, requestId)),
      uninstalled: (portalId, requestId) => installation.uninstalled(portalId, requestId),
    }),
  ];
}

function pagesOf(parts: Parts): Router[] {
  const { log, clock, db, outbox, gate, portals, vault, media, frames, config } = parts;
  return [
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
  ];
}

function adminOf(
  { db, outbox, portals, gate, vault, clock, log, publicUrl, messengers, wrongKeys, doctor }: Parts,
  sessions: ConsoleSessions,
): Router {
  return createAdminRouter({
    ...{ db, outbox, portals, gate, vault, clock, log, publicUrl, wrongKeys, doctor },
    session: (req) => sessions.keyOf(req),
    onMessengerChanged: (slug) => messengers.forget(slug),
  });
}
