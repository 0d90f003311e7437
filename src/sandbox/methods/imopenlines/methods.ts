import type { Method } from '../method.ts';
import { configMethods } from './config.ts';
import { dialogMethods } from './dialogs.ts';
import { historyMethods } from './history.ts';

/** Everything under `imopenlines.` (contract imconnector §3.14, §3.15). */
export const imopenlinesMethods: readonly Method[] = [...configMethods, ...dialogMethods, ...historyMethods];
