import { OPERATING_LIMIT_S, operatingRoom, planOf } from '../../../src/bitrix24/limits.ts';

test('only a licence that says so has the larger bucket', () => {
  expect(['ru_ent250', 'ent1000', 'eu_ent'].map(planOf)).toEqual(['enterprise', 'enterprise', 'enterprise']);
  expect(['', 'ru_project', 'pro100', 'client', 'student'].map(planOf)).toEqual(Array(5).fill('standard'));
});

describe('operating time', () => {
  const now = 1_000_000;
  const inAMinute = now + 60_000;

  test.each<[string, Parameters<typeof operatingRoom>, ReturnType<typeof operatingRoom>]>([
    ['nothing known', [{}, { now }], { room: true }],
    ['little used', [{ operating: 10, operatingResetAt: inAMinute }, { now }], { room: true }],
    ['the share used', [{ operating: 300, operatingResetAt: inAMinute }, { now }], { room: false, until: inAMinute }],
    [
      'the next call would cross',
      [
        { operating: 290, operatingResetAt: inAMinute },
        { now, neededS: 10 },
      ],
      { room: false, until: inAMinute },
    ],
    [
      'live messages may use more',
      [
        { operating: 300, operatingResetAt: inAMinute },
        { now, share: 0.95 },
      ],
      { room: true },
    ],
    ['the window has moved on', [{ operating: 480, operatingResetAt: now }, { now }], { room: true }],
    ['no moment known', [{ operating: 480 }, { now }], { room: false, until: inAMinute }],
    [
      'a call longer than the share is let through alone',
      [{ operating: 0 }, { now, neededS: OPERATING_LIMIT_S }],
      { room: true },
    ],
  ])('%s', (_name, [use, options], decision) => {
    expect(operatingRoom(use, options)).toEqual(decision);
  });
});
