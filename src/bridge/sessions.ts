import { bundled } from '../bitrix24/batch.ts';
import { type Dialog, getSessionHistory, type SessionHistory } from '../bitrix24/openLines.ts';
import type { Call } from '../bitrix24/portalApi.ts';
import type { Database } from '../db/database.ts';
import type { Clock } from '../kit/clock.ts';

/** Which sessions of a dialog are read where something may be that nobody told us of. */

/** Sessions that may lie between two known ones: their numbers are the portal's, so most are of other dialogs. */
const MOST_BETWEEN = 100;

/** Pure: the known numbers, and those from `since` to the last one; the newest of these where there are too many. */
export function withBetween(known: readonly number[], since: number, most = MOST_BETWEEN): number[] {
  const last = Math.max(...known);
  const from = Math.max(since, last - most);
  const between = Array.from({ length: Math.max(0, last - from) }, (_, index) => from + index);
  return [...new Set([...known, ...between])].filter((id) => id > 0).sort((a, b) => a - b);
}

export interface SessionReader {
  /** Histories of these sessions that can be seen. What is asked side by side shares requests. */
  seen(sessionIds: readonly number[]): Promise<SessionHistory[]>;
  /** Those of one chat among them. */
  read(sessionIds: readonly number[], chatId: string | null): Promise<SessionHistory[]>;
  /** The last session of a dialog, which only names one that is open; undefined where we may not look. */
  lastOf(dialog: Dialog | undefined): Promise<string | undefined>;
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
  async function seen(sessionIds: readonly number[]): Promise<SessionHistory[]> {
    const histories = await Promise.all(sessionIds.map(historyOf));
    return histories.filter((history) => history !== undefined);
  }
  return {
    seen,
    read: async (sessionIds, chatId) => (await seen(sessionIds)).filter((history) => history.chatId === chatId),
    async lastOf(dialog) {
      if (!dialog || dialog.sessionId !== undefined) return dialog?.sessionId;
      const history = await getSessionHistory(together, { chatId: dialog.chatId });
      return history?.sessionId === '' ? undefined : history?.sessionId;
    },
  };
}

/** A session in which a person of the messenger spoke. */
export interface SpokenSession {
  id: number;
  /** When the first word arrived in it. */
  beganAt: Date;
  /** When the last one was said. */
  lastAt: Date;
}

/** By conversation. */
export async function spokenSessions(
  db: Database,
  conversationIds: readonly string[],
): Promise<Map<string, SpokenSession[]>> {
  const rows = await db.prisma.message.groupBy({
    by: ['conversationId', 'sessionId'],
    where: { conversationId: { in: [...conversationIds] }, sessionId: { not: null }, deliveredAt: { not: null } },
    _min: { deliveredAt: true },
    _max: { sentAt: true },
  });
  const spoken = new Map<string, SpokenSession[]>();
  for (const { conversationId, sessionId, _min, _max } of rows) {
    const session = { id: Number(sessionId), beganAt: _min.deliveredAt ?? EVER, lastAt: _max.sentAt ?? EVER };
    spoken.set(conversationId, [...(spoken.get(conversationId) ?? []), session]);
  }
  return spoken;
}

const EVER = new Date(0);

/** The session in which the message before one arrived; they are sent one after the other. */
export async function sessionBefore(
  db: Database,
  { conversationId, createdAt }: { conversationId: string; createdAt: Date },
): Promise<string | undefined> {
  const row = await db.prisma.message.findFirst({
    where: { conversationId, direction: 'toPortal', sessionId: { not: null }, createdAt: { lt: createdAt } },
    orderBy: { createdAt: 'desc' },
    select: { sessionId: true },
  });
  return row?.sessionId ?? undefined;
}

export interface AroundSilence {
  spoken: readonly SpokenSession[];
  /** Sessions the portal named, the last one among them. */
  told: readonly (string | number | null | undefined)[];
  silentSince: Date;
  /** What was last spoken in before that is left alone. */
  notBefore: Date;
}

/**
 * Pure: the sessions we know of, and what lies between the one that was spoken in before the silence and the last one:
 * operators may have begun and finished some while nobody listened.
 */
export function sessionsAround({ spoken, told, silentSince, notBefore }: AroundSilence): number[] {
  const young = spoken.filter(({ lastAt }) => lastAt >= notBefore).map(({ id }) => id);
  const known = [...young, ...told.map(Number)].filter((id) => id > 0);
  // What was told of a session may be younger than what was missed; what the person wrote before is not.
  const before = spoken.filter(({ beganAt }) => beganAt < silentSince).map(({ id }) => id);
  return withBetween(known, before.length > 0 ? Math.max(...before) : Math.min(...known));
}
