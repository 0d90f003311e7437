import type { Method } from '../method.ts';
import { chatNameMethods } from './chatName.ts';
import { deliveryMethods } from './delivery.ts';
import { messageMethods } from './messages.ts';
import { registerMethods } from './register.ts';
import { statusMethods } from './status.ts';

/** Everything under `imconnector.` (contract imconnector §3.1 to §3.13). */
export const imconnectorMethods: readonly Method[] = [
  ...registerMethods,
  ...statusMethods,
  ...messageMethods,
  ...deliveryMethods,
  ...chatNameMethods,
];
