import { expect, test } from '@jest/globals';
import { raceForCompanions } from '../crash/companions.ts';
import { createTestDatabase } from '../support/database.ts';

/** `npm run test:races` does ten thousand of them. */
test.each([
  { profile: 'cloud', lostAnswers: 0, crashes: 24 },
  { profile: 'cloud', lostAnswers: 0.5, crashes: 10 },
  { profile: 'box-without-imbot-v2', lostAnswers: 0.5, crashes: 10 },
] as const)(
  'wished by several at once, made by processes that die: exactly one chat each (%j)',
  async (run) => {
    const conversations = run.crashes * 2;
    const databaseUrl = await createTestDatabase();
    const report = await raceForCompanions({ ...run, databaseUrl, conversations, racers: 3 });
    expect(report).toMatchObject({ races: conversations, wrong: [], unsettled: 0 });
    expect(report.crashes).toBeGreaterThanOrEqual(run.crashes);
  },
  120_000,
);
