import express, { type RequestHandler } from 'express';
import type { Logger } from '../kit/logger.ts';

/** What has to work before requests are worth sending here. Resolves when it does, throws when it does not. */
export type Check = () => Promise<void>;

export interface HealthDeps {
  /** By name: `database`, `migrations`, `workers`. */
  checks: Readonly<Record<string, Check>>;
  log: Logger;
  /** Longer than this means no. */
  timeoutMs?: number;
}

const TIMEOUT_MS = 3_000;

/** `GET /health/live`: the process answers. `GET /health/ready`: everything it needs works; 503 otherwise. */
export function createHealthRouter(deps: HealthDeps): express.Router {
  const router = express.Router();
  router.get('/health/live', (_req, res) => void res.json({ status: 'ok' }));
  router.get('/health/ready', ready(deps));
  return router;
}

const ready =
  ({ checks, log, timeoutMs = TIMEOUT_MS }: HealthDeps): RequestHandler =>
  async (_req, res) => {
    const outcomes = await Promise.all(
      Object.entries(checks).map(async ([name, check]) => [name, await outcomeOf(check, timeoutMs)] as const),
    );
    const failed = outcomes.filter(([, error]) => error !== undefined);
    for (const [check, error] of failed) log.warn('health.failed', { check, error });
    const results = Object.fromEntries(outcomes.map(([name, error]) => [name, error === undefined ? 'ok' : 'failed']));
    res.set('Cache-Control', 'no-store');
    res
      .status(failed.length === 0 ? 200 : 503)
      .json({ status: failed.length === 0 ? 'ok' : 'failed', checks: results });
  };

/** The reason is for the log: an answer without a key tells no internals. */
async function outcomeOf(check: Check, timeoutMs: number): Promise<Error | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
  });
  try {
    await Promise.race([check(), timeout]);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  } finally {
    clearTimeout(timer);
  }
}
