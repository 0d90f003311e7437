import { expect, test } from '@jest/globals';
import { DeliveryError, type DeliveryFailure } from '../../../src/kit/errors.ts';
import { backoffMs, decide, MAX_ATTEMPTS } from '../../../src/outbox/retryPolicy.ts';

const failure = (change: Partial<DeliveryFailure>): DeliveryError =>
  new DeliveryError({ verdict: 'retry', code: 'x', detail: 'x', ...change });
const NEUTRAL = 0.5;

test('retries go on for at least 72 hours, whatever the jitter', () => {
  const total = (random: number): number =>
    Array.from({ length: MAX_ATTEMPTS - 1 }, (_, n) => backoffMs(n + 1, random)).reduce((a, b) => a + b, 0);
  expect(total(0)).toBeGreaterThanOrEqual(72 * 3_600_000);
  expect(total(0.999)).toBeGreaterThanOrEqual(72 * 3_600_000);
});

test('the first retry comes after about a second, the later ones every hour', () => {
  expect(backoffMs(1, NEUTRAL)).toBe(1_000);
  expect(backoffMs(50, NEUTRAL)).toBe(3_600_000);
});

test('the last failed attempt is the end of the job', () => {
  expect(decide(failure({}), MAX_ATTEMPTS, NEUTRAL).outcome).toBe('dead');
  expect(decide(failure({ verdict: 'unsure' }), MAX_ATTEMPTS, NEUTRAL).outcome).toBe('dead');
});

test('what is refused is never tried again', () => {
  expect(decide(failure({ verdict: 'refused' }), 1, NEUTRAL)).toMatchObject({ outcome: 'dead' });
});

test('an unsure attempt leaves doubt', () => {
  expect(decide(failure({ verdict: 'unsure' }), 1, NEUTRAL)).toMatchObject({
    outcome: 'retry',
    doubt: true,
    counts: true,
  });
});

test('being blocked uses up no attempt, even after the last one', () => {
  const portal = decide(failure({ verdict: 'blocked' }), MAX_ATTEMPTS + 5, NEUTRAL);
  expect(portal).toMatchObject({ outcome: 'retry', counts: false });
  expect(portal.blockGateMs).toBeGreaterThan(0);
  const line = decide(failure({ verdict: 'blocked', scope: 'line' }), 1, NEUTRAL);
  expect(line).toMatchObject({ outcome: 'retry', counts: false });
  expect(line.blockGateMs).toBeUndefined();
});

test('being too fast pauses everybody behind the gate and uses up no attempt', () => {
  expect(decide(failure({ throttled: true, retryAfterMs: 1_000 }), 3, NEUTRAL)).toEqual({
    outcome: 'retry',
    delayMs: 1_000,
    counts: false,
    doubt: false,
    pauseGateMs: 1_000,
  });
});

test('a limit of one kind of call uses up no attempt and holds nobody else up', () => {
  const limited = new DeliveryError({
    verdict: 'retry',
    code: 'OPERATION_TIME_LIMIT',
    detail: '',
    retryAfterMs: 90_000,
    limited: true,
  });
  const decision = { outcome: 'retry', delayMs: 90_000, counts: false, doubt: false };
  expect(decide(limited, MAX_ATTEMPTS, 0.5)).toEqual(decision);
});

test('the patience the other side asks for is a lower bound', () => {
  expect(decide(failure({ retryAfterMs: 60_000 }), 1, NEUTRAL).delayMs).toBe(60_000);
});
