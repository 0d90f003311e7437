import express, { type Router } from 'express';
import { type ApiKey, createApiKeyGuard } from './apiKey.ts';
import { methodNotAllowed } from './problem.ts';

export interface MetricsDoorDeps {
  /** By `hashSecret(key)`. */
  findKey(hash: string): Promise<ApiKey | undefined>;
  contentType: string;
  text(): Promise<string>;
}

/** How long a key that was found once opens the door while the database cannot be asked. */
const REMEMBERED_MS = 10 * 60_000;

/** `GET /metrics` for Prometheus, with an administration key of the scope `read`. */
export function createMetricsDoor(deps: MetricsDoorDeps): Router {
  const router = express.Router();
  const guard = createApiKeyGuard({ find: remembering((hash) => deps.findKey(hash)) });
  router
    .route('/metrics')
    .get(guard('read'), async (_req, res) => {
      res.set('Cache-Control', 'no-store').set('Content-Type', deps.contentType);
      res.end(await deps.text());
    })
    .all(methodNotAllowed('GET'));
  return router;
}

/** A database that is gone is when somebody looks at the metrics. */
function remembering(find: MetricsDoorDeps['findKey']): MetricsDoorDeps['findKey'] {
  const known = new Map<string, { key: ApiKey; at: number }>();
  return async (hash) => {
    try {
      const key = await find(hash);
      if (key) known.set(hash, { key, at: performance.now() });
      else known.delete(hash);
      return key;
    } catch (error) {
      const found = known.get(hash);
      if (!found || performance.now() - found.at > REMEMBERED_MS) throw error;
      return found.key;
    }
  };
}
