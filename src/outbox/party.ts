/**
 * Jobs that were claimed together and may share requests. Each member runs as if it were alone; when all that still
 * run wait for an answer, what they ask for goes out as one.
 */
export interface Party {
  /**
   * Resolves with the answer to `item`. `send` gets the items of all who wait, and answers each at its own place;
   * what it throws is thrown at all of them.
   */
  share<Item, Answer>(item: Item, send: (items: Item[]) => Promise<Answer[]>): Promise<Answer>;
}

export interface PartyHost {
  party: Party;
  /** A member has finished and will ask for nothing more. */
  leave(): void;
}

interface Waiting {
  item: unknown;
  resolve: (answer: unknown) => void;
  reject: (error: unknown) => void;
}

/** `members`: how many will run. `oneAtATime` runs the sending; it keeps requests from overlapping. */
export function createParty(members: number, oneAtATime: <T>(work: () => Promise<T>) => Promise<T>): PartyHost {
  let running = members;
  let waiting: Waiting[] = [];
  let send: ((items: unknown[]) => Promise<unknown[]>) | undefined;

  function sendWhenAllWait(): void {
    if (waiting.length === 0 || waiting.length < running || !send) return;
    const together = waiting;
    const request = send;
    waiting = [];
    running -= together.length;
    void oneAtATime(() => request(together.map(({ item }) => item))).then(
      (answers) => resume(together, (one, index) => one.resolve(answers[index])),
      (error: unknown) => resume(together, (one) => one.reject(error)),
    );
  }

  /** They run again before any of them is told, so that the first one to ask does not go out alone. */
  function resume(together: readonly Waiting[], tell: (one: Waiting, index: number) => void): void {
    running += together.length;
    together.forEach(tell);
  }

  return {
    party: {
      share: <Item, Answer>(item: Item, request: (items: Item[]) => Promise<Answer[]>) =>
        new Promise<Answer>((resolve, reject) => {
          send = request as (items: unknown[]) => Promise<unknown[]>;
          waiting.push({ item, resolve: resolve as (answer: unknown) => void, reject });
          sendWhenAllWait();
        }),
    },
    leave() {
      running--;
      sendWhenAllWait();
    },
  };
}
