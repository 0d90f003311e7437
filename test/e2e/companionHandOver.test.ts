import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type Scene, startScene } from '../support/scene.ts';

/** Once it has handed a chat over, the bot may not rename it any more: whatever was said before has to be in it. */

const OWNER = 27;
const MANY = 8;

let scene: Scene;
beforeAll(async () => {
  scene = await startScene({ companion: { mode: 'onFirstMessage', memberUserIds: [7] } });
});
afterAll(() => scene.close());

const numbers = Array.from({ length: MANY }, (_, n) => n);
const ready = async (n: number): Promise<string> => {
  await scene.say(`race-${n}`, 'm-1', 'Hello', { name: `Before ${n}` });
  return (await scene.conversation(`race-${n}`, ({ companion }) => companion.state === 'ready', 30_000)).id;
};

test('a name accepted before the owner was set is in the title when the owner gets the chat', async () => {
  const ids = await Promise.all(numbers.map(ready));
  await Promise.all(
    ids.map(async (id, n) => {
      await scene.rename(`race-${n}`, `After ${n}`);
      await scene.api.put(`/conversations/${id}/companion`, { memberUserIds: [7], ownerUserId: OWNER });
    }),
  );
  await scene.idle();
  const views = await Promise.all(numbers.map((n) => scene.find(`race-${n}`)));
  expect(views.map((view) => view?.companion)).toEqual(
    numbers.map((n) =>
      expect.objectContaining({ title: `After ${n}`, ownerUserId: OWNER, state: 'ready', lastError: null }),
    ),
  );
  const chats = scene.portal.state().companions;
  for (const n of numbers)
    expect(chats.filter(({ title }) => title === `After ${n}`)).toMatchObject([{ owner: OWNER }]);
});
