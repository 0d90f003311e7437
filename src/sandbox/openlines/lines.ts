import type { Portal } from '../hit.ts';
import { toInt } from '../php/values.ts';
import { users } from '../users.ts';

/** An Open Channel line. Settings are strings, numbers included, as the portal answers them (contract imconnector §3.14). */
export interface LineRow {
  readonly id: number;
  readonly settings: Readonly<Record<string, string>>;
  /** Users who take new dialogs, first one first. */
  readonly queue: readonly number[];
  readonly createdAt: number;
  /** Temporary lines vanish by themselves. */
  readonly expiresAt?: number;
}

const TEMPORARY_MS = 8 * 3600 * 1000;

export const LINE_DEFAULTS: Readonly<Record<string, string>> = {
  ACTIVE: 'Y',
  LINE_NAME: 'Open Channel',
  CRM: 'N',
  CRM_CREATE: 'lead',
  CRM_SOURCE: 'create',
  QUEUE_TIME: '60',
  NO_ANSWER_TIME: '60',
  QUEUE_TYPE: 'evenly',
  CHECK_AVAILABLE: 'N',
  WELCOME_MESSAGE: 'N',
  FULL_CLOSE_TIME: '0',
  AUTO_CLOSE_TIME: '14400',
  VOTE_MESSAGE: 'N',
  LANGUAGE_ID: 'en',
  OPERATOR_DATA: 'profile',
  TEMPORARY: 'N',
  XML_ID: '',
};

export function lines(portal: Portal) {
  return portal.table<LineRow>('lines');
}

export function addLine(portal: Portal, settings: Readonly<Record<string, string>>, queue: readonly number[]): LineRow {
  const id = portal.nextId('line');
  const all: Record<string, string> = { ...LINE_DEFAULTS, LINE_NAME: `Open Channel ${id}`, ...settings };
  const createdAt = portal.clock.now();
  const row = {
    id,
    settings: all,
    queue,
    createdAt,
    ...(all.TEMPORARY === 'Y' ? { expiresAt: createdAt + TEMPORARY_MS } : {}),
  };
  lines(portal).put(id, row);
  return row;
}

/** Line 1, served by an ordinary employee: who installed the application takes no part in its dialogs. */
export function seedLine(portal: Portal): void {
  lines(portal).put(1, { id: 1, settings: LINE_DEFAULTS, queue: [27], createdAt: portal.clock.now() });
}

export function lineName(line: LineRow): string {
  return line.settings.LINE_NAME ?? '';
}

export function fullCloseMinutes(line: LineRow | undefined): number {
  return toInt(line?.settings.FULL_CLOSE_TIME ?? '0');
}

export function firstOfQueue(portal: Portal, line: LineRow): number {
  return line.queue.find((id) => users(portal).get(id)?.active) ?? 0;
}
