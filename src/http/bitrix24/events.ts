import express, { type Router } from 'express';
import { type FormValue, type PortalEvent, readEvent } from '../../bitrix24/events.ts';
import type { Logger } from '../../kit/logger.ts';
import { requestIdOf } from '../requestId.ts';
import { formBody, formOf } from './form.ts';

export interface PortalEventsDeps {
  /** Verifies ONAPPINSTALL or ONAPPUPDATE at the OAuth server and stores the installation. */
  install(form: FormValue, requestId: string): Promise<void>;
  /** Which portal sent it. @throws RequestError unverified_origin */
  identify(event: PortalEvent): Promise<{ id: string }>;
  accept(portalId: string, event: PortalEvent, requestId: string): Promise<{ accepted: boolean }>;
  uninstalled(portalId: string, requestId: string): Promise<void>;
  log: Logger;
}

/** `POST /bitrix24/events`: everything Bitrix24 tells us. It never repeats an event, so 200 only after the commit. */
export function createPortalEventsDoor(deps: PortalEventsDeps): Router {
  const router = express.Router();
  router.post('/bitrix24/events', formBody, async (req, res) => {
    const requestId = requestIdOf(res);
    const form = formOf(req);
    const event = readEvent(form);
    const outcome = await handle(event, form, requestId, deps).catch((error: unknown) => {
      // Who waits for an installation finds here why there is none. The values stay out of the log.
      const code = error instanceof Error ? (error as { code?: unknown }).code : undefined;
      deps.log.warn('portalEvent.refused', { type: event.event, requestId, code });
      throw error;
    });
    deps.log.info('portalEvent.received', { type: event.event, requestId, ...outcome });
    res.json({ ok: true });
  });
  return router;
}

async function handle(
  event: PortalEvent,
  form: FormValue,
  requestId: string,
  deps: PortalEventsDeps,
): Promise<{ portalId?: string; accepted: boolean }> {
  // Both bring tokens of their own, and an update may bring another application token: the OAuth server vouches.
  if (event.event === 'ONAPPINSTALL' || event.event === 'ONAPPUPDATE') {
    await deps.install(form, requestId);
    return { accepted: true };
  }
  const { id: portalId } = await deps.identify(event);
  if (event.event === 'ONAPPUNINSTALL') {
    await deps.uninstalled(portalId, requestId);
    return { portalId, accepted: true };
  }
  return { portalId, ...(await deps.accept(portalId, event, requestId)) };
}
