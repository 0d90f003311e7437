import { setTimeout as sleep } from 'node:timers/promises';
import type { Site } from './site.ts';

/** What both sides of every conversation said, in its order. */
export interface Said {
  /** Texts that were accepted from the messenger. */
  byPerson: string[];
  /** What the operator wrote, by the id it has on the portal. */
  byOperator: { id: number; text: string }[];
  /** Names of accepted renames; the last one shall stay. */
  names: string[];
}

export interface Traffic {
  readonly said: ReadonlyMap<string, Said>;
  /** The first words of every conversation, so that each has a dialog. */
  greet(): Promise<void>;
  /**
   * In each conversation both sides speak, and it is renamed. Resolves when all of it is accepted. Half of the operators
   * write when the gateway is back, the others at the beginning.
   */
  round(n: number, isBack: Promise<void>): Promise<void>;
}

const CONVERSATIONS = 6;
export const OPERATOR = 27;
/** Who waits for so many of their messages to arrive says no more: processes that die all the time get little done. */
const MOST_UNDER_WAY = 20;

/** `sessionRounds`: after so many the operator finishes the dialogs, and a new session begins with the next word. */
export function createTraffic(
  site: Site,
  { random, sessionRounds }: { random: () => number; sessionRounds: number },
): Traffic {
  const said = new Map<string, Said>(
    Array.from({ length: CONVERSATIONS }, (_, n) => [`c-${n}`, { byPerson: [], byOperator: [], names: [] }]),
  );

  async function say(id: string, text: string): Promise<void> {
    const sender = { id: 'u-7', name: 'Anna' };
    await site.send('message.created', { conversation: { id }, sender, message: { id: `m-${text}`, text } });
    said.get(id)?.byPerson.push(text);
  }

  const underWay = (id: string): number => {
    const dialog = site.portal.state().dialogs.find(({ externalChatId }) => externalChatId === id);
    const arrived = dialog?.messages.filter(({ origin }) => origin === 'client').length ?? 0;
    return (said.get(id)?.byPerson.length ?? 0) - arrived;
  };

  async function speak(id: string, n: number): Promise<void> {
    const parts = underWay(id) < MOST_UNDER_WAY ? [1, 2] : [];
    for (const part of parts) await say(id, `${n}.${part}`);
    const name = `${id} after ${n}`;
    await site.send('conversation.renamed', { conversation: { id, name } });
    said.get(id)?.names.push(name);
  }

  async function answer(id: string, chatId: number, n: number, isBack: Promise<void>): Promise<void> {
    if (random() < 0.5) await isBack;
    await sleep(random() * 400);
    const text = `Answer ${n}`;
    said.get(id)?.byOperator.push({ id: site.portal.operatorMessage(chatId, OPERATOR, { text }).id, text });
  }

  return {
    said,
    async greet() {
      await Promise.all([...said.keys()].map((id) => speak(id, 0)));
    },
    async round(n, isBack) {
      const dialogs = site.portal.state().dialogs;
      if (n % sessionRounds === 0) dialogs.forEach(({ chatId }) => site.portal.closeDialog(chatId, { atOnce: true }));
      await Promise.all([
        ...[...said.keys()].map((id) => speak(id, n)),
        ...dialogs.map(({ externalChatId, chatId }) => answer(externalChatId, chatId, n, isBack)),
      ]);
    },
  };
}
