import { beforeEach, expect, test } from '@jest/globals';
import { type CalmLog, calmLog } from '../../../src/kit/calmLog.ts';
import type { LogFields } from '../../../src/kit/logger.ts';

const LINES = 3;

let log: CalmLog;
let written: { level: string; event: string; fields: LogFields }[];
beforeEach(() => {
  written = [];
  const write =
    (level: string) =>
    (event: string, fields: LogFields = {}): void =>
      void written.push({ level, event, fields });
  const recorder = { error: write('error'), warn: write('warn'), info: write('info'), debug: write('debug') };
  log = calmLog(recorder, { lines: LINES });
});

const of = (event: string) => written.filter((line) => line.event === event);
const repeat = (times: number, work: (n: number) => void): void =>
  Array.from({ length: times }, (_, n) => n).forEach(work);

test('what goes well is always written', () => {
  repeat(50, (n) => log.info('job.attempted', { jobId: n, outcome: 'done' }));
  log.close();
  expect(of('job.attempted')).toHaveLength(50);
  expect(of('log.suppressed')).toEqual([]);
});

test('portals, messengers and codes are told apart; each says how many of its lines were held back', () => {
  repeat(10, (jobId) => log.info('job.attempted', { jobId, portalId: 'p-1', code: 'timeout' }));
  repeat(5, (jobId) => log.info('job.attempted', { jobId, portalId: 'p-2', code: 'timeout' }));
  repeat(2, (jobId) => log.info('job.attempted', { jobId, portalId: 'p-2', code: 'network' }));
  repeat(4, () => log.info('event.refused', { messenger: 'chat', code: 'invalid_signature' }));
  log.close();
  expect(of('job.attempted')).toHaveLength(LINES + LINES + 2);
  expect(of('log.suppressed')).toMatchObject([
    { level: 'info', fields: { of: 'job.attempted', portalId: 'p-1', code: 'timeout', suppressed: 7 } },
    { level: 'info', fields: { of: 'job.attempted', portalId: 'p-2', code: 'timeout', suppressed: 2 } },
    { level: 'info', fields: { of: 'event.refused', messenger: 'chat', code: 'invalid_signature', suppressed: 1 } },
  ]);
});

test('a second bug shows under the storm of the first', () => {
  const first = (): Error => new Error('the first');
  const second = (): Error => new Error('the second');
  repeat(1_000, () => log.error('job.crashed', { error: first() }));
  log.error('job.crashed', { error: second() });
  expect(of('job.crashed').at(-1)?.fields.error).toMatchObject({ message: 'the second' });
  expect(of('job.crashed')).toHaveLength(LINES + 1);
});

test('however many sorts of failures there are, their number and their lines are bounded', () => {
  repeat(20_000, (n) => log.warn('portalEvent.refused', { code: `MADE_UP_${n}` }));
  log.close();
  expect(written.length).toBeLessThan(1_010);
  const held = of('log.suppressed').reduce((sum, { fields }) => sum + Number(fields.suppressed), 0);
  expect(of('portalEvent.refused').length + held).toBe(20_000);
});
