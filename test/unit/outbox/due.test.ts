import { describe, expect, test } from '@jest/globals';
import { type Due, isBulkDue, isBulkWaiting, isLiveDue, untilDueMs } from '../../../src/outbox/due.ts';

const NOTHING: Due = { openMs: 0, liveMs: undefined, bulkMs: undefined, bulkCount: 0 };
const due = (fields: Partial<Due>): Due => ({ ...NOTHING, ...fields });

describe('what may be claimed now', () => {
  test.each<[string, Partial<Due>, boolean, boolean]>([
    ['nothing waits', {}, false, false],
    ['a live lane is due', { liveMs: 0 }, true, false],
    ['a live lane was due long ago', { liveMs: -5_000 }, true, false],
    ['a live lane is due later', { liveMs: 1 }, false, false],
    ['a bulk lane is due', { bulkMs: 0 }, false, true],
    ['both are due', { liveMs: -1, bulkMs: -1 }, true, true],
    ['both are due and the gate is closed', { openMs: 40, liveMs: -1, bulkMs: -1 }, false, false],
    ['the gate opened a while ago', { openMs: -40, liveMs: -1, bulkMs: -1 }, true, true],
  ])('%s', (_what, fields, live, bulk) => {
    expect([isLiveDue(due(fields)), isBulkDue(due(fields))]).toEqual([live, bulk]);
  });

  test('bulk work behind a closed gate waits for its turn all the same', () => {
    expect(isBulkWaiting(due({ openMs: 40, bulkMs: -1 }))).toBe(true);
    expect(isBulkWaiting(due({ bulkMs: 1 }))).toBe(false);
    expect(isBulkWaiting(NOTHING)).toBe(false);
  });
});

describe('until something may be claimed', () => {
  test.each<[string, Partial<Due>, number, number | undefined]>([
    ['nothing waits, so nobody wakes', {}, 0, undefined],
    ['nothing waits behind a closed gate', { openMs: 500 }, 0, undefined],
    ['the first of both classes', { liveMs: 300, bulkMs: 200 }, 0, 200],
    ['no sooner than the gate opens', { openMs: 500, liveMs: 300 }, 0, 500],
    ['bulk work keeps its pace', { bulkMs: 10 }, 400, 400],
    ['live work does not wait for the pace of bulk work', { liveMs: 20, bulkMs: 0 }, 400, 20],
  ])('%s', (_what, fields, paceMs, expected) => {
    expect(untilDueMs(due(fields), paceMs)).toBe(expected);
  });
});
