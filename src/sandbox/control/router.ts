// The control API: what a test or a demonstration may see and do beside REST. Protected by nothing but loopback.
// A family adds its routes by writing a `ControlRoutes` function and putting it into the list below.
import express, { type Router } from 'express';
import { applicationRoutes } from './applications.ts';
import { imbotRoutes } from '../methods/imbot/controlRoutes.ts';
import type { ControlContext, ControlRoutes } from './context.ts';
import { dialogRoutes } from './dialogs.ts';
import { faultRoutes } from './faults.ts';
import { fileRoutes } from './files.ts';
import { lineRoutes } from './lines.ts';
import { observationRoutes } from './observation.ts';
import { portalRoutes } from './portal.ts';

const ROUTES: readonly ControlRoutes[] = [
  observationRoutes,
  faultRoutes,
  applicationRoutes,
  lineRoutes,
  dialogRoutes,
  fileRoutes,
  portalRoutes,
  imbotRoutes,
];

export function controlRouter(context: ControlContext): Router {
  const router = express.Router();
  router.use(express.json({ limit: '16mb' }));
  for (const add of ROUTES) add(router, context);
  return router;
}
