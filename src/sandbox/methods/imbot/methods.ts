import type { Method } from '../method.ts';

/** Everything under `imbot.`, v2 and legacy. */
export const imbotMethods: readonly Method[] = [];
