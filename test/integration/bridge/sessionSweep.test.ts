import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Call } from '../../../src/bitrix24/portalApi.ts';
import { beginSweep, isSwept, sessionsKnownAt, sweepOn } from '../../../src/bridge/sessionSweep.ts';
import type { Sweep } from '../../../src/bridge/model.ts';
import { DeliveryError } from '../../../src/kit/errors.ts';
import { createOutboxBench, type OutboxBench } from '../../support/outbox.ts';

/** Numbers of sessions as a portal has them: with gaps, with sessions nobody may see, and of dialogs that are not ours. */

const SINCE = new Date('2026-11-20T10:00:00Z');
const clock = { now: () => SINCE.getTime() };
const minutes = (count: number): Date => new Date(SINCE.getTime() + count * 60_000);

let bench: OutboxBench;
let portalId: string;
const conversations = new Map<string, string>();

beforeAll(async () => {
  bench = await createOutboxBench({ clock });
  const { prisma } = bench.db;
  const gate = async (): Promise<bigint> => BigInt(await bench.addGate());
  const address = { domain: 'p.example', clientEndpoint: 'https://p.example/rest/', serverEndpoint: 'https://o/' };
  portalId = (await prisma.portal.create({ data: { memberId: 'm-1', gateId: await gate(), ...address } })).id;
  const connector = await prisma.connector.create({ data: { portalId, code: 'ocg_x', name: 'X', kind: 'group' } });
  const gates = { gateId: await gate(), deliveryGateId: await gate() };
  const { id: messengerId } = await prisma.messenger.create({ data: { slug: 'chat', name: 'Chat', ...gates } });
  const channel = await prisma.channel.create({
    data: { portalId, connectorId: connector.id, messengerId, lineId: 1 },
  });
  const map = async (externalId: string, chatId: string, sessionId: string | null): Promise<string> => {
    const ids = { channelId: channel.id, messengerId, externalId, dialogKey: externalId, chatId, sessionId };
    const { id } = await prisma.conversation.create({ data: { ...ids, kind: 'group' } });
    conversations.set(externalId, id);
    return id;
  };
  const say = (conversationId: string, sessionId: string, at: Date) => {
    const own = { conversationId, direction: 'toPortal', externalId: sessionId, senderId: 'u', text: '' };
    const when = { sentAt: at, createdAt: at, deliveredAt: at };
    return prisma.message.create({ data: { ...own, ...when, sessionId, state: 'delivered' } });
  };
  await say(await map('quiet', '11', '90'), '90', minutes(-60));
  const busy = await map('busy', '12', '140');
  await say(busy, '100', minutes(-1));
  await say(busy, '140', minutes(1));
  await map('opened', '13', null);
});
afterAll(() => bench.close());

const refused = (code: string): DeliveryError => new DeliveryError({ verdict: 'refused', code, detail: '' });

/** A portal with these sessions, by number the chat. `odd` ones are refused in a way of their own. */
function portalOf(sessions: Readonly<Record<number, string>>, odd: readonly number[] = []): Call & { asked: number[] } {
  const asked: number[] = [];
  const history = (id: number): unknown => ({ chatId: sessions[id], sessionId: id, message: {}, users: {} });
  const call = (_method: string, params: Record<string, unknown>): Promise<unknown> => {
    const result: Record<string, unknown> = {};
    const failed: Record<string, unknown> = {};
    for (const [key, command] of Object.entries(params.cmd as Record<string, string>)) {
      const id = Number(new URLSearchParams(command.split('?')[1]).get('SESSION_ID'));
      asked.push(id);
      if (odd.includes(id)) failed[key] = { error: 'ODD_MODULE_ERROR', error_description: '' };
      else if (id in sessions) result[key] = history(id);
      else failed[key] = { error: 'INVALID_SESSION_ID', error_description: '' };
    }
    return Promise.resolve({ result, result_error: failed, result_time: {} });
  };
  return Object.assign(call, { asked });
}

async function sweepAll(call: Call, after: number): Promise<Sweep> {
  let sweep = beginSweep(after);
  while (!isSwept(sweep)) sweep = await sweepOn(call, { portalId, sweep }, { db: bench.db, clock });
  return sweep;
}

test('what was spoken after the silence began does not hide what began in it', async () => {
  expect(await sessionsKnownAt(bench.db, portalId, SINCE)).toBe(100 - 10);
  expect(await sessionsKnownAt(bench.db, portalId, minutes(5))).toBe(140 - 10);
});

test('sessions of our conversations are found among others, also behind numbers that are missing', async () => {
  const sessions = { 91: '7', 100: '12', 101: '13', 102: '8', 170: '11', 171: '13' };
  expect((await sweepAll(portalOf(sessions), 90)).begun).toEqual({
    [conversations.get('opened') ?? '']: [101, 171],
    [conversations.get('quiet') ?? '']: [170],
  });
});

test('a session that is refused in whatever words hides none of the others', async () => {
  const sweep = await sweepAll(portalOf({ 101: '13', 102: '8' }, [100, 103]), 90);
  expect(sweep.begun).toEqual({ [conversations.get('opened') ?? '']: [101] });
});

test('a portal that shows nothing is asked twice, one that began very many sessions twenty times', async () => {
  const none = portalOf({});
  await sweepAll(none, 90);
  expect(none.asked).toHaveLength(2 * 50);
  const many = portalOf(Object.fromEntries(Array.from({ length: 5_000 }, (_, id) => [id, '7'])));
  await sweepAll(many, 90);
  expect([many.asked.length, Math.max(...many.asked)]).toEqual([1_000, 1_090]);
});

test('what fails as a whole is thrown: the step is taken again', async () => {
  const failing: Call = () => Promise.reject(refused('ACCESS_DENIED_FOR_ALL'));
  const cut: Call = () => Promise.reject(new DeliveryError({ verdict: 'retry', code: 'network', detail: '' }));
  await expect(sweepAll(cut, 90)).rejects.toMatchObject({ code: 'network' });
  await expect(sweepAll(failing, 90)).resolves.toMatchObject({ begun: {} });
});
