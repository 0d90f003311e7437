import { expect, test } from '@jest/globals';
import { crash } from '../crash/crash.ts';

/** `npm run test:crash` does this a thousand times. */
const KILLS = 4;
/** In one more only the database crashes. */
const ROUNDS = KILLS + 1;

const nothing = { lost: [], doubled: [], outOfOrder: [] };

test('processes and the database crash at random moments while answers get lost: nothing lost, doubled, out of order or misnamed, both ways', async () => {
  const report = await crash({ kills: KILLS, databaseEvery: 2, sessionRounds: 2 });
  expect(report).toMatchObject({
    kills: KILLS,
    databaseCrashes: 2,
    toPortal: { ...nothing, messages: 6 * 2 * (ROUNDS + 1) },
    toMessenger: { ...nothing, messages: 6 * ROUNDS, unconfirmed: [] },
    wrongNames: [],
    nameRegressions: [],
    wrongCompanions: [],
    parked: [],
    dead: [],
  });
  expect(report.toMessenger.recovered).toBeGreaterThan(0);
}, 170_000);
