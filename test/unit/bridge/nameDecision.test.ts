import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { decideName, hearName, type NameWish } from '../../../src/bridge/nameDecision.ts';

const nothing: NameWish = {
  wantedName: null,
  wantedNameAt: null,
  wantedNameSequence: null,
  nameLocked: false,
  heldName: null,
  heldNameAt: null,
  heldNameSequence: null,
};
const at = (seconds: number): Date => new Date(seconds * 1000);
const name = (text: string, seconds: number): { name: string; at: Date; sequence: null } => ({
  name: text,
  at: at(seconds),
  sequence: null,
});

test('names heard in any order end with the newest one', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.nat({ max: 1000 }), { minLength: 1, maxLength: 20 }), (moments) => {
      const end = moments.reduce<NameWish>(
        (wish, moment) => ({ ...wish, ...hearName(wish, name(`n${moment}`, moment)) }),
        nothing,
      );
      expect(end.wantedName).toBe(`n${Math.max(...moments)}`);
    }),
  );
});

test('a name a person decided is not undone by an older event that arrives later', () => {
  const decided = { ...nothing, ...decideName(nothing, { name: 'by a person' }, at(100)) };
  expect(hearName(decided, name('old', 99))).toEqual({});
  expect(hearName(decided, name('new', 101))).toMatchObject({ wantedName: 'new' });
});

test('a locked name is kept against every event, and the newest of them counts when it is unlocked', () => {
  let wish: NameWish = { ...nothing, ...decideName(nothing, { name: 'ours', locked: true }, at(100)) };
  for (const heard of [name('b', 102), name('a', 101)]) wish = { ...wish, ...hearName(wish, heard) };
  expect(wish.wantedName).toBe('ours');
  wish = { ...wish, ...decideName(wish, { locked: false }, at(200)) };
  expect(wish).toMatchObject({ wantedName: 'b', nameLocked: false, heldName: null });
});

test('unlocking with another name takes that name', () => {
  let wish: NameWish = { ...nothing, ...decideName(nothing, { name: 'ours', locked: true }, at(100)) };
  wish = { ...wish, ...hearName(wish, name('theirs', 101)) };
  wish = { ...wish, ...decideName(wish, { name: 'a third one', locked: false }, at(200)) };
  expect(wish).toMatchObject({ wantedName: 'a third one', heldName: null });
});

test('unlocking when the messenger said nothing keeps the name', () => {
  const locked = { ...nothing, ...decideName(nothing, { name: 'ours', locked: true }, at(100)) };
  expect({ ...locked, ...decideName(locked, { locked: false }, at(200)) }).toMatchObject({ wantedName: 'ours' });
});
