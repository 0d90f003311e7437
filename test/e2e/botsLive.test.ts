import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { botsOf, changeBot, createBot, removeBot } from '../../src/sandbox/methods/imbot/bots.ts';
import type { BotRow } from '../../src/sandbox/methods/imbot/tables.ts';
import { type Scene, startScene } from '../support/scene.ts';

/** What the portal says of our bots now, on every generation of it. */

const CLIENT_ID = 'local.gateway';
const PROFILE = { name: 'Earlier', lastName: '', workPosition: '', gender: '', avatarUrl: '' } as const;

interface BotList {
  items: { id: string; code: string; botId: number | null; live?: { presence: string; repair: string | null } }[];
  live?: { generation: string; forgotten: { botId: number; code: string; portalCode: string; repair: string }[] };
}

describe.each(['cloud', 'box-rev-32', 'box-without-imbot-v2'] as const)('on %s', (profile) => {
  const isLegacy = profile === 'box-without-imbot-v2';
  let scene: Scene;
  beforeAll(async () => {
    scene = await startScene({ profile });
  });
  afterAll(() => scene.close());

  const list = async (params: object = { live: true }): Promise<BotList> =>
    (await scene.api.get<BotList>(`/portals/${scene.portalId}/bots`, { params })).data;
  const presences = async (): Promise<(string | undefined)[]> => (await list()).items.map(({ live }) => live?.presence);
  const own = (): BotRow => {
    const [row] = botsOf(scene.portal.inside, CLIENT_ID);
    if (!row) throw new Error('the portal has no bot of ours');
    return row;
  };

  test('a bot that is alive is present, and nobody is asked who does not want to know', async () => {
    const before = scene.portal.ledger.entries({}).length;
    expect((await list({})).items[0]).not.toHaveProperty('live');
    expect(scene.portal.ledger.entries({})).toHaveLength(before);
    expect(await list()).toMatchObject({
      items: [{ code: 'default', live: { presence: 'present', repair: null } }],
      live: { generation: isLegacy ? 'legacy' : 'v2', forgotten: [] },
    });
  });

  test('the whole wiring of a new installation is found in order', async () => {
    const { data } = await scene.api.post<{ items: { check: string; ok: boolean; code: string }[] }>(
      `/portals/${scene.portalId}/check`,
    );
    expect(data.items.filter(({ ok }) => !ok).map(({ code }) => code)).toEqual([]);
  });

  test('a bot of this installation that nobody remembers is named, and its repair takes it up again', async () => {
    const row = own();
    const portalCode = row.code.replace('_default', '_earlier');
    const lost = createBot(scene.portal.inside, { ...row, code: portalCode }, PROFILE);
    createBot(scene.portal.inside, { ...row, code: 'somebody_else', appId: 'local.other' }, PROFILE);
    const { live } = await list();
    expect(live?.forgotten).toMatchObject([{ botId: lost.id, code: 'earlier', portalCode }]);
    expect(live?.forgotten[0]?.repair).toContain('POST /portals/{id}/bots');
    const { data } = await scene.api.post<{ items: { check: string; code: string; repairable: boolean }[] }>(
      `/portals/${scene.portalId}/check`,
    );
    expect(data.items).toContainEqual(expect.objectContaining({ code: 'bot_forgotten', repairable: false }));

    await scene.api.post(`/portals/${scene.portalId}/bots`, { code: 'earlier', name: 'Taken up' });
    const after = await list();
    expect(after.items.find(({ code }) => code === 'earlier')).toMatchObject({
      botId: lost.id,
      live: { presence: 'present' },
    });
    expect(after.live?.forgotten).toEqual([]);
  });

  test('a bot that was removed on the portal is missing until it is registered again', async () => {
    scene.portal.act(1, (hit) => removeBot(hit, own()));
    expect(await presences()).toEqual(['missing', 'present']);
    const [missing] = (await list()).items;
    await scene.api.post(`/portals/${scene.portalId}/check`, {}, { params: { repair: true } });
    expect(await presences()).toEqual(['present', 'present']);
    expect((await list()).items[0]?.botId).not.toBe(missing?.botId);
  });

  test('a bot of another application with our code is taken, where the portal tells', async () => {
    changeBot(scene.portal.inside, own().id, { appId: 'local.other' });
    expect(await presences()).toContain(isLegacy ? 'present' : 'taken');
  });
});
