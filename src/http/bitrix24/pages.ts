import express, { type Response, type Router } from 'express';
import { z } from 'zod';
import type { FormValue } from '../../bitrix24/events.ts';
import type { ConnectedLine, LineSettings, LineState, LineWish, PortalLine } from '../../bridge/lineSettings.ts';
import { RequestError } from '../../kit/errors.ts';
import { titleTemplate } from '../admin/fields.ts';
import { check, readJson } from '../admin/parse.ts';
import { requestIdOf } from '../requestId.ts';
import { formBody, formOf, queryOf } from './form.ts';
import { type Html, html, sendPage } from './html.ts';
import type { PageSessions } from './pageSession.ts';
import { noMessenger, SETTINGS_SCRIPT, settingsForm } from './settingsPage.ts';

/** A page of ours inside a portal, opened by a user the OAuth server vouched for. */
export interface VerifiedFrame {
  /** Absent: nobody has installed the application here, and the visitor cannot. */
  portalId?: string;
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
  lines(portalId: string): Promise<ConnectedLine[]>;
  /** Undefined: the connector is not one of ours. */
  settings(line: PortalLine): Promise<LineSettings | undefined>;
  save(line: PortalLine, wish: LineWish, requestId: string): Promise<LineState>;
  sessions: PageSessions;
  /** Address of BX24.js; a path is one of the portal itself. */
  bx24Script: string;
}

const wish = z.strictObject({
  messenger: z.string().min(1).max(63),
  titleTemplate: titleTemplate.nullable(),
  companionMode: z.enum(['off', 'onFirstMessage', 'onDemand']),
});

const TITLE = 'Open Channel Gateway';
const BEARER = /^Bearer +(\S{1,4096})$/i;

/** `POST /bitrix24/app` and `POST /bitrix24/connector`: the pages Bitrix24 shows in a frame, and what the second saves. */
export function createPortalPages(deps: PortalPagesDeps): Router {
  const router = express.Router();
  const open = (req: express.Request, res: Response): Promise<VerifiedFrame> =>
    deps.open(queryOf(req), formOf(req), requestIdOf(res));

  // Addresses are checked with HEAD when they are entered in a vendor's console (contract platform §1.2).
  router.get(['/bitrix24/app', '/bitrix24/connector', '/bitrix24/events'], (_req, res) => {
    res.type('text').send('This address of the Open Channel Gateway is for Bitrix24.\n');
  });

  router.post('/bitrix24/app', formBody, async (req, res) => {
    const frame = await open(req, res);
    if (!frame.admin || frame.portalId === undefined) return sendMessage(res, frame, notForYou(frame));
    const body = mainPage(await deps.lines(frame.portalId));
    if (!frame.needsFinish) return sendMessage(res, frame, body);
    const bx24 = new URL(deps.bx24Script, frame.origin).href;
    sendPage(res, { title: TITLE, body, script: FINISH, bx24, origin: frame.origin });
  });

  router.post('/bitrix24/connector', formBody, async (req, res) => {
    const frame = await open(req, res);
    if (!frame.admin) return sendMessage(res, frame, notForYou(frame));
    const line = lineOf(frame);
    const settings = line && (await deps.settings(line));
    if (!line || !settings) return sendMessage(res, frame, unknownLine);
    if (settings.messengers.length === 0) return sendMessage(res, frame, noMessenger);
    const body = settingsForm(settings, deps.sessions.issue(line));
    sendPage(res, { title: TITLE, body, script: SETTINGS_SCRIPT, origin: frame.origin });
  });

  router.post('/bitrix24/connector/line', ...readJson, async (req, res) => {
    const [, token] = BEARER.exec(req.get('authorization') ?? '') ?? [];
    if (token === undefined) throw new RequestError('unauthorized');
    const line = deps.sessions.read(token);
    const { state, lastError } = await deps.save(line, check(wish, req.body, 'body'), requestIdOf(res));
    res.json({ state, lastError });
  });
  return router;
}

/** Only the page itself can finish an installation, and only in an administrator's browser (contract platform §1.4). */
const FINISH = 'if (window.BX24) BX24.init(function () { BX24.installFinish(); });';

const sendMessage = (res: Response, { origin }: VerifiedFrame, body: Html): void =>
  sendPage(res, { title: TITLE, body, origin });

function lineOf({ portalId, connector, line }: VerifiedFrame): PortalLine | undefined {
  const lineId = Number(line);
  if (portalId === undefined || connector === undefined || !Number.isSafeInteger(lineId) || lineId < 1)
    return undefined;
  return { portalId, connector, lineId };
}

const notForYou = ({ portalId }: VerifiedFrame): Html =>
  html` <h1>${TITLE}</h1>
    <p>
      ${
        portalId === undefined
          ? 'An administrator of the portal has to open this page first.'
          : 'The gateway works in the background. Only administrators of the portal have something to set up here.'
      }
    </p>`;

const unknownLine = html` <h1>Unknown line</h1>
  <p>This page belongs to a line and a connector of the gateway. Open it from the Contact Center.</p>`;

function mainPage(lines: readonly ConnectedLine[]): Html {
  const intro = html`<h1>${TITLE}</h1>
    <p>The gateway is installed on this portal.</p>`;
  if (lines.length === 0) {
    return html`${intro} No line is connected yet: open the Contact Center, choose the tile of the gateway and a line.</p>`;
  }
  return html`${intro}</p>
<table>
  <tr><th>Line</th><th>Connector</th><th>Messenger</th><th>State</th></tr>
  ${lines.map(
    ({ lineId, connector, messenger, state, lastError }) =>
      html`<tr>
        <td>${lineId}</td>
        <td>${connector}</td>
        <td>${messenger}</td>
        <td>${state === 'ready' ? 'connected' : (lastError ?? state)}</td>
      </tr>`,
  )}
</table>
<p class="soft">Lines are connected and changed in the Contact Center.</p>`;
}
