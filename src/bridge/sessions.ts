import { bundled } from '../bitrix24/batch.ts';
import { getSessionHistory, type SessionHistory } from '../bitrix24/openLines.ts';
import type { Call } from '../bitrix24/portalApi.ts';
import type { Clock } from '../kit/clock.ts';

/** Sessions that may lie between two known ones: their numbers are the portal's, so most are of other dialogs. */
const MOST_BETWEEN = 100;

/** Pure: the known numbers, and those from `since` to the last one; the newest of these where there are too many. */
export function withBetween(known: readonly number[], since: number): number[] {
  const last = Math.max(...known);
  const from = Math.max(since, last - MOST_BETWEEN);
  const between = Array.from({ length: Math.max(0, last - from) }, (_, index) => from + index);
  return [...new Set([...known, ...between])].filter((id) => id > 0).sort((a, b) => a - b);
}

export interface SessionReader {
  /** Histories of these sessions that can be seen and are of that chat. What is asked side by side shares requests. */
  read(sessionIds: readonly number[], chatId: string | null): Promise<SessionHistory[]>;
}

/** Asks for each session once: those between two known ones are of several dialogs. */
export function createSessionReader(call: Call, deps: { clock: Clock }): SessionReader {
  const together = bundled(call, deps);
  const asked = new Map<number, Promise<SessionHistory | undefined>>();
  const historyOf = (id: number): Promise<SessionHistory | undefined> => {
    const history = asked.get(id) ?? getSessionHistory(together, { sessionId: String(id) });
    asked.set(id, history);
    return history;
  };
  return {
    async read(sessionIds, chatId) {
      const histories = await Promise.all(sessionIds.map(historyOf));
      return histories
        .filter((history) => history !== undefined)
        .filter((history) => history.chatId === '' || history.chatId === chatId);
    },
  };
}
