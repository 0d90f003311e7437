import express, { type Request, type Response, type Router } from 'express';
import { connectorOf } from '../openlines/connectors.ts';
import { uploadOf } from '../openlines/uploads.ts';
import { toInt, toText } from '../php/values.ts';
import type { SandboxPortal } from '../portalHandle.ts';
import { Refusal } from '../refusal.ts';
import { BX24_STAND_IN, framePage, frameScript } from './frame.ts';
import { type Html, html, page } from './html.ts';
import { overview, OVERVIEW_SCRIPT } from './overview.ts';

export interface ConsoleContext {
  readonly portal: () => SandboxPortal;
  /** Every portal of the sandbox. */
  readonly portals: () => Iterable<SandboxPortal>;
}

const ADMIN_ID = 1;

/** The pages of a portal that people look at: itself, and pages of applications in its frame. */
export function consoleRouter({ portal, portals }: ConsoleContext): Router {
  const router = express.Router();
  const show =
    (work: (req: Request) => { title: string; body: Html; script: string }) => (req: Request, res: Response) => {
      try {
        const { title, body, script } = work(req);
        res.type('html').send(page(title, body, script));
      } catch (error) {
        const refusal = error instanceof Refusal ? error : undefined;
        const body = html`<main>
          <section>${refusal?.message ?? 'The sandbox failed.'} <a href="/">Back</a></section>
        </main>`;
        res
          .status(refusal?.status ?? 500)
          .type('html')
          .send(page('Not possible', body, ''));
      }
    };

  router.get(
    '/',
    show(() => ({
      title: portal().state().portal.title,
      body: overview(portal(), portals()),
      script: OVERVIEW_SCRIPT,
    })),
  );
  router.get(
    '/app/',
    show(({ query }) => {
      const clientId = toText(query.id);
      const userId = userOf(query);
      const form = portal().openPage(clientId, { userId });
      return { title: clientId, body: framePage(clientId, form), script: frameScript(clientId, userId) };
    }),
  );
  router.get(
    '/contact_center/connector/',
    show(({ query }) => {
      const [id, line, userId] = [toText(query.ID), toInt(query.LINE), userOf(query)];
      const form = portal().openConnectorSettings(id, line, userId);
      const connector = connectorOf(portal().inside, id);
      const title = `${connector?.name ?? id}, line ${line}`;
      const script = frameScript(connector?.ownerClientId ?? '', userId);
      return { title, body: framePage(title, form), script };
    }),
  );
  router.get('/~:code', (req, res) => {
    const file = uploadOf(portal().inside, req.params.code);
    if (!file) return void res.sendStatus(404);
    res.set('Content-Security-Policy', 'sandbox').type(file.mime).send(Buffer.from(file.base64, 'base64'));
  });
  router.get('/bx24.js', (_req, res) => {
    res.type('application/javascript').send(BX24_STAND_IN);
  });
  return router;
}

const userOf = (query: Request['query']): number => toInt(query.user) || ADMIN_ID;
