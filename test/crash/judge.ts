import type { SandboxPortal } from '../../src/sandbox/portalHandle.ts';
import type { Delivered } from '../support/messengerStandIn.ts';
import { OPERATOR, type Said } from './traffic.ts';

/** Everything that was said one way; each fault as `conversation text`. */
export interface Direction {
  messages: number;
  lost: string[];
  doubled: string[];
  outOfOrder: string[];
}

export interface Judgement {
  conversations: number;
  toPortal: Direction;
  /** `recovered`: the portal's event was lost. `unconfirmed`: shown to the operator as still being sent. */
  toMessenger: Direction & { recovered: number; unconfirmed: string[] };
  wrongNames: string[];
  /** Dialogs that once got an older name after a newer one. */
  nameRegressions: string[];
  wrongCompanions: string[];
}

/** Pure: whether what arrived follows the order of what was said; the same again at once is in order. */
const isInOrder = (said: readonly string[], arrived: readonly string[]): boolean => {
  const places = arrived.map((text) => said.indexOf(text));
  return places.every((place, at) => at === 0 || place >= (places[at - 1] ?? 0));
};

/** Compares what both sides said with what the portal and the messenger have in their own records. */
export function judge(
  portal: SandboxPortal,
  said: ReadonlyMap<string, Said>,
  received: readonly Delivered[],
  told: ReadonlySet<string>,
): Judgement {
  const { dialogs, companions } = portal.state();
  const none = (): Direction => ({ messages: 0, lost: [], doubled: [], outOfOrder: [] });
  const toPortal = none();
  const toMessenger = { ...none(), recovered: 0, unconfirmed: [] as string[] };
  const wrongNames: string[] = [];
  const nameRegressions: string[] = [];
  const wrongCompanions: string[] = [];

  for (const [id, { byPerson, byOperator, names }] of said) {
    const own = dialogs.filter(({ externalChatId }) => externalChatId === id);
    if (own.length !== 1) toPortal.doubled.push(`${id}: ${own.length} dialogs`);
    const messages = own[0]?.messages ?? [];
    const shown = messages.filter(({ origin }) => origin === 'client').map(({ text }) => text);
    add(toPortal, id, byPerson, shown);
    if (!isInOrder(byPerson, [...new Set(shown)])) toPortal.outOfOrder.push(id);

    const deliveries = received.filter(
      ({ type, data }) => type === 'operator.message.created' && data.conversation.id === id,
    );
    // The same delivery may come several times under its id: that is how a messenger knows a repeat.
    const arrived = [...new Map(deliveries.map((delivery) => [delivery.id, delivery.data.message.text])).values()];
    const texts = byOperator.map(({ text }) => text);
    add(toMessenger, id, texts, arrived);
    // What the portal could not tell is found later, and cannot come before what it told meanwhile.
    const recovered = new Set(byOperator.filter((one) => !told.has(String(one.id))).map(({ text }) => text));
    const inTime = arrived.filter((text) => !recovered.has(text));
    const late = arrived.filter((text) => recovered.has(text));
    if (!isInOrder(texts, inTime) || !isInOrder(texts, late)) toMessenger.outOfOrder.push(id);
    toMessenger.recovered += recovered.size;
    const unsent = messages.filter(({ authorId, sending }) => authorId === OPERATOR && sending);
    toMessenger.unconfirmed.push(...unsent.map(({ text }) => `${id} ${text}`));

    if (!isInOrder(names, namesGiven(portal, id))) nameRegressions.push(id);
    const name = names.at(-1);
    if (own[0]?.title !== name) wrongNames.push(`${id}: ${own[0]?.title}, not ${name}`);
    const chats = companions.filter(({ title }) => title.startsWith(`${id} after`)).map(({ title }) => title);
    if (chats.length !== 1 || chats[0] !== name) wrongCompanions.push(`${id}: ${chats.join(' | ')}, not ${name}`);
  }
  return { conversations: said.size, toPortal, toMessenger, wrongNames, nameRegressions, wrongCompanions };
}

/** Names a dialog was given, in the order the portal set them. */
const namesGiven = (portal: SandboxPortal, id: string): string[] =>
  portal.ledger
    .entries({ method: 'imconnector.chat.name.set' })
    .filter(({ executed, params }) => executed && params.CHAT_ID === id)
    .map(({ params }) => String(params.NAME));

function add(direction: Direction, id: string, said: readonly string[], arrived: readonly string[]): void {
  const there = new Set(arrived);
  direction.messages += said.length;
  direction.lost.push(...said.filter((text) => !there.has(text)).map((text) => `${id} ${text}`));
  const again = arrived.filter((text, at) => arrived.indexOf(text) !== at);
  direction.doubled.push(...again.map((text) => `${id} ${text}`));
}
