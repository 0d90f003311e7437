import type { Database } from '../db/database.ts';
import type { Clock } from '../kit/clock.ts';
import { DeliveryError } from '../kit/errors.ts';
import type { Logger } from '../kit/logger.ts';
import type { Vault } from '../kit/secrets.ts';
import type { Delivery, MessengerClient } from '../messenger/client.ts';
import type { Failure, OutboxTx } from '../outbox/job.ts';

/** Requests to the `deliveryUrl` of a messenger, with the secrets that are valid now. */
export interface Deliveries {
  /** @throws DeliveryError `blocked` where there is no address to send to. */
  send(messengerId: string, delivery: { id: string; body: object }): Promise<{ messageIds: string[] }>;
  /** To be called for every failed attempt, in its transaction: 410 stops deliveries until somebody resumes them. */
  failed(tx: OutboxTx, failure: Failure, gateId: string): Promise<void>;
}

export function createDeliveries(deps: {
  db: Database;
  vault: Vault;
  client: MessengerClient;
  clock: Clock;
  log: Logger;
}): Deliveries {
  const { db, vault, client, clock, log } = deps;

  async function post(messenger: string, delivery: Delivery): Promise<{ messageIds: string[] }> {
    const startedAt = clock.now();
    const report = (code: string): void =>
      log.debug('messenger.called', { messenger, code, durationMs: Math.max(0, clock.now() - startedAt) });
    try {
      const answer = await client.deliver(delivery);
      report('ok');
      return answer;
    } catch (error) {
      report(error instanceof DeliveryError ? error.code : 'internal');
      throw error;
    }
  }

  return {
    async send(messengerId, { id, body }) {
      const valid = { kind: 'delivery', OR: [{ expiresAt: null }, { expiresAt: { gt: new Date(clock.now()) } }] };
      const messenger = await db.prisma.messenger.findUniqueOrThrow({
        where: { id: messengerId },
        include: { secrets: { where: valid, orderBy: { createdAt: 'desc' } } },
      });
      if (messenger.deliveryUrl === null) throw noAddress();
      const secrets = messenger.secrets.map(({ secret }) => vault.decrypt(secret));
      return post(messenger.slug, { url: messenger.deliveryUrl, secrets, id, body });
    },
    async failed({ sql }, { code }, gateId) {
      if (code !== 'gone') return;
      await sql.rows('update gate set paused = true where id = $1::bigint returning 1 as paused', gateId);
    },
  };
}

const noAddress = (): DeliveryError =>
  new DeliveryError({ verdict: 'blocked', code: 'no_delivery_url', detail: 'the messenger has no deliveryUrl' });
