import { createClient } from '../bitrix24/client.ts';
import { createOAuth } from '../bitrix24/oauth.ts';
import { createAcceptance } from '../bridge/accept.ts';
import { createBotAccess } from '../bridge/botAccess.ts';
import { installationIdOf, localGateOf } from '../bridge/identity.ts';
import { createDoctor } from '../bridge/doctor.ts';
import { createInstallation } from '../bridge/installation.ts';
import { createDeliveries } from '../bridge/deliveries.ts';
import { createMedia } from '../bridge/media.ts';
import { createMessengerDirectory } from '../bridge/messengers.ts';
import { createPortalCalls } from '../bridge/portals.ts';
import { createPulse } from '../bridge/pulse.ts';
import { createResealing } from '../bridge/resealing.ts';
import type { Config } from '../config.ts';
import { createDatabase } from '../db/database.ts';
import { createWrongKeys } from '../http/wrongKeys.ts';
import { type Clock, systemClock } from '../kit/clock.ts';
import { calmLog } from '../kit/calmLog.ts';
import type { Logger } from '../kit/logger.ts';
import { observedLog } from '../kit/logObserver.ts';
import { createVault } from '../kit/secrets.ts';
import { createMessengerClient } from '../messenger/client.ts';
import { createEgress } from '../messenger/egress.ts';
import { createFileClient } from '../messenger/files.ts';
import { createMetrics } from '../metrics/metrics.ts';
import { createMessengerProbe } from '../messenger/probe.ts';
import { createGate } from '../outbox/gate.ts';
import { createOutbox } from '../outbox/outbox.ts';
import { createWake } from '../outbox/wake.ts';

/** Everything the gateway is made of, before it is told what to do and who may come in. */
export type Parts = Awaited<ReturnType<typeof createParts>>;

/** What the gateway runs on once `main` has found it: a database, keys, and the application's credentials. */
export interface Settled extends Config {
  databaseUrl: string;
  bitrix24: { clientId: string; clientSecret: string };
}

const VERSION = '0.1';
const USER_AGENT = `open-channel-gateway/${VERSION}`;

/** `owned.clock`: for who owns the time, such as a test; the database's own clock decides otherwise. */
export async function createParts(config: Settled, lines: Logger, owned: { clock?: Clock }) {
  const metrics = createMetrics({ version: VERSION, role: config.role });
  const calm = calmLog(lines);
  // Lines that are held back are counted all the same.
  const log = observedLog(calm, metrics.observe);
  const clock = owned.clock ?? systemClock;
  const vault = createVault(config.encryptionKeys);
  const onError = (error: Error): void => log.warn('database.connectionLost', { error });
  const db = createDatabase({ url: config.databaseUrl, onError });
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
  // Known once the server listens, where any free port was asked for.
  const address = { url: config.publicUrl };
  const publicUrl = (): string => address.url;
  const egress = createEgress(config.egressAllow);
  const outside = { egress, clock, userAgent: USER_AGENT };
  const files = createFileClient(outside);
  return {
    ...{ config, log, clock, vault, db, wake, outbox, gate, client, oauth, portals, bots, installation },
    ...{ installationId, localGateId, address, publicUrl, egress, metrics, calm },
    wrongKeys: createWrongKeys({ onThrottled: (address) => log.warn('keys.throttled', { address }) }),
    pulse: createPulse({ outbox, clock, log }),
    acceptance: createAcceptance({ db, wake, log, ...owned }),
    messengers: createMessengerDirectory({ db, vault, clock }),
    deliveries: createDeliveries({ db, vault, clock, log, client: createMessengerClient(outside) }),
    resealing: createResealing({ sql: db.sql, vault, log }),
    media: createMedia({ db, files, egress, vault, clock, log, publicUrl }),
    doctor: createDoctor({
      ...{ db, outbox, gate, wake, portals, bots, vault, clock, log, installationId, publicUrl },
      messengers: createMessengerProbe(outside),
    }),
    frames: { db, client, installation, verify: { oauth, clientId: config.bitrix24.clientId, allowInsecure, clock } },
  };
}

/** Ends every request under way to somebody else. What it asked for may have happened; the outbox knows how to go on. */
export function giveUpRequests({ client, egress, oauth }: Pick<Parts, 'client' | 'egress' | 'oauth'>): void {
  client.close();
  egress.close();
  oauth.close();
}

export async function closeParts(parts: Parts): Promise<void> {
  const { wake, db, metrics, calm } = parts;
  await wake.stop();
  giveUpRequests(parts);
  await db.close();
  metrics.close();
  calm.close();
}
