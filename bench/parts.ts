import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, chmod } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import autocannon from 'autocannon';
import axios, { type AxiosInstance } from 'axios';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../src/db/embedded.ts';
import { applyMigrations } from '../src/db/migrate.ts';
import { sign } from '../src/messenger/signature.ts';
import type { Sandbox } from '../src/sandbox/sandbox.ts';

/** What the benchmarks are made of: a durable PostgreSQL, real processes, signed requests. */

export const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
export const percentile = (values: readonly number[], share: number): number =>
  [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * share))] ?? Number.NaN;

export interface Started {
  port: number;
  child: ChildProcess;
  stop(): Promise<void>;
}

/** A process that prints its port in a line of its own, or `"port":N` in a log line. */
export async function startProcess(args: string[], env: Record<string, string>): Promise<Started> {
  const child = spawn(process.execPath, args, {
    env: { PATH: process.env.PATH, HOME: process.env.HOME, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  const port = await new Promise<number>((resolve, reject) => {
    child.once('exit', () => reject(new Error(`the process ended: ${output}`)));
    child.stdout.on('data', (chunk: Buffer) => {
      output = (output + chunk.toString()).slice(-20_000);
      const [, found] = /(?:^|\n)(\d+)\n|"gateway\.started","port":(\d+)/.exec(output) ?? [];
      const inLog = /"gateway\.started".*?"port":(\d+)|"port":(\d+).*?"gateway\.started"/.exec(output);
      const value = found ?? inLog?.[1] ?? inLog?.[2];
      if (value) resolve(Number(value));
    });
  });
  child.removeAllListeners('exit');
  return {
    port,
    child,
    async stop() {
      if (child.exitCode !== null) return;
      child.kill('SIGTERM');
      await once(child, 'exit');
    },
  };
}

export interface Database {
  server: EmbeddedPostgres;
  /** Address of a new database with all tables. */
  migrated(name: string): Promise<string>;
  close(): Promise<void>;
}

/** fsync and synchronous_commit on: the figures are about durable work. */
export async function startDatabase(): Promise<Database> {
  const home = await mkdtemp(path.join(tmpdir(), 'gateway-bench-'));
  await chmod(home, 0o755);
  const server = await startEmbeddedPostgres({ home });
  return {
    server,
    async migrated(name) {
      const url = await server.database(name);
      await applyMigrations(url, 'prisma/migrations');
      return url;
    },
    async close() {
      await server.stop();
      await rm(home, { recursive: true, force: true });
    },
  };
}

export interface GatewayProcess extends Started {
  url: string;
  api: AxiosInstance;
  /** Resident memory, MB. */
  memory(): Promise<number>;
}

const ADMIN_KEY = 'ocg_bench';
const ENCRYPTION_KEY = randomBytes(32).toString('base64');

/** What `npm start` gives to Node.js: the gateway is measured as it is run. */
async function startArguments(): Promise<string[]> {
  const { scripts } = JSON.parse(await readFile('package.json', 'utf8')) as { scripts: { start: string } };
  return scripts.start.split(' ').slice(1);
}

export async function startGateway(
  databaseUrl: string,
  options: { role?: string; sandbox?: Sandbox; clientSecret?: string } = {},
): Promise<GatewayProcess> {
  const started = await startProcess(await startArguments(), {
    PORT: '0',
    DATABASE_URL: databaseUrl,
    DATA_DIR: tmpdir(),
    ADMIN_API_KEY: ADMIN_KEY,
    ENCRYPTION_KEY,
    BITRIX24_CLIENT_ID: 'local.bench',
    BITRIX24_CLIENT_SECRET: options.clientSecret ?? 'none',
    BITRIX24_OAUTH_URLS: options.sandbox ? new URL(options.sandbox.oauthUrl).origin : 'http://127.0.0.1:1',
    ALLOW_INSECURE_PORTALS: 'true',
    ROLE: options.role ?? 'all',
    LOG_FORMAT: 'json',
    LOG_LEVEL: 'info',
  });
  const url = `http://127.0.0.1:${started.port}`;
  return {
    ...started,
    url,
    api: axios.create({ baseURL: `${url}/admin/v1`, headers: { authorization: `Bearer ${ADMIN_KEY}` } }),
    async memory() {
      const status = await readFile(`/proc/${started.child.pid}/status`, 'utf8').catch(() => '');
      return Math.round(Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? Number.NaN) / 1024);
    },
  };
}

/** One signed webhook. */
export function signed(secret: string, body: string): { headers: Record<string, string>; body: string } {
  const id = randomUUID();
  const timestamp = Math.floor(Date.now() / 1000);
  const signature = sign({ id, timestamp, body, secret });
  return {
    body,
    headers: {
      'content-type': 'application/json',
      'webhook-id': id,
      'webhook-timestamp': String(timestamp),
      'webhook-signature': signature,
    },
  };
}

export const renamed = (conversation: string, name: string): string =>
  JSON.stringify({
    type: 'conversation.renamed',
    timestamp: new Date().toISOString(),
    data: { conversation: { id: conversation, name } },
  });

export interface Load {
  perSecond: number;
  p50: number;
  p99: number;
  failed: number;
}

/** 64 connections, closed loop: the most the server can take. Every request is another webhook. */
export async function load(port: number, secret: string, seconds: number): Promise<Load> {
  let n = 0;
  const result = await autocannon({
    url: `http://127.0.0.1:${port}/webhooks/bench`,
    connections: 64,
    duration: seconds,
    requests: [
      {
        method: 'POST',
        setupRequest: (request) => ({ ...request, ...signed(secret, renamed(`c-${n++ % 1000}`, `Name ${n}`)) }),
      },
    ],
  });
  return {
    perSecond: result.requests.average,
    p50: result.latency.p50,
    p99: result.latency.p99,
    failed: result.non2xx + result.errors,
  };
}
