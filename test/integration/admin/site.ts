import { randomBytes } from 'node:crypto';
import type { AxiosInstance, AxiosResponse } from 'axios';
import express from 'express';
import { createAdminRouter } from '../../../src/http/admin/router.ts';
import { routes } from '../../../src/http/admin/routes.ts';
import type { Call } from '../../../src/bitrix24/portalApi.ts';
import { createBotAccess } from '../../../src/bridge/botAccess.ts';
import { createDoctor } from '../../../src/bridge/doctor.ts';
import { createWrongKeys } from '../../../src/http/wrongKeys.ts';
import { DeliveryError, RequestError } from '../../../src/kit/errors.ts';
import { silentLogger } from '../../../src/kit/logger.ts';
import { createVault, hashSecret, type Vault } from '../../../src/kit/secrets.ts';
import type { Handler } from '../../../src/outbox/job.ts';
import { createOutboxBench, type OutboxBench } from '../../support/outbox.ts';
import { type LogLine, type ProblemDocument, serve } from '../http/serve.ts';

/** The administration alone on a real database: no worker runs unless a test starts one, and the portal is a table. */

export interface AdminSite extends OutboxBench {
  /** `http://127.0.0.1:…/admin/v1` */
  url: string;
  /** What was logged as a bug. */
  lines: LogLine[];
  vault: Vault;
  /** By scope; never throws for a status. Every answer is held against the schema its route documents. */
  as: Record<'read' | 'write' | 'admin' | 'nobody', AxiosInstance>;
  keyIds: Record<'read' | 'write' | 'admin', string>;
  /** What the portal answers by method. Missing: it cannot be reached. */
  portalAnswers: Map<string, (params: Record<string, unknown>) => unknown>;
  changedMessengers: string[];
  time: { now: number };
  addPortal(portal?: { uninstalledAt?: Date }): Promise<{ id: string; gateId: string }>;
  addMessenger(slug: string): Promise<{ id: string; gateId: string }>;
  /** A whole way: portal, messenger, connector and channel, all of them ready. */
  addChannel(options?: { kind?: 'group' | 'direct' }): Promise<{
    channelId: string;
    portalId: string;
    portalGateId: string;
    messengerId: string;
    messengerGateId: string;
    slug: string;
    connectorId: string;
  }>;
  /** Lets every job of the kind succeed with this effect on its rows. */
  work(handlers: Record<string, (payload: Readonly<Record<string, string>>) => Promise<unknown>>): void;
}

export async function createAdminSite({ settleWithinMs = 300 } = {}): Promise<AdminSite> {
  const bench = await createOutboxBench();
  const { db } = bench;
  const vault = createVault([randomBytes(32)]);
  const time = { now: Date.now() };
  const clock = { now: () => time.now };
  const portalAnswers: AdminSite['portalAnswers'] = new Map();
  const changedMessengers: string[] = [];
  const call: Call = (method, params) => {
    const answer = portalAnswers.get(method);
    if (!answer) throw new DeliveryError({ verdict: 'retry', code: 'network', detail: 'unreachable' });
    return Promise.resolve(answer(params));
  };
  const portals = {
    of: () => call,
    packed: () => call,
    async live(portalId: string) {
      if (!(await db.prisma.portal.findUnique({ where: { id: portalId } }))) throw new RequestError('not_found');
      return call;
    },
    forget() {},
  };
  const bots = createBotAccess({ db, outbox: bench.outbox, portals, clock });
  const publicUrl = (): string => 'https://gateway.example';
  const doctor = createDoctor({
    ...{ db, outbox: bench.outbox, gate: bench.gate, wake: bench.wake, portals, bots, vault, clock, publicUrl },
    log: silentLogger,
    installationId: 'site',
    messengers: { ask: () => Promise.resolve({ failure: 'network', detail: 'unreachable' }) },
  });
  const site = await serve(() => [
    express.Router().use(
      '/admin/v1',
      createAdminRouter({
        db,
        outbox: bench.outbox,
        gate: bench.gate,
        portals,
        doctor,
        vault,
        clock,
        log: silentLogger,
        // Tests come with many a wrong key, from one address.
        wrongKeys: createWrongKeys({ limit: 10_000 }),
        publicUrl,
        onMessengerChanged: (slug) => void changedMessengers.push(slug),
        settleWithinMs,
      }),
    ),
  ]);
  let serial = 0;

  async function addKey(scope: string): Promise<string> {
    const row = await db.prisma.apiKey.create({
      data: { name: scope, hash: hashSecret(`key-${scope}`), scopes: [scope] },
    });
    return row.id;
  }
  const client = (key: string): AxiosInstance => {
    const api = site.http.create({
      baseURL: `http://127.0.0.1:${site.port}/admin/v1`,
      headers: { authorization: `Bearer ${key}` },
    });
    api.interceptors.response.use(asDocumented);
    return api;
  };

  const admin: AdminSite = {
    ...bench,
    url: `http://127.0.0.1:${site.port}/admin/v1`,
    lines: site.lines,
    vault,
    time,
    portalAnswers,
    changedMessengers,
    keyIds: { read: await addKey('read'), write: await addKey('write'), admin: await addKey('admin') },
    as: {
      read: client('key-read'),
      write: client('key-write'),
      admin: client('key-admin'),
      nobody: client('key-nobody'),
    },
    async addPortal({ uninstalledAt } = {}) {
      const gateId = await bench.addGate();
      const host = `p${++serial}.example`;
      const portal = await db.prisma.portal.create({
        data: {
          memberId: `member-${serial}`,
          domain: host,
          clientEndpoint: `https://${host}/rest/`,
          serverEndpoint: 'https://oauth.example/rest/',
          scope: ['imconnector'],
          applicationTokenHash: 'hash',
          gateId: BigInt(gateId),
          uninstalledAt: uninstalledAt ?? null,
        },
      });
      return { id: portal.id, gateId };
    },
    async addMessenger(slug) {
      const gateId = await bench.addGate();
      const deliveryGateId = BigInt(await bench.addGate());
      const data = { slug, name: slug, gateId: BigInt(gateId), deliveryGateId };
      const { id } = await db.prisma.messenger.create({ data });
      return { id, gateId };
    },
    async addChannel({ kind = 'group' } = {}) {
      const portal = await admin.addPortal();
      const slug = `m-${++serial}`;
      const messenger = await admin.addMessenger(slug);
      const connector = await db.prisma.connector.create({
        data: { portalId: portal.id, code: `ocg_${serial}`, name: 'Chat', kind, state: 'ready' },
      });
      const channel = await db.prisma.channel.create({
        data: {
          portalId: portal.id,
          messengerId: messenger.id,
          connectorId: connector.id,
          lineId: 1,
          state: 'ready',
        },
      });
      return {
        channelId: channel.id,
        portalId: portal.id,
        portalGateId: portal.gateId,
        messengerId: messenger.id,
        messengerGateId: messenger.gateId,
        slug,
        connectorId: connector.id,
      };
    },
    work(handlers) {
      const working = Object.entries(handlers).map(([kind, effect]): [string, Handler] => [
        kind,
        {
          async run(job) {
            await effect(job.payload);
            return { outcome: 'done' };
          },
        },
      ]);
      bench.startWorker(Object.fromEntries(working));
    },
    async close() {
      await site.close();
      await bench.close();
    },
  };
  return admin;
}

/** What an answer shows is what its route documents: no member less, and none more. */
function asDocumented(answer: AxiosResponse): AxiosResponse {
  const { method = '', url = '' } = answer.config;
  if (answer.status >= 400 || answer.status === 304) return answer;
  const [path = ''] = url.split('?');
  const route = routes.find((one) => one.method === method && patternOf(one.path).test(path));
  const schema = route?.responses[answer.status];
  if (schema === undefined) throw new Error(`${method} ${url} answered ${answer.status}, which is not documented`);
  if (schema !== null) expect(schema.parse(answer.data)).toEqual(answer.data);
  else expect(answer.data).toBe('');
  return answer;
}

const patternOf = (path: string): RegExp => new RegExp(`^${path.replaceAll(/:\w+/g, '[^/]+')}$`);

/** The problem document of a refusal. */
export const problem = ({ data }: AxiosResponse): ProblemDocument => data as ProblemDocument;
export const NOWHERE = '00000000-0000-7000-8000-000000000000';
