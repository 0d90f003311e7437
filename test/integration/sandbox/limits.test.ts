import { openScene, visitor, type Body, type Scene, type SceneOptions } from './scene.ts';

let scene: Scene;
/** A clock that stands still until it is pushed: drains are exact. */
const still = () => {
  let now = Date.now();
  return { now: () => now, advance: (ms: number) => void (now += ms) };
};
async function open(options: SceneOptions = {}) {
  scene = await openScene({
    portal: { requestLimit: 'plan', ...options.portal },
    sandbox: { clock: still(), ...options.sandbox },
  });
}
afterEach(() => scene.close());

const burst = async (count: number) => {
  const answers: number[] = [];
  for (let n = 0; n < count; n += 1) answers.push((await scene.call('server.time')).status);
  return {
    ok: answers.filter((status) => status === 200).length,
    refused: answers.filter((status) => status === 503).length,
  };
};

describe('request bucket', () => {
  it('takes 50 at once and 2 a second, batches count as one', async () => {
    await open();
    expect(await burst(49)).toEqual({ ok: 49, refused: 0 });
    const cmd = Object.fromEntries(Array.from({ length: 50 }, (_, n) => [`c${n}`, 'server.time']));
    expect((await scene.call('batch', { cmd })).status).toBe(200);
    const refused = await scene.call('server.time');
    expect([refused.status, refused.data]).toEqual([
      503,
      { error: 'QUERY_LIMIT_EXCEEDED', error_description: 'Too many requests' },
    ]);
    expect(scene.portal.ledger.entries().at(-1)).toMatchObject({ executed: false, answered: true, status: 503 });
  });

  it('refused requests fill it too', async () => {
    await open();
    await burst(60);
    scene.sandbox.advance(5000);
    expect(await burst(1)).toEqual({ ok: 0, refused: 1 });
    scene.sandbox.advance(1000);
    expect(await burst(2)).toEqual({ ok: 1, refused: 1 });
  });

  it('or not, with the switch', async () => {
    await open({ sandbox: { refusedRequestsFillBucket: false } });
    await burst(60);
    scene.sandbox.advance(1000);
    expect(await burst(3)).toEqual({ ok: 2, refused: 1 });
  });

  it('is five times as large with the enterprise plan', async () => {
    await open({ portal: { plan: 'enterprise' } });
    expect(await burst(251)).toEqual({ ok: 250, refused: 1 });
  });

  it('is shared by the applications of one address, unknown methods included, and apart per portal', async () => {
    await open();
    for (let n = 0; n < 50; n += 1) await visitor.get(`${scene.portal.restUrl}no.such`);
    expect((await scene.call('server.time')).status).toBe(503);
    const other = await scene.sandbox.addPortal();
    expect((await visitor.get(`${other.restUrl}profile`)).status).toBe(401);
  });

  it('is no feature of self-hosted portals', async () => {
    await open({ portal: { profile: 'box-rev-32' } });
    expect(await burst(60)).toEqual({ ok: 60, refused: 0 });
  });
});

describe('operating time', () => {
  const cost = (method: string, seconds: number) => scene.control('post', '/method-costs', { method, seconds });
  const operating = ({ time }: Body) => time?.operating;

  it('is counted per method; the call that crosses the limit still runs', async () => {
    await open({ portal: { requestLimit: 'off' }, sandbox: { operatingLimitSeconds: 1 } });
    await cost('server.time', 0.6);
    const answers = [await scene.call('server.time'), await scene.call('server.time'), await scene.call('server.time')];
    expect(answers.map(({ data }) => operating(data))).toEqual([0.6, 1.2, undefined]);
    expect([answers[2]?.status, answers[2]?.data.error]).toEqual([429, 'OPERATION_TIME_LIMIT']);
    expect((await scene.call('profile')).status).toBe(200);
  });

  it('comes back minute by minute', async () => {
    await open({ portal: { requestLimit: 'off' }, sandbox: { operatingLimitSeconds: 1 } });
    await cost('server.time', 0.6);
    const first = await scene.call('server.time');
    scene.sandbox.advance(60_000);
    await scene.call('server.time');
    const resetAt = (first.data.time?.operating_reset_at ?? 0) * 1000;
    scene.sandbox.advance(resetAt - scene.sandbox.clock.now());
    expect(operating((await scene.call('server.time')).data)).toBeCloseTo(1.2);
  });

  it('short calls are free alone and add up in a batch', async () => {
    await open({ portal: { requestLimit: 'off' } });
    await cost('server.time', 0.05);
    expect(operating((await scene.call('server.time')).data)).toBe(0);
    const { data } = await scene.call('batch', { cmd: { a: 'server.time', b: 'server.time', c: 'server.time' } });
    const times = (data.result as { result_time: Record<string, { operating: number }> }).result_time;
    expect(['a', 'b', 'c'].map((key) => times[key]?.operating)).toEqual([0, 0, expect.closeTo(0.15)]);
  });

  it('a command over the limit is refused inside a batch that succeeds', async () => {
    await open({ portal: { requestLimit: 'off' }, sandbox: { operatingLimitSeconds: 1 } });
    await cost('server.time', 0.6);
    const { status, data } = await scene.call('batch', {
      cmd: { a: 'server.time', b: 'server.time', c: 'server.time' },
    });
    expect(status).toBe(200);
    expect(data.result).toMatchObject({ result_error: { c: { error: 'OPERATION_TIME_LIMIT' } } });
  });

  it('may be billed to the batch itself', async () => {
    await open({ portal: { requestLimit: 'off' }, sandbox: { operatingLimitSeconds: 1, batchBilling: 'batch' } });
    await cost('server.time', 0.6);
    const cmd = { a: 'server.time', b: 'server.time', c: 'server.time' };
    const { data } = await scene.call('batch', { cmd });
    expect(data.result).toMatchObject({ result_error: [] });
    expect((await scene.call('batch', { cmd })).data.error).toBe('OPERATION_TIME_LIMIT');
    expect((await scene.call('server.time')).status).toBe(200);
  });

  it('a batch is cut off after sixty seconds of work, done as far as it got', async () => {
    await open({ portal: { requestLimit: 'off' } });
    await cost('server.time', 25);
    const answer = await scene.call('batch', {
      cmd: { a: 'server.time', b: 'server.time', c: 'server.time', d: 'server.time' },
    });
    expect(answer.status).toBe(504);
    expect(scene.portal.ledger.entries().filter(({ batchKey }) => batchKey)).toHaveLength(3);
  });

  it('is not told by self-hosted portals', async () => {
    await open({ portal: { profile: 'box-without-imbot-v2' } });
    expect((await scene.call('server.time')).data.time).not.toHaveProperty('operating');
  });
});
