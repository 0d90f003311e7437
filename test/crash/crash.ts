import { type ChildProcess, fork } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import axios from 'axios';
import type { Settled } from '../../src/app.ts';
import { readConfig } from '../../src/config.ts';
import { createDatabase } from '../../src/db/database.ts';
import { sign } from '../../src/messenger/signature.ts';
import { createSandbox, type Sandbox } from '../../src/sandbox/sandbox.ts';
import type { SandboxPortal } from '../../src/sandbox/portalHandle.ts';

/**
 * Real gateway processes, killed at random moments while messages, renames and companions are on their way and the
 * portal's answers get lost. Afterwards the portal's own records say whether anything was lost, doubled or out of order.
 */
export interface CrashOptions {
  databaseUrl: string;
  /** How often a process is killed. */
  kills: number;
  /** Random numbers in [0, 1); a seeded source makes a run repeatable as far as processes allow. */
  random?: () => number;
  onProgress?: (kill: number) => void;
}

export interface CrashReport {
  kills: number;
  conversations: number;
  messages: number;
  lost: string[];
  doubled: string[];
  outOfOrder: string[];
  wrongNames: string[];
  companions: string[];
  parked: number;
}

const CONVERSATIONS = 6;
/** Longer than a lease, so that what a dead process held is free. */
const LEASE_OVER_MS = 20_000;

export async function crash(options: CrashOptions): Promise<CrashReport> {
  const random = options.random ?? Math.random;
  const sandbox = await createSandbox();
  const portal = await sandbox.addPortal({ memberId: 'crash', requestLimit: 'off', plan: 'enterprise' });
  const site = createSite(sandbox, portal, options.databaseUrl);
  let child = await site.start();
  await site.wire(child);
  const traffic = createTraffic(site);
  loseAnswers(portal);
  for (let kill = 1; kill <= options.kills; kill++) {
    const sending = traffic.round(kill);
    await sleep(random() * 400);
    await site.kill(child);
    sandbox.advance(LEASE_OVER_MS);
    child = await site.start();
    await sending;
    options.onProgress?.(kill);
  }
  portal.faults.clear();
  await site.drain();
  const report = judge(portal, traffic, options.kills, await site.parked());
  await site.kill(child);
  await site.close();
  await sandbox.close();
  return report;
}

/** A tenth of the answers never arrives although the work was done, and a tenth of the requests breaks before. */
function loseAnswers(portal: SandboxPortal): void {
  portal.faults.add({ match: { probability: 0.1 }, effect: { happensButNoAnswer: true } });
  portal.faults.add({ match: { probability: 0.05 }, effect: { reset: 'before' } });
  portal.faults.add({ match: { probability: 0.3 }, effect: { delayMs: 30 } });
}

interface Site {
  start(): Promise<ChildProcess>;
  kill(child: ChildProcess): Promise<void>;
  wire(child: ChildProcess): Promise<void>;
  send(type: string, data: object, at: Date): Promise<void>;
  drain(): Promise<void>;
  parked(): Promise<number>;
  close(): Promise<void>;
  clock: Sandbox['clock'];
}

const ADMIN_KEY = 'ocg_crash';

function createSite(sandbox: Sandbox, portal: SandboxPortal, databaseUrl: string): Site {
  const application = sandbox.addApplication({ clientId: 'local.crash' });
  const encryptionKey = randomBytes(32).toString('base64');
  const env = {
    PORT: '0',
    DATABASE_URL: databaseUrl,
    BITRIX24_CLIENT_ID: application.clientId,
    BITRIX24_CLIENT_SECRET: application.clientSecret,
    BITRIX24_OAUTH_URLS: new URL(sandbox.oauthUrl).origin,
    ALLOW_INSECURE_PORTALS: 'true',
    ENCRYPTION_KEY: encryptionKey,
    ADMIN_API_KEY: ADMIN_KEY,
  };
  const config = { ...readConfig(env, { isTerminal: false }), encryptionKeys: [encryptionKey] };
  const db = createDatabase({ url: databaseUrl, connections: 2 });
  const children = new Set<ChildProcess>();
  let port = 0;
  let secret = '';

  const site: Site = {
    clock: sandbox.clock,
    async start() {
      const child = fork('test/crash/gatewayChild.ts', { execArgv: ['--import', 'tsx'], stdio: 'inherit' });
      await once(child, 'message');
      const bitrix24 = { clientId: application.clientId, clientSecret: application.clientSecret };
      const start: Omit<Settled, 'encryptionKeys'> = { ...config, port, databaseUrl, bitrix24 };
      child.send({ start: { config: start, offsetMs: sandbox.clock.now() - Date.now() } });
      const [started] = (await once(child, 'message')) as [{ port: number }];
      port = started.port;
      children.add(child);
      child.once('exit', () => children.delete(child));
      return child;
    },
    async kill(child) {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGKILL');
      await once(child, 'exit');
    },
    async wire() {
      portal.install({ ...application, eventsUrl: `http://127.0.0.1:${port}/bitrix24/events` });
      const api = axios.create({
        baseURL: `http://127.0.0.1:${port}/admin/v1`,
        headers: { authorization: `Bearer ${ADMIN_KEY}` },
      });
      const ready = async (): Promise<{ portalId: string; connector: string } | undefined> => {
        const [row] = await db.prisma.connector.findMany({ where: { state: 'ready' } });
        const bots = await db.prisma.bot.count({ where: { state: 'ready' } });
        return row && bots > 0 ? { portalId: row.portalId, connector: row.code } : undefined;
      };
      for (let wired = await ready(); ; wired = await ready()) {
        if (!wired) {
          await sleep(20);
          continue;
        }
        const { data } = await api.post<{ webhookSecret: string }>('/messengers', { slug: 'chat', name: 'Chat' });
        secret = data.webhookSecret;
        const companion = { mode: 'onFirstMessage' };
        await api.post('/channels', { ...wired, messenger: 'chat', lineId: 1, companion });
        return;
      }
    },
    /** Until it is accepted, under one id: what a good sender does. */
    async send(type, data, at) {
      const id = randomUUID();
      const body = JSON.stringify({ type, timestamp: at.toISOString(), data });
      for (;;) {
        const timestamp = Math.floor(sandbox.clock.now() / 1000);
        const headers = {
          'content-type': 'application/json',
          'webhook-id': id,
          'webhook-timestamp': timestamp,
          'webhook-signature': sign({ id, timestamp, body, secret }),
        };
        const answer = await axios
          .post(`http://127.0.0.1:${port}/webhooks/chat`, body, { headers, timeout: 2_000, validateStatus: () => true })
          .catch(() => undefined);
        if (answer?.status === 202) return;
        await sleep(20);
      }
    },
    async drain() {
      const left = (): Promise<number> => db.prisma.job.count({ where: { state: { in: ['waiting', 'running'] } } });
      for (let quiet = 0; quiet < 3;) {
        sandbox.advance(5_000);
        children.forEach((child) => child.connected && child.send({ advanceMs: 5_000 }));
        // A request takes real time: the lease of its lane must not run out over a few milliseconds of it.
        await sleep(400);
        quiet = (await left()) === 0 ? quiet + 1 : 0;
      }
    },
    parked: () => db.prisma.job.count({ where: { state: { in: ['parked', 'dead'] } } }),
    close: () => db.close(),
  };
  return site;
}

interface Traffic {
  round(kill: number): Promise<void>;
  /** Texts by conversation, in the order they were accepted. */
  sent: Map<string, string[]>;
  names: Map<string, string>;
}

/** Each conversation says something and is renamed in every round; what was accepted has to arrive. */
function createTraffic(site: Site): Traffic {
  const sent = new Map<string, string[]>();
  const names = new Map<string, string>();

  async function speak(conversation: string, kill: number): Promise<void> {
    const name = `${conversation} after ${kill}`;
    for (const part of [1, 2]) {
      const text = `${kill}.${part}`;
      const at = new Date(site.clock.now());
      await site.send(
        'message.created',
        { conversation: { id: conversation }, sender: { id: 'u-7', name: 'Anna' }, message: { id: `m-${text}`, text } },
        at,
      );
      sent.set(conversation, [...(sent.get(conversation) ?? []), text]);
    }
    await site.send('conversation.renamed', { conversation: { id: conversation, name } }, new Date(site.clock.now()));
    names.set(conversation, name);
  }

  return {
    sent,
    names,
    async round(kill) {
      await Promise.all(Array.from({ length: CONVERSATIONS }, (_, n) => speak(`c-${n}`, kill)));
    },
  };
}

function judge(portal: SandboxPortal, { sent, names }: Traffic, kills: number, parked: number): CrashReport {
  const state = portal.state();
  const report: CrashReport = {
    kills,
    conversations: sent.size,
    messages: [...sent.values()].flat().length,
    lost: [],
    doubled: [],
    outOfOrder: [],
    wrongNames: [],
    companions: [],
    parked,
  };
  for (const [conversation, expected] of sent) {
    const dialogs = state.dialogs.filter(({ externalChatId }) => externalChatId === conversation);
    if (dialogs.length !== 1) report.doubled.push(`${conversation}: ${dialogs.length} dialogs`);
    const texts = (dialogs[0]?.messages ?? []).filter(({ authorId }) => authorId !== 0).map(({ text }) => text);
    report.lost.push(...expected.filter((text) => !texts.includes(text)).map((text) => `${conversation} ${text}`));
    report.doubled.push(
      ...texts.filter((text, at) => texts.indexOf(text) !== at).map((text) => `${conversation} ${text}`),
    );
    const order = texts.map((text) => expected.indexOf(text));
    if (order.some((place, at) => at > 0 && place < (order[at - 1] ?? 0))) report.outOfOrder.push(conversation);
    const title = dialogs[0]?.title;
    if (title !== names.get(conversation)) report.wrongNames.push(`${conversation}: ${title}`);
    const chats = state.companions.filter(({ title: chat }) => chat.startsWith(`${conversation} after`));
    if (chats.length !== 1 || chats[0]?.title !== names.get(conversation)) {
      report.companions.push(`${conversation}: ${chats.map(({ title: chat }) => chat).join(' | ')}`);
    }
  }
  return report;
}
