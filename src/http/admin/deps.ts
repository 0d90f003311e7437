import type { Request } from 'express';
import type { PortalCalls } from '../../bridge/portals.ts';
import type { Database } from '../../db/database.ts';
import type { Doctor } from '../../bridge/doctor.ts';
import type { Clock } from '../../kit/clock.ts';
import type { Logger } from '../../kit/logger.ts';
import type { Vault } from '../../kit/secrets.ts';
import type { Gate } from '../../outbox/gate.ts';
import type { Outbox } from '../../outbox/outbox.ts';
import type { ApiKey } from '../apiKey.ts';
import type { WrongKeys } from '../wrongKeys.ts';

export interface AdminDeps {
  db: Database;
  outbox: Outbox;
  portals: PortalCalls;
  gate: Gate;
  doctor: Doctor;
  vault: Vault;
  clock: Clock;
  log: Logger;
  /** Shared by all doors that take keys. */
  wrongKeys: WrongKeys;
  /** Base of the addresses shown, without a slash at its end. */
  publicUrl: () => string;
  /** Address, secrets or settings of a messenger changed: whoever keeps them in memory has to read them again. */
  onMessengerChanged(slug: string): void;
  /** The key behind the session of a signed-in browser, asked when a request carries none. */
  session?: (req: Request) => Promise<ApiKey | undefined>;
  /** How long somebody is kept waiting for work on the portal; 5 seconds. */
  settleWithinMs?: number;
}
