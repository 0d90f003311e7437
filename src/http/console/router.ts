import { createHash } from 'node:crypto';
import compression from 'compression';
import express, { type Response, type Router } from 'express';
import { RequestError } from '../../kit/errors.ts';
import { type Assets, importsBelow, loadAssets } from './assets.ts';

/** `GET /console`: one page and its files, from this process and from nowhere else. */

const A_YEAR_S = 365 * 24 * 3600;
/** Loaded when they are needed: the plots, and the views nobody has opened yet. */
const LATER = /^(vendor\/uplot|diagnosis|views\/(?!overview|decisions))|\.css$|\.svg$/;

const KEPT = ['x-request-id', 'x-content-type-options', 'cross-origin-resource-policy', 'vary'];

export interface ConsolePage {
  html: string;
  policy: string;
}

export function createConsoleRouter(load: () => Assets = loadAssets): Router {
  const router = express.Router();
  const assets = load();
  const page = pageOf(assets);
  router.use('/console', compression());
  router.get('/console', (req, res) => {
    // Everything in the page is named relative to it, so that it also works below a path of a proxy.
    if (req.path.endsWith('/')) return res.redirect(308, '../console');
    res.removeHeader('X-Frame-Options');
    res.set({ 'Content-Security-Policy': page.policy, 'Cache-Control': 'no-cache' });
    res.type('html').send(page.html);
  });
  router.get('/console/assets/:version/*file', (req, res) => {
    const { version, file } = req.params;
    sendAsset(res, assets, version, file.join('/'));
  });
  return router;
}

function sendAsset(res: Response, { version: current, files }: Assets, version: string, name: string): void {
  const asset = version === current ? files.get(name) : undefined;
  if (!asset) throw new RequestError('not_found');
  // What protects pages is of no use here, and outweighs the smaller files.
  for (const header of res.getHeaderNames()) if (!KEPT.includes(header)) res.removeHeader(header);
  res.set({ 'Content-Type': asset.type, 'Cache-Control': `public, max-age=${A_YEAR_S}, immutable` });
  res.end(asset.body);
}

export function pageOf({ version, files }: Assets): ConsolePage {
  const base = `./console/assets/${version}`;
  const imports = JSON.stringify({ imports: importsBelow(base) });
  const first = [...files.keys()].filter((name) => !LATER.test(name));
  const policy = [
    "default-src 'none'",
    `script-src 'self' 'sha256-${createHash('sha256').update(imports).digest('base64')}'`,
    "style-src 'self'",
    "img-src 'self' data:",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ];
  const html = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
<title>Console · Open Channel Gateway</title>
<link rel="icon" type="image/svg+xml" href="${base}/icon.svg">
<link rel="stylesheet" href="${base}/console.css">
<script type="importmap">${imports}</script>
${first.map((name) => `<link rel="modulepreload" href="${base}/${name}">`).join('\n')}
<script type="module" src="${base}/app.js"></script>
</head>
<body>
<div id="app"><noscript>The console needs JavaScript. The administration API does not: see /docs.</noscript></div>
</body>
</html>
`;
  return { html, policy: policy.join('; ') };
}
