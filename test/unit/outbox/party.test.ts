import { expect, test } from '@jest/globals';
import { createParty } from '../../../src/outbox/party.ts';

const atOnce = <T>(work: () => Promise<T>): Promise<T> => work();

test('what all members ask for goes out as one, and each gets its own answer', async () => {
  const sent: number[][] = [];
  const { party } = createParty(3, atOnce);
  const double = (items: number[]): Promise<number[]> => {
    sent.push(items);
    return Promise.resolve(items.map((item) => item * 2));
  };
  expect(await Promise.all([1, 2, 3].map((item) => party.share(item, double)))).toEqual([2, 4, 6]);
  expect(sent).toEqual([[1, 2, 3]]);
});

test('a member that leaves is not waited for', async () => {
  const host = createParty(3, atOnce);
  const answers = Promise.all(
    [1, 2].map((item) => host.party.share(item, (items: number[]) => Promise.resolve(items))),
  );
  host.leave();
  expect(await answers).toEqual([1, 2]);
});

test('members meet again for their next request', async () => {
  const sent: string[][] = [];
  const host = createParty(2, atOnce);
  const send = (items: string[]): Promise<string[]> => {
    sent.push(items);
    return Promise.resolve(items);
  };
  const member = async (name: string, times: number): Promise<void> => {
    for (let n = 0; n < times; n++) await host.party.share(`${name}${n}`, send);
    host.leave();
  };
  await Promise.all([member('a', 3), member('b', 1)]);
  expect(sent).toEqual([['a0', 'b0'], ['a1'], ['a2']]);
});

test('a request that fails fails for everybody who shared it', async () => {
  const { party } = createParty(2, atOnce);
  const fail = (): Promise<never[]> => Promise.reject(new Error('no answer'));
  const results = await Promise.allSettled([party.share(1, fail), party.share(2, fail)]);
  expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
});
