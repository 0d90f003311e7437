import { describe, expect, test } from '@jest/globals';
import { sessionsAround, withBetween } from '../../../src/bridge/sessions.ts';

test('between two known sessions all are read, where they are many the newest', () => {
  expect(withBetween([5, 9], 7)).toEqual([5, 7, 8, 9]);
  expect(withBetween([1, 1_000], 1, 2)).toEqual([1, 998, 999, 1_000]);
  expect(withBetween([7], 7)).toEqual([7]);
});

describe('the sessions around a silence', () => {
  const at = (hour: number): Date => new Date(Date.UTC(2026, 10, 20, hour));
  const spoken = (id: number, hour: number) => ({ id, beganAt: at(hour), lastAt: at(hour) });
  const silence = { silentSince: at(10), notBefore: at(0) };

  test('reach from the last one that was spoken in before it to the last one', () => {
    expect(sessionsAround({ ...silence, spoken: [spoken(3, 8), spoken(5, 9)], told: ['5', '8'] })).toEqual([
      3, 5, 6, 7, 8,
    ]);
  });

  test('one that was spoken in afterwards hides none of those in between', () => {
    expect(sessionsAround({ ...silence, spoken: [spoken(5, 9), spoken(8, 11)], told: ['8', '8'] })).toEqual([
      5, 6, 7, 8,
    ]);
  });

  test('one that is too old is left alone', () => {
    const told = ['8', undefined];
    expect(sessionsAround({ silentSince: at(10), notBefore: at(9), spoken: [spoken(8, 8)], told })).toEqual([8]);
    expect(sessionsAround({ silentSince: at(10), notBefore: at(9), spoken: [spoken(3, 8)], told: ['4'] })).toEqual([
      3, 4,
    ]);
  });

  test('are none where nothing is known', () => {
    expect(sessionsAround({ ...silence, spoken: [], told: [null, undefined] })).toEqual([]);
  });
});
