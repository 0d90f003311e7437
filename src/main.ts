import { randomBytes } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Gateway, startGateway } from './app.ts';
import { type Config, ConfigError, readConfig } from './config.ts';
import { type EmbeddedPostgres, startEmbeddedPostgres } from './db/embedded.ts';
import { applyMigrations } from './db/migrate.ts';
import { claimSandbox } from './db/sandboxClaim.ts';
import { type Logger, createLogger } from './kit/logger.ts';
import { startNotice } from './notice.ts';
import { type SandboxMode, startSandboxMode } from './sandboxMode.ts';

/** Starts and stops. The only file that reads the environment. */

const root = (relative: string): string => fileURLToPath(new URL(`../${relative}`, import.meta.url));

/** What was started, in the order it has to be stopped. */
interface Running {
  gateway?: Gateway;
  sandbox?: SandboxMode;
  claim?: { stop(): Promise<void> };
  embedded?: EmbeddedPostgres;
}

async function start(config: Config, log: Logger, running: Running): Promise<void> {
  await mkdir(config.dataDir, { recursive: true });
  const databaseUrl = config.databaseUrl ?? (await startDatabase(config.dataDir, log, running));
  const migrations = await applyMigrations(databaseUrl, root('prisma/migrations'));
  if (migrations.length > 0) log.info('database.migrated', { migrations });

  if (!config.bitrix24) running.claim = await claimSandbox(databaseUrl);
  const sandbox = config.bitrix24 ? undefined : await startSandboxMode(config.dataDir);
  if (sandbox) running.sandbox = sandbox;
  const encryptionKeys = config.encryptionKeys.length > 0 ? config.encryptionKeys : [await ownKey(config.dataDir)];
  const own = sandbox && {
    bitrix24: { clientId: sandbox.clientId, clientSecret: sandbox.clientSecret },
    oauthUrls: [sandbox.oauthUrl],
    bx24Script: sandbox.bx24Script,
    allowInsecurePortals: true,
    // Everything of the sandbox is on this machine, the messenger beside it included.
    egressAllow: [...config.egressAllow, '127.0.0.0/8', '::1/128'],
  };
  const { bitrix24 } = { ...config, ...own };
  if (!bitrix24) throw new Error('neither credentials nor a sandbox portal');
  const gateway = await startGateway({ ...config, ...own, bitrix24, databaseUrl, encryptionKeys }, log);
  running.gateway = gateway;

  const demo = await sandbox?.connect(gateway);
  process.stdout.write(
    startNotice({ publicUrl: gateway.publicUrl, newAdminKey: gateway.newAdminKey, demo }, Date.now()),
  );
}

async function startDatabase(dataDir: string, log: Logger, running: Running): Promise<string> {
  running.embedded = await startEmbeddedPostgres({ home: path.join(dataDir, 'postgres'), env: process.env });
  log.info('database.embedded', { dataDir: running.embedded.dataDir });
  return running.embedded.database('gateway');
}

/** Sandbox mode asks for no settings, so it makes its own key and keeps it beside the data. */
async function ownKey(dataDir: string): Promise<Buffer> {
  const file = path.join(dataDir, 'encryption.key');
  const known = await readFile(file, 'utf8').catch(() => undefined);
  if (known !== undefined) return Buffer.from(known.trim(), 'base64');
  const key = randomBytes(32);
  await writeFile(file, key.toString('base64'), { mode: 0o600 });
  return key;
}

/** Orchestrators kill after 30 s; a database that does not answer must not make us wait for that. */
const STOP_WITHIN_MS = 28_000;

async function stop(running: Running, log: Logger): Promise<void> {
  setTimeout(() => {
    log.warn('gateway.stopForced', { afterMs: STOP_WITHIN_MS });
    process.exit(1);
  }, STOP_WITHIN_MS).unref();
  for (const part of [running.gateway, running.sandbox, running.claim, running.embedded]) {
    await part?.stop().catch((error: unknown) => log.error('gateway.stopFailed', { error }));
  }
}

function explain(error: unknown): string {
  const { code, port } = error as { code?: string; port?: number };
  if (code === 'EADDRINUSE') return `Port ${port} is in use: stop what listens there, or set PORT.`;
  // Nothing else is connected to at the start.
  if (code === 'ECONNREFUSED' || code === 'ENOTFOUND')
    return `The database does not answer (${(error as Error).message}): start it, or correct DATABASE_URL.`;
  return error instanceof Error ? error.message : String(error);
}

async function main(): Promise<void> {
  if (process.loadEnvFile) {
    try {
      process.loadEnvFile();
    } catch {
      // There is no .env, and none is needed.
    }
  }
  const config = readConfig(process.env, { isTerminal: process.stdout.isTTY });
  const log = createLogger(config.log);
  const running: Running = {};
  let stopping: Promise<void> | undefined;
  const shutDown = (): void => {
    log.info('gateway.stopping');
    stopping ??= stop(running, log);
  };
  process.on('SIGINT', shutDown);
  process.on('SIGTERM', shutDown);
  try {
    await start(config, log, running);
  } catch (error) {
    log.error('gateway.startFailed', { error });
    process.exitCode = 1;
    process.stderr.write(`\nThe gateway did not start. ${explain(error)}\n`);
    await (stopping ??= stop(running, log));
  }
}

try {
  await main();
} catch (error) {
  process.exitCode = 1;
  process.stderr.write(`${error instanceof ConfigError ? error.message : String(error)}\n`);
}
