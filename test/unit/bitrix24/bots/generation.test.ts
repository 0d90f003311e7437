import { createBots, probeGeneration } from '../../../../src/bitrix24/bots/generation.ts';
import { refused, scriptedCall } from '../scriptedCall.ts';

const missing = refused('ERROR_METHOD_NOT_FOUND');
const outdated = refused('22002');

test.each([
  ['a revision', { rest: 36 }, undefined, 'v2'],
  ['the first v2 portals have no revision', missing, { bots: [] }, 'v2'],
  ['a controller without the action', outdated, { bots: [] }, 'v2'],
  ['a refusal of the second method comes from v2 too', missing, refused('BOT_TOKEN_NOT_SPECIFIED'), 'v2'],
  ['neither method', missing, missing, 'legacy'],
  ['neither action', outdated, outdated, 'legacy'],
])('%s', async (_name, revision, list, generation) => {
  const { call } = scriptedCall({ 'imbot.v2.Revision.get': revision, 'imbot.v2.Bot.list': list });
  expect(await probeGeneration(call)).toBe(generation);
});

test.each([
  ['retry', 'network'],
  ['refused', 'insufficient_scope'],
] as const)('a portal that cannot be asked (%s) is not taken for an old one', async (verdict, code) => {
  const { call } = scriptedCall({ 'imbot.v2.Revision.get': refused(code, { verdict }) });
  await expect(probeGeneration(call)).rejects.toMatchObject({ verdict, code });
});

test('each generation has its bots', () => {
  const { call } = scriptedCall({});
  expect(createBots(call, 'v2').generation).toBe('v2');
  expect(createBots(call, 'legacy').generation).toBe('legacy');
});
