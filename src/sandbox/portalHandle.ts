import type { EventSender } from './events/sender.ts';
import type { Faults } from './faults.ts';
import type { Portal } from './hit.ts';
import type { Ledger } from './ledger.ts';
import type { Operations } from './operations.ts';
import type { RestSwitches } from './rest/service.ts';
import type { StateView } from './stateView.ts';

export interface PortalSwitches extends RestSwitches {
  /** Whether refused requests fill the bucket further (contract platform §4.1). */
  readonly refusedRequestsFillBucket: boolean;
  /** Contract platform §4.3: 480 in the cloud. */
  readonly operatingLimitSeconds: number;
}

/** A portal that is open for visitors. */
export interface SandboxPortal extends Operations {
  readonly memberId: string;
  /** Addresses as of now; they change when the portal moves. */
  readonly url: string;
  readonly restUrl: string;
  readonly domain: string;
  readonly controlUrl: string;
  /** Its rows, for whoever runs in the same process. */
  readonly inside: Portal;
  readonly faults: Faults;
  readonly ledger: Ledger;
  readonly events: EventSender;
  state(): StateView;
  /** Seconds a method is said to take from now on, for the operating limit (contract platform §4.3). */
  setMethodCost(method: string, seconds: number): void;
  /** A new address; the old one answers with a redirect (contract platform §2.7). */
  move(): Promise<string>;
  /** Does what became due: agents of a portal run when somebody visits it, or when its clock was advanced. */
  runAgents(): void;
  close(): Promise<void>;
}
