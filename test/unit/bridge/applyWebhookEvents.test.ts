import { expect, test } from '@jest/globals';
import { limitOf } from '../../../src/bridge/applyWebhookEvents.ts';

test('events are applied many at a time, after a process that died over them few, after failures one by one', () => {
  const doubt = { until: 0 };
  const limits = [
    limitOf({ attempts: 1, doubt: undefined }),
    limitOf({ attempts: 1, doubt }),
    limitOf({ attempts: 3, doubt: undefined }),
    limitOf({ attempts: 3, doubt }),
  ];
  expect(limits).toEqual([200, 10, 1, 1]);
});
