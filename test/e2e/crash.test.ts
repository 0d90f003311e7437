import { expect, test } from '@jest/globals';
import { crash } from '../crash/crash.ts';
import { createTestDatabase } from '../support/database.ts';

/** `npm run test:crash` does this a thousand times. */
const KILLS = 2;

test('processes killed at random moments while answers get lost: nothing lost, doubled, out of order or misnamed', async () => {
  const report = await crash({ databaseUrl: await createTestDatabase(), kills: KILLS });
  expect(report).toMatchObject({
    kills: KILLS,
    lost: [],
    doubled: [],
    outOfOrder: [],
    wrongNames: [],
    companions: [],
    parked: 0,
  });
}, 170_000);
