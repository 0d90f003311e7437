import express, { type Express, type Router } from 'express';
import helmet from 'helmet';
import type { Logger } from '../kit/logger.ts';
import { createProblemHandler, notFound } from './problem.ts';
import { requestId } from './requestId.ts';

export interface ServerParts {
  log: Logger;
  /** Doors for programs, on the shortest way: without what only browsers need. */
  machineDoors: readonly Router[];
  /** Doors with their own full paths, tried in this order. */
  routers: readonly Router[];
  /** Mounted at `/admin/v1`. */
  admin?: Router;
}

/** One Express application. No body parser for everybody: each door decides what it reads, and how much of it. */
export function createServerApp({ log, machineDoors, routers, admin }: ServerParts): Express {
  const app = express();
  app.disable('x-powered-by');
  // Query strings are read where they are needed; the default parser would build objects from anything.
  app.set('query parser', 'simple');
  // Nobody caches what a door answers; hashing every answer for that costs as much as checking a signature.
  app.set('etag', false);
  app.use(requestId);
  for (const door of machineDoors) app.use(door);
  // upgrade-insecure-requests would make the browser fetch the assets of /docs over https on a plain-http host.
  app.use(helmet({ contentSecurityPolicy: { directives: { upgradeInsecureRequests: null } } }));
  for (const router of routers) app.use(router);
  if (admin) app.use('/admin/v1', admin);
  app.use(notFound);
  app.use(createProblemHandler({ log }));
  return app;
}
