import { expect, test } from '@jest/globals';
import { crash } from '../crash/crash.ts';

/** `npm run test:crash` does this a thousand times. */
const KILLS = 4;

const nothing = { lost: [], doubled: [], outOfOrder: [] };

test('processes and the database crash at random moments while answers get lost: nothing lost, doubled, out of order or misnamed, both ways', async () => {
  const report = await crash({ kills: KILLS, databaseEvery: 2 });
  expect(report).toMatchObject({
    kills: KILLS,
    databaseCrashes: 2,
    toPortal: { ...nothing, messages: 6 * 2 * (KILLS + 1) },
    toMessenger: { ...nothing, messages: 6 * KILLS, unconfirmed: [] },
    wrongNames: [],
    nameRegressions: [],
    wrongCompanions: [],
    parked: [],
  });
}, 170_000);
