import { randomUUID } from 'node:crypto';
import express, { type Response, type Router } from 'express';
import type { FormValue } from '../../bitrix24/events.ts';
import { requestIdOf } from '../requestId.ts';
import { formBody, formOf, queryOf } from './form.ts';

/** A page of ours inside a portal, opened by a user the OAuth server vouched for. */
export interface VerifiedFrame {
  portalId: string;
  /** Origin of the portal; the only one that may frame the page. */
  origin: string;
  admin: boolean;
  /** The portal still shows the installer: the page has to finish it (contract platform §1.4). */
  needsFinish: boolean;
  /** Connector and line of the settings page. */
  connector?: string;
  line?: string;
}

export interface PortalPagesDeps {
  /** @throws RequestError unverified_origin; DeliveryError when no OAuth server can be reached. */
  open(query: FormValue, body: FormValue, requestId: string): Promise<VerifiedFrame>;
  /** What the settings page of a line says. */
  describeLine(frame: VerifiedFrame): Promise<string>;
}

/** `POST /bitrix24/app` and `POST /bitrix24/connector`: the pages Bitrix24 shows in a frame. */
export function createPortalPages(deps: PortalPagesDeps): Router {
  const router = express.Router();
  router.post('/bitrix24/app', formBody, async (req, res) => {
    const frame = await deps.open(queryOf(req), formOf(req), requestIdOf(res));
    const text = frame.admin
      ? 'The gateway is installed on this portal. Connect a line in the Contact Center, or over the administration API.'
      : 'The gateway works in the background. Only administrators have something to set up here.';
    sendPage(res, frame, text);
  });
  router.post('/bitrix24/connector', formBody, async (req, res) => {
    const frame = await deps.open(queryOf(req), formOf(req), requestIdOf(res));
    sendPage(res, frame, await deps.describeLine(frame));
  });
  return router;
}

/** The portal's own script; pages in a frame of a portal have no other way to finish an installation. */
const BX24_SCRIPT = 'https://api.bitrix24.com/api/v1/';
const FINISH = 'BX24.init(function(){BX24.installFinish()})';

function sendPage(res: Response, frame: VerifiedFrame, text: string): void {
  const finish = frame.needsFinish && frame.admin;
  const nonce = randomUUID();
  const scripts = finish ? `<script src="${BX24_SCRIPT}"></script><script nonce="${nonce}">${FINISH}</script>` : '';
  // Framed by this portal and nobody else; X-Frame-Options cannot say that.
  res.removeHeader('X-Frame-Options');
  res.set(
    'Content-Security-Policy',
    `default-src 'none'; style-src 'unsafe-inline'; script-src https://api.bitrix24.com 'nonce-${nonce}'; ` +
      `connect-src ${frame.origin}; frame-ancestors ${frame.origin}`,
  );
  res
    .type('html')
    .send(
      `<!doctype html><html lang="en"><meta charset="utf-8"><title>Open Channel Gateway</title>` +
        `<style>body{font:16px/1.5 system-ui,sans-serif;margin:2rem;max-width:40rem}</style>` +
        `<h1>Open Channel Gateway</h1><p>${escapeHtml(text)}</p>${scripts}</html>`,
    );
}

const escapeHtml = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
