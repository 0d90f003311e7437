/** What can happen to an event between the portal and the handler (contract platform §5.4). */
export interface EventTrouble {
  /** In any case; absent: every event. */
  readonly event?: string;
  readonly effect: 'drop' | 'duplicate' | 'reorder';
  /** How often; absent: until it is removed. */
  readonly times?: number;
}

export interface EventTroubles {
  add(trouble: EventTrouble): void;
  clear(): void;
  strike(event: string): EventTrouble['effect'] | undefined;
}

export function createEventTroubles(): EventTroubles {
  let armed: { readonly trouble: EventTrouble; left: number }[] = [];
  return {
    add: (trouble) => void armed.push({ trouble, left: trouble.times ?? Infinity }),
    clear() {
      armed = [];
    },
    strike(event) {
      const found = armed.find(
        ({ trouble, left }) => left > 0 && (!trouble.event || trouble.event.toUpperCase() === event),
      );
      if (found) found.left -= 1;
      return found?.trouble.effect;
    },
  };
}
