import { type ChildProcess, fork } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import axios from 'axios';
import type { Settled } from '../../src/app.ts';
import { readOperatorMessages } from '../../src/bitrix24/connectorEvents.ts';
import type { PortalEvent } from '../../src/bitrix24/events.ts';
import { readConfig } from '../../src/config.ts';
import { createDatabase } from '../../src/db/database.ts';
import { sign } from '../../src/messenger/signature.ts';
import type { Sandbox } from '../../src/sandbox/sandbox.ts';
import type { SandboxPortal } from '../../src/sandbox/portalHandle.ts';
import { ADMIN_KEY, gatewayEnv } from '../support/gatewayEnv.ts';
import { until } from '../support/until.ts';

/** A gateway in a process of its own, at one address through all its lives, wired to a sandbox portal. */
export interface Site {
  readonly portal: SandboxPortal;
  readonly clock: Sandbox['clock'];
  readonly deliverySecret: string;
  start(): Promise<void>;
  /** SIGKILL. */
  kill(): Promise<void>;
  /** Makes the messenger and its channel. */
  wire(deliveryUrl: string): Promise<void>;
  /**
   * Administrators whose grant is lost open the application again, as they are asked to: when a process dies between the
   * answer to a renewal and its commit, the rotated token is gone. Returns how many did.
   */
  visit(): Promise<number>;
  /** Sends an event until it is accepted, under one id, as a good sender does. */
  send(type: string, data: object): Promise<void>;
  /** Lets time pass until nothing is left to do. */
  drain(): Promise<void>;
  /** Jobs in one of the states that wait for a person, as `kind: reason`. */
  left(state: 'parked' | 'dead'): Promise<string[]>;
  /** Messages of operators whose event was taken, by their ids on the portal. */
  told(): Promise<Set<string>>;
  close(): Promise<void>;
}

const STEP_MS = 5_000;
/** The one who installs, and the reserve. */
const RESERVE = 8;
const ADMINISTRATORS = [1, RESERVE];
const SURELY_STUCK_MS = 60 * 60_000;
const SURELY_ENDLESS_MS = 12 * 60 * 60_000;

const forkGateway = (): ChildProcess =>
  fork('test/crash/gatewayChild.ts', { execArgv: ['--import', 'tsx'], stdio: 'inherit' });

const nextMessage = async <T>(child: ChildProcess): Promise<T> => ((await once(child, 'message')) as [T])[0];

export function createSite(sandbox: Sandbox, portal: SandboxPortal, databaseUrl: string): Site {
  const application = sandbox.addApplication({ clientId: 'local.crash' });
  const env = gatewayEnv(sandbox, application, databaseUrl);
  const settled: Settled = { ...readConfig(env, { isTerminal: false }), databaseUrl, bitrix24: application };
  const db = createDatabase({ url: databaseUrl, connections: 2 });
  /** Loads its code while another one still works. */
  let spare = forkGateway();
  let spareIsReady = nextMessage(spare);
  let child: ChildProcess | undefined;
  let port = 0;
  let webhook = { webhookSecret: '', deliverySecret: '' };

  async function post<T>(path: string, body: object): Promise<T> {
    const headers = { authorization: `Bearer ${ADMIN_KEY}` };
    return (await axios.post<T>(`http://127.0.0.1:${port}/admin/v1${path}`, body, { headers })).data;
  }

  async function standing(): Promise<{ left: number; finished: number }> {
    const left = await db.prisma.job.count({ where: { state: { in: ['waiting', 'running'] } } });
    return { left, finished: await db.prisma.finishedJob.count() };
  }

  async function end(gateway: ChildProcess): Promise<void> {
    if (gateway.exitCode !== null || gateway.signalCode !== null) return;
    gateway.kill('SIGKILL');
    await once(gateway, 'exit');
  }

  return {
    portal,
    clock: sandbox.clock,
    get deliverySecret() {
      return webhook.deliverySecret;
    },
    async start() {
      await spareIsReady;
      child = spare;
      child.send({
        start: {
          config: { ...settled, port, encryptionKeys: [env.ENCRYPTION_KEY] },
          offsetMs: sandbox.clock.now() - Date.now(),
        },
      });
      ({ port } = await nextMessage<{ port: number }>(child));
      spare = forkGateway();
      spareIsReady = nextMessage(spare);
    },
    async kill() {
      if (child) await end(child);
    },
    async wire(deliveryUrl) {
      portal.addUser({ id: RESERVE, name: 'Second', lastName: 'Admin', admin: true });
      portal.install({ ...application, eventsUrl: `http://127.0.0.1:${port}/bitrix24/events` });
      const connector = await until(() => db.prisma.connector.findFirst({ where: { state: 'ready' } }));
      await until(() => db.prisma.bot.findFirst({ where: { state: 'ready' } }));
      webhook = await post('/messengers', { slug: 'chat', name: 'Chat', deliveryUrl });
      await post('/channels', {
        ...{ portalId: connector?.portalId, connector: connector?.code, messenger: 'chat', lineId: 1 },
        companion: { mode: 'onFirstMessage' },
      });
    },
    async visit() {
      const url = `http://127.0.0.1:${port}/bitrix24/app`;
      const kept = await db.prisma.grant.findMany({ where: { lostReason: null } });
      const lost = ADMINISTRATORS.filter((id) => kept.every(({ userId }) => userId !== String(id)));
      const opened = lost.map(async (userId) => {
        const { action, fields } = portal.openPage(application.clientId, { userId, url });
        return axios.post(action, new URLSearchParams(fields)).catch(() => undefined);
      });
      return (await Promise.all(opened)).filter((answer) => answer !== undefined).length;
    },
    async send(type, data) {
      const id = randomUUID();
      const body = JSON.stringify({ type, timestamp: new Date(sandbox.clock.now()).toISOString(), data });
      for (;;) {
        const timestamp = Math.floor(sandbox.clock.now() / 1000);
        const headers = {
          'content-type': 'application/json',
          'webhook-id': id,
          'webhook-timestamp': timestamp,
          'webhook-signature': sign({ id, timestamp, body, secret: webhook.webhookSecret }),
        };
        const answer = await axios
          .post(`http://127.0.0.1:${port}/webhooks/chat`, body, { headers, timeout: 2_000, validateStatus: () => true })
          .catch(() => undefined);
        if (answer?.status === 202) return;
        await sleep(20);
      }
    },
    async drain() {
      let last = await standing();
      for (let quiet = 0, idleMs = 0, passedMs = 0; quiet < 3; idleMs += STEP_MS, passedMs += STEP_MS) {
        if (idleMs > SURELY_STUCK_MS) throw new Error(`${last.left} jobs are left and nothing happens any more`);
        if (passedMs > SURELY_ENDLESS_MS) throw new Error(`${last.left} jobs are left, and it goes on and on`);
        sandbox.advance(STEP_MS);
        child?.send({ advanceMs: STEP_MS });
        // A request takes real time: the lease of its lane must not run out over a few milliseconds of it.
        await sleep(400);
        const now = await standing();
        // Events that are applied make jobs: how many are left says nothing about whether anything happens.
        if (now.left !== last.left || now.finished !== last.finished) idleMs = 0;
        quiet = now.left === 0 ? quiet + 1 : 0;
        last = now;
      }
    },
    async left(state) {
      const jobs = await db.prisma.job.findMany({ where: { state } });
      return jobs.map(({ kind, lastCode }) => `${kind}: ${lastCode}`);
    },
    async told() {
      const event = 'ONIMCONNECTORMESSAGEADD';
      const rows = await db.prisma.portalEvent.findMany({ where: { event }, select: { payload: true } });
      const items = rows.flatMap(({ payload }) => readOperatorMessages(payload as unknown as PortalEvent).items);
      return new Set(items.map(({ messageId }) => messageId));
    },
    async close() {
      if (child) await end(child);
      await end(spare);
      await db.close();
    },
  };
}
