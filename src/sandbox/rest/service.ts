import type { EventSender } from '../events/sender.ts';
import type { Faults } from '../faults.ts';
import type { Portal } from '../hit.ts';
import type { Ledger } from '../ledger.ts';
import type { Method } from '../methods/method.ts';
import type { OperatingTime } from './operatingTime.ts';
import type { RequestBucket } from './requestBucket.ts';

/** Where the two readings of a fact differ, which one the portal plays (contract platform §3.4, §4). */
export interface RestSwitches {
  readonly insufficientScopeStatus: 401 | 403;
  /** Who is billed for a batch: its commands, or `batch` itself. */
  readonly batchBilling: 'commands' | 'batch';
}

/** What the REST side of a portal works with. */
export interface RestService {
  readonly portal: Portal;
  readonly findMethod: (name: string) => Method | undefined;
  readonly bucket: RequestBucket;
  readonly operating: OperatingTime | undefined;
  /** Seconds a method is said to take; 0 unless set. */
  readonly costOf: (method: string) => number;
  readonly faults: Faults;
  readonly ledger: Ledger;
  readonly sender: EventSender;
  readonly switches: RestSwitches;
  /** Does what became due since the last look: agents run when somebody visits the portal. */
  readonly runAgents: () => void;
}
