import { type Decided, supersedes } from './titles.ts';

/** The name columns of a conversation that decide what its name shall be. */
export interface NameWish {
  wantedName: string | null;
  wantedNameAt: Date | null;
  wantedNameSequence: bigint | null;
  nameLocked: boolean;
  heldName: string | null;
  heldNameAt: Date | null;
  heldNameSequence: bigint | null;
}

export type NameChange = Partial<NameWish>;

export interface NewName extends Decided {
  name: string;
}

const decidedOf = (at: Date | null, sequence: bigint | null): Decided | undefined =>
  at ? { at, sequence } : undefined;

/**
 * What a name from the messenger changes. Nothing when it is older than what we know: a late event never brings an
 * old name back. While a person locked the name, the messenger's newest is kept aside for the day it is unlocked.
 */
export function hearName(wish: NameWish, next: NewName): NameChange {
  if (wish.nameLocked) {
    if (!supersedes(next, decidedOf(wish.heldNameAt, wish.heldNameSequence))) return {};
    return { heldName: next.name, heldNameAt: next.at, heldNameSequence: next.sequence };
  }
  if (!supersedes(next, decidedOf(wish.wantedNameAt, wish.wantedNameSequence))) return {};
  return { wantedName: next.name, wantedNameAt: next.at, wantedNameSequence: next.sequence };
}

/**
 * What a person's decision changes. `at` is our own clock: an older event of the messenger that arrives later does not
 * undo it, a newer one does unless the name is locked.
 */
export function decideName(wish: NameWish, decision: { name?: string; locked?: boolean }, at: Date): NameChange {
  const change: NameChange = {};
  if (decision.name !== undefined) {
    Object.assign(change, { wantedName: decision.name, wantedNameAt: at, wantedNameSequence: null });
  }
  if (decision.locked !== undefined) change.nameLocked = decision.locked;
  if (decision.locked === false && wish.nameLocked) Object.assign(change, release(wish, change));
  return change;
}

/** Unlocking: the name the messenger gave meanwhile counts, unless the same decision sets another. */
function release(wish: NameWish, decided: NameChange): NameChange {
  const none = { heldName: null, heldNameAt: null, heldNameSequence: null };
  if (wish.heldName === null || decided.wantedName !== undefined) return none;
  return {
    ...none,
    wantedName: wish.heldName,
    wantedNameAt: wish.heldNameAt,
    wantedNameSequence: wish.heldNameSequence,
  };
}
