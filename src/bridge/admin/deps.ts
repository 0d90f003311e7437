import type { Database } from '../../db/database.ts';
import type { Clock } from '../../kit/clock.ts';
import type { Vault } from '../../kit/secrets.ts';
import type { Gate } from '../../outbox/gate.ts';
import type { Outbox } from '../../outbox/outbox.ts';
import type { PortalCalls } from '../portals.ts';

/**
 * What administrators may do. Every change writes the wanted state and queues its job in one transaction: once that is
 * committed, it will happen, whatever becomes of the process or the portal.
 */
export interface Administration {
  db: Database;
  outbox: Outbox;
  portals: PortalCalls;
  gate: Gate;
  vault: Vault;
  clock: Clock;
  /** How long somebody is kept waiting for work on the portal; its result shows later otherwise. */
  settleWithinMs?: number;
}

/** A page of a list: up to `limit` items after the one with the id `cursor`. */
export interface Page {
  limit: number;
  cursor?: string | undefined;
}
